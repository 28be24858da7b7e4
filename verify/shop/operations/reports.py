"""Reports."""

from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from verify.clients.odoo_rpc import OdooSession, call
from verify.shop.calls import Call, expect, money, once, operation
from verify.shop.operations.employees import lasting_shift
from verify.shop.people import GOODS_PRICE, SERVICE_PRICE, People
from verify.shop.selling import DISCOUNT, GOODS, SERVICES, TAX, TOTAL, paid


def _reported(people: People) -> dict[str, Any]:
    """Return the only order of the other cashier's session."""
    order: dict[str, Any] = once(
        people, "reported", lambda: paid(people, people.other, session=people.other_session_id)
    )
    return order


@operation("getSalesReport", "report")
def get_sales_report(people: People) -> Call:
    """Report the sales of a session with one order."""
    session = _reported(people)["session"]["id"]
    goods = (people.product_id, GOODS, GOODS_PRICE, 0.0)
    service = (people.service_id, SERVICES, SERVICE_PRICE, float(DISCOUNT))

    def check(answer: requests.Response) -> None:
        body = answer.json()
        expect("the session", body["session"]["id"], session)
        expect("the total", money(body["total"]), TOTAL)
        expect("the payments", [money(one["amount"]) for one in body["payments"]], [TOTAL])
        # Odoo lists the base of what has no tax as a tax of nothing
        taxes = [(money(tax["base"]), money(tax["amount"])) for tax in body["taxes"] if tax["amount"]]
        expect("the taxes", taxes, [(money(GOODS * GOODS_PRICE - TAX), TAX)])
        found = [
            (one["product"]["id"], money(one["quantity"]), money(one["unit_price"]), money(one["discount"]))
            for one in body["products"]
        ]
        expect("the products", sorted(found), sorted([goods, service]))

    def effect(odoo: OdooSession) -> None:
        domain = [["session_id", "=", session], ["state", "!=", "draft"]]
        stored = call(odoo, "pos.order", "search_read", domain, ["amount_total"])
        expect("the stored total", money(sum(order["amount_total"] for order in stored)), TOTAL)

    return Call(query={"session_id": session}, check=check, effect=effect)


@operation("getLaborReport", "report")
def get_labor_report(people: People) -> Call:
    """Report the hours of an employee whose shift goes on."""
    shift = lasting_shift(people)
    today = datetime.now(UTC).date()  # of the user it may be the day before or after

    def check(answer: requests.Response) -> None:
        body = answer.json()
        (row,) = body["employees"]
        found = (body["employee_count"], row["employee"]["id"], row["open_shift_count"])
        expect("the employees", found, (1, shift["employee"]["id"], 1))
        expect("the last shift", (row["shifts"][-1]["id"], row["shifts"][-1]["hours"]), (shift["id"], 0))
        expect("the number of shifts", row["shift_count"], len(row["shifts"]))

    query = {
        "date_from": (today - timedelta(days=1)).isoformat(),
        "date_to": (today + timedelta(days=1)).isoformat(),
        "employee_id": shift["employee"]["id"],
    }
    return Call(query=query, check=check)
