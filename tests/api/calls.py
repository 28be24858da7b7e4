"""For each operation: how a valid call is made, what it has to do, and what another cashier gets.

A cashier's operation is open to the manager too, and closed to the anonymous; a manager's is closed to
cashiers; an anonymous one is open to all. That follows from the document. What does not is here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import requests

from tests.api.client import Caller, patiently
from tests.api.scene import COFFEE_TOTAL, USERS, Scene, Valid
from tests.api.shop import PIN
from tests.harness.deadline import until

Preparation = Callable[[Scene, str], Valid]


@dataclass(frozen=True)
class Entry:
    """How an operation is called.

    Args:
        prepare: Makes a state and returns the call that is valid in it for a kind of caller.
        other: Status that another cashier gets where it is not the one of success.
        conflict: Makes a state in which the call of the cashier (of the manager, if it is the manager's
            operation) meets 409, where there is one beside a call that is still running.
    """

    prepare: Preparation
    other: int | None = None
    conflict: Preparation | None = None


CALLS: dict[str, Entry] = {}


def valid(operation: str, other: int | None = None, conflict: Preparation | None = None) -> Any:
    """Enter a preparation into the table."""

    def enter(prepare: Preparation) -> Preparation:
        CALLS[operation] = Entry(prepare, other, conflict)
        return prepare

    return enter


def gone(answer: requests.Response) -> None:
    """Look at nothing: what the call is about is looked at elsewhere."""


def expect(found: object, wanted: object) -> None:
    """Compare what was found with what was wanted.

    Raises:
        AssertionError: They differ.
    """
    assert found == wanted, f"{found!r} instead of {wanted!r}"


def number(value: Any) -> float:
    """Return an amount or a quantity without binary noise."""
    return round(float(value), 6)


# Auth


@valid("createToken")
def create_token(scene: Scene, caller: str) -> Valid:
    login = "dora"
    families = "SELECT count(*) FROM pos_api_token_family WHERE revoked_at IS NULL AND user_id = "
    before = scene.value(families + str(scene.shop["users"][login]))
    return Valid(
        body={"login": login, "password": scene.shop.passwords[login]},
        check=lambda answer: expect(scene.value(families + str(answer.json()["user"]["id"])), before + 1),
    )


@valid("refreshToken")
def refresh_token(scene: Scene, caller: str) -> Valid:
    token = scene.shop.caller("anna").tokens["refresh_token"]
    used = f"""
        SELECT used_at IS NOT NULL FROM pos_api_refresh_token
         WHERE digest = encode(sha256('{token}'::bytea), 'hex')
    """
    return Valid(body={"refresh_token": token}, check=lambda answer: expect(scene.value(used), True))


@valid("deleteCurrentToken")
def delete_current_token(scene: Scene, caller: str) -> Valid:
    user = scene.shop["users"].get(USERS[caller], 0)
    latest = f"""
        SELECT revoked_at IS NOT NULL FROM pos_api_token_family WHERE user_id = {user}
         ORDER BY id DESC LIMIT 1
    """
    scene.callers[caller].forget()

    def check(answer: requests.Response) -> None:
        expect(scene.value(latest), True)
        expect(scene.callers[caller].call("getMe").status_code, 401)
        scene.callers[caller].forget()

    return Valid(check=check)


@valid("getMe")
def get_me(scene: Scene, caller: str) -> Valid:
    def check(answer: requests.Response) -> None:
        user = answer.json()["id"]
        expect(scene.value(f"SELECT login FROM res_users WHERE id = {user}"), USERS[caller])

    return Valid(check=check)


def reset_token(scene: Scene, login: str) -> str:
    """Ask for a user's password reset, and return the token that is mailed."""
    query = f"""
        SELECT p.signup_token FROM res_partner p JOIN res_users u ON u.partner_id = p.id
         WHERE u.login = '{login}' AND p.signup_type = 'reset'
    """
    scene.shop.forget_failed_logins()
    nobody = scene.callers["anonymous"]
    assert patiently(lambda: nobody.call("createPasswordReset", {"login": login})).status_code == 202
    until(lambda: scene.shop.rows(query), 90, f"a reset token of {login}")
    return str(scene.value(query))


@valid("createPasswordReset")
def create_password_reset(scene: Scene, caller: str) -> Valid:
    login = {"anonymous": "dora", "cashier": "fuzz-cashier", "other cashier": "fuzz-manager"}.get(
        caller, "stranger"
    )
    asked = f"""
        SELECT (SELECT count(*) FROM pos_api_password_reset WHERE login = '{login}')
             + (SELECT count(*) FROM res_partner p JOIN res_users u ON u.partner_id = p.id
                 WHERE u.login = '{login}' AND p.signup_type = 'reset') > 0
    """
    return Valid(body={"login": login}, check=lambda answer: expect(scene.value(asked), True))


@valid("changePassword")
def change_password(scene: Scene, caller: str) -> Valid:
    login, password = USERS[caller] or "cora", uuid4().hex
    body = {"new_password": password}
    if caller == "anonymous":
        body["reset_token"] = reset_token(scene, login)
    else:
        body["current_password"] = scene.shop.passwords[login]

    def check(answer: requests.Response) -> None:
        old = scene.callers[caller]
        if caller != "anonymous":
            expect(old.call("getMe").status_code, 401)
        scene.shop.passwords[login] = old.password = password
        old.forget()
        expect(scene.shop.caller(login).get("getMe")["login"], login)

    return Valid(body=body, check=check)


# Catalogue


@valid("listProducts")
def list_products(scene: Scene, caller: str) -> Valid:
    coffee = scene.shop["products"]["coffee"]
    return Valid(
        query={"q": "Shop coffee"},
        check=lambda answer: expect([item["id"] for item in answer.json()["items"]], [coffee]),
    )


@valid("getProduct")
def get_product(scene: Scene, caller: str) -> Valid:
    coffee = scene.shop["products"]["coffee"]

    def check(answer: requests.Response) -> None:
        expect((answer.json()["id"], answer.json()["price"]), (coffee, 4.25))

    return Valid(id=coffee, check=check)


@valid("changeProduct")
def change_product(scene: Scene, caller: str) -> Valid:
    voucher = scene.shop["products"]["voucher"]
    price = number(scene.cashier.get("getProduct", id=voucher)["price"]) + 1
    stored = f"""
        SELECT t.list_price FROM product_template t JOIN product_product p ON p.product_tmpl_id = t.id
         WHERE p.id = {voucher}
    """
    return Valid(
        id=voucher,
        body={"price": price},
        headers=scene.manager.tag("getProduct", voucher),
        check=lambda answer: expect(number(scene.value(stored)), price),
    )


@valid("getProductStock")
def get_product_stock(scene: Scene, caller: str) -> Valid:
    coffee = scene.shop["products"]["coffee"]
    stored = f"""
        SELECT sum(quantity) FROM stock_quant q JOIN stock_location l ON l.id = q.location_id
         WHERE q.product_id = {coffee} AND l.usage = 'internal'
    """

    def check(answer: requests.Response) -> None:
        on_hand = sum(place["on_hand"] for place in answer.json()["warehouses"])
        expect(number(on_hand), number(scene.value(stored)))

    return Valid(id=coffee, check=check)


@valid("listCategories")
def list_categories(scene: Scene, caller: str) -> Valid:
    def check(answer: requests.Response) -> None:
        shown = {item["id"] for item in answer.json()["items"]}
        expect(set(scene.shop["categories"]) <= shown, True)

    return Valid(check=check)


# Customers


@valid("listCustomers")
def list_customers(scene: Scene, caller: str) -> Valid:
    plain = scene.shop["customers"]["plain"]
    return Valid(
        query={"q": "customer@shop.test"},
        check=lambda answer: expect([item["id"] for item in answer.json()["items"]], [plain]),
    )


@valid("createCustomer")
def create_customer(scene: Scene, caller: str) -> Valid:
    name = scene.name("Customer")

    def check(answer: requests.Response) -> None:
        made = answer.json()["id"]
        expect(scene.value(f"SELECT name FROM res_partner WHERE id = {made}"), name)

    return Valid(body={"name": name, "email": "new@shop.test"}, check=check)


@valid("getCustomer")
def get_customer(scene: Scene, caller: str) -> Valid:
    plain = scene.shop["customers"]["plain"]
    return Valid(id=plain, check=lambda answer: expect(answer.json()["name"], "Shop customer"))


# Sessions and cash


@valid("listSessions")
def list_sessions(scene: Scene, caller: str) -> Valid:
    session = scene.open_session()
    wanted = [] if caller == "other cashier" else [session]
    config = scene.shop["tills"]["operations"]["id"]
    return Valid(
        query={"config_id": config, "state": "opened"},
        check=lambda answer: expect([item["id"] for item in answer.json()["items"]], wanted),
    )


def opened_already(scene: Scene, caller: str) -> Valid:
    """Open a till that is open."""
    scene.open_session()
    return Valid(body={"config_id": scene.shop["tills"]["operations"]["id"], "opening_cash": 1}, check=gone)


@valid("openSession", conflict=opened_already)
def open_session(scene: Scene, caller: str) -> Valid:
    config = scene.closed_till()

    def check(answer: requests.Response) -> None:
        (row,) = scene.shop.rows(
            f"""
            SELECT s.state, s.config_id, u.login, b.balance_end FROM pos_session s
              JOIN res_users u ON u.id = s.user_id
              JOIN account_bank_statement b ON b.id = s.cash_register_id
             WHERE s.id = {answer.json()["id"]}
            """
        )
        expect((row["state"], row["config_id"], row["login"]), ("opened", config, USERS[caller]))
        expect(number(row["balance_end"]), 42.5)
        scene.closed_till()

    return Valid(body={"config_id": config, "opening_cash": 42.5, "notes": "Counted"}, check=check)


@valid("getSession", other=404)
def get_session(scene: Scene, caller: str) -> Valid:
    session = scene.open_session()
    return Valid(id=session, check=lambda answer: expect(answer.json()["state"], "opened"))


def closed_session(scene: Scene) -> int:
    """Return a session of the cashier's that is closed."""
    scene.closed_till()
    session = scene.open_session(till="spare")
    scene.close(session)
    return session


def cash_into_closed(scene: Scene, caller: str) -> Valid:
    """Move cash of a closed session."""
    body = {"direction": "in", "amount": 1, "reason": "Late"}
    return Valid(id=closed_session(scene), body=body, check=gone)


@valid("moveCash", other=404, conflict=cash_into_closed)
def move_cash(scene: Scene, caller: str) -> Valid:
    session, reason = scene.open_session(), scene.name("Change")
    booked = f"""
        SELECT sum(l.amount) FROM account_bank_statement_line l
          JOIN account_bank_statement b ON b.id = l.statement_id
         WHERE b.pos_session_id = {session} AND l.payment_ref LIKE '%{reason}%'
    """
    return Valid(
        id=session,
        body={"direction": "in", "amount": 12.5, "reason": reason},
        check=lambda answer: expect(number(scene.value(booked)), 12.5),
    )


def close_with_draft(scene: Scene, caller: str) -> Valid:
    """Close a session that has a draft."""
    order = scene.draft()
    return Valid(id=order["session"]["id"], body={"counted_cash": 100}, check=gone)


@valid("closeSession", other=404, conflict=close_with_draft)
def close_session(scene: Scene, caller: str) -> Valid:
    scene.closed_till()
    session = scene.open_session(till="spare")
    expected = scene.manager.get("getSession", id=session)["cash"]["expected"]
    state = f"SELECT state FROM pos_session WHERE id = {session}"
    return Valid(
        id=session,
        body={"counted_cash": expected},
        check=lambda answer: expect(scene.value(state), "closed"),
    )


# Orders


@valid("listOrders")
def list_orders(scene: Scene, caller: str) -> Valid:
    order = scene.draft()

    def check(answer: requests.Response) -> None:
        expect(order["id"] in [item["id"] for item in answer.json()["items"]], caller != "other cashier")

    return Valid(query={"session_id": order["session"]["id"], "sort": "-id"}, check=check)


def order_in_closed(scene: Scene, caller: str) -> Valid:
    """Sell in a closed session."""
    return Valid(body=scene.basket(session_id=closed_session(scene)), check=gone)


@valid("createOrder", other=422, conflict=order_in_closed)
def create_order(scene: Scene, caller: str) -> Valid:
    def check(answer: requests.Response) -> None:
        order = answer.json()
        (row,) = scene.shop.rows(
            f"""
            SELECT state, amount_total, amount_paid,
                   (SELECT sum(amount) FROM pos_payment WHERE pos_order_id = o.id) AS paid,
                   (SELECT sum(m.product_uom_qty) FROM stock_move m JOIN stock_picking p
                     ON p.id = m.picking_id WHERE p.pos_order_id = o.id AND m.state = 'done') AS moved
              FROM pos_order o WHERE id = {order["id"]}
            """
        )
        amounts = [number(row[name]) for name in ("amount_total", "amount_paid", "paid", "moved")]
        expect((row["state"], amounts), ("paid", [COFFEE_TOTAL, COFFEE_TOTAL, COFFEE_TOTAL, 2]))

    return Valid(body=scene.basket(payments=[scene.tender()]), check=check)


@valid("getOrder", other=404)
def get_order(scene: Scene, caller: str) -> Valid:
    order = scene.paid()
    return Valid(id=order["id"], check=lambda answer: expect(answer.json(), order))


def paid_order(scene: Scene, caller: str, body: Any = None, tagged: bool = True) -> Valid:
    """Change an order that is paid."""
    order = scene.paid()
    headers = scene.manager.tag("getOrder", order["id"]) if tagged else {}
    return Valid(id=order["id"], headers=headers, check=gone, **({"body": body} if body else {}))


@valid("changeOrder", other=404, conflict=lambda scene, caller: paid_order(scene, caller, {"note": "x"}))
def change_order(scene: Scene, caller: str) -> Valid:
    order, cake = scene.draft(), scene.shop["products"]["cake"]

    def check(answer: requests.Response) -> None:
        (row,) = scene.shop.rows(
            f"""
            SELECT o.note, o.partner_id, o.amount_total, l.product_id FROM pos_order o
              JOIN pos_order_line l ON l.order_id = o.id WHERE o.id = {order["id"]}
            """
        )
        customer = scene.shop["customers"]["plain"]
        expect((row["note"], row["partner_id"], row["product_id"]), ("Gift", customer, cake))
        expect(number(row["amount_total"]), 7.99)

    return Valid(
        id=order["id"],
        body={
            "note": "Gift",
            "customer_id": scene.shop["customers"]["plain"],
            "lines": [{"product_id": cake, "quantity": 1}],
        },
        headers=scene.cashier.tag("getOrder", order["id"]),
        check=check,
    )


@valid("deleteOrder", other=404, conflict=paid_order)
def delete_order(scene: Scene, caller: str) -> Valid:
    order = scene.draft(payments=[scene.tender(1)])
    left = f"""
        SELECT (SELECT count(*) FROM pos_order WHERE id = {order["id"]} AND state <> 'cancel')
             + (SELECT count(*) FROM pos_payment WHERE pos_order_id = {order["id"]})
    """
    return Valid(
        id=order["id"],
        headers=scene.cashier.tag("getOrder", order["id"]),
        check=lambda answer: expect(scene.value(left), 0),
    )


@valid(
    "addOrderLine",
    other=404,
    conflict=lambda scene, caller: paid_order(
        scene, caller, {"product_id": scene.shop["products"]["cake"], "quantity": 1}, tagged=False
    ),
)
def add_order_line(scene: Scene, caller: str) -> Valid:
    order, cake = scene.draft(), scene.shop["products"]["cake"]
    total = f"SELECT amount_total FROM pos_order WHERE id = {order['id']}"
    return Valid(
        id=order["id"],
        body={"product_id": cake, "quantity": 1},
        check=lambda answer: expect(number(scene.value(total)), number(COFFEE_TOTAL + 7.99)),
    )


def refund_of_draft(scene: Scene, caller: str) -> Valid:
    """Refund an order of a session that is closed."""
    scene.closed_till()
    body = scene.basket(session_id=scene.open_session(till="spare"))
    body["payments"] = [scene.tender(till="spare")]
    order = scene.cashier.get("createOrder", body)
    scene.closed_till()
    return Valid(id=order["id"], body={"payments": [scene.tender(till="spare")]}, check=gone)


@valid("refundOrder", conflict=refund_of_draft)
def refund_order(scene: Scene, caller: str) -> Valid:
    order = scene.paid()

    def check(answer: requests.Response) -> None:
        (row,) = scene.shop.rows(
            f"""
            SELECT o.state, o.amount_total, l.qty, r.order_id FROM pos_order o
              JOIN pos_order_line l ON l.order_id = o.id
              JOIN pos_order_line r ON r.id = l.refunded_orderline_id
             WHERE o.id = {answer.json()["id"]}
            """
        )
        expect((row["state"], row["order_id"]), ("paid", order["id"]))
        expect((number(row["amount_total"]), number(row["qty"])), (-COFFEE_TOTAL, -2))

    lines = [{"line_id": order["lines"][0]["id"], "quantity": 2}]
    return Valid(id=order["id"], body={"lines": lines, "payments": [scene.tender()]}, check=check)


def invoice_of_draft(scene: Scene, caller: str) -> Valid:
    """Invoice an order that is not paid."""
    order = scene.draft(customer_id=scene.shop["customers"]["plain"])
    return Valid(id=order["id"], body={}, check=gone)


@valid("invoiceOrder", other=404, conflict=invoice_of_draft)
def invoice_order(scene: Scene, caller: str) -> Valid:
    order = scene.paid(customer_id=scene.shop["customers"]["plain"])

    def check(answer: requests.Response) -> None:
        (row,) = scene.shop.rows(
            f"""
            SELECT m.state, m.payment_state, m.amount_total, o.state AS order_state FROM pos_order o
              JOIN account_move m ON m.id = o.account_move WHERE o.id = {order["id"]}
            """
        )
        expect((row["state"], row["order_state"]), ("posted", "invoiced"))
        expect((row["payment_state"], number(row["amount_total"])), ("paid", COFFEE_TOTAL))

    return Valid(id=order["id"], body={}, check=check)


# Payments


@valid("listPaymentMethods")
def list_payment_methods(scene: Scene, caller: str) -> Valid:
    till = scene.shop["tills"]["operations"]

    def check(answer: requests.Response) -> None:
        shown = {item["id"] for item in answer.json()["items"]}
        expect(shown, {till["cash"], till["card"], till["account"]})

    return Valid(query={"config_id": till["id"]}, check=check)


@valid(
    "createPayment",
    other=404,
    conflict=lambda scene, caller: paid_order(scene, caller, scene.tender(), tagged=False),
)
def create_payment(scene: Scene, caller: str) -> Valid:
    order = scene.draft()

    def check(answer: requests.Response) -> None:
        (row,) = scene.shop.rows(
            f"""
            SELECT o.state, o.amount_return, sum(p.amount) AS kept, count(*) AS payments FROM pos_order o
              JOIN pos_payment p ON p.pos_order_id = o.id WHERE o.id = {order["id"]} GROUP BY o.id
            """
        )
        expect((row["state"], row["payments"]), ("paid", 2))
        expect((number(row["kept"]), number(row["amount_return"])), (COFFEE_TOTAL, 10.22))

    return Valid(id=order["id"], body=scene.tender(20, "cash"), check=check)


@valid("getPayment", other=404)
def get_payment(scene: Scene, caller: str) -> Valid:
    payment = scene.paid()["payments"][0]
    return Valid(id=payment["id"], check=lambda answer: expect(number(answer.json()["amount"]), COFFEE_TOTAL))


def payment_of_paid(scene: Scene, caller: str) -> Valid:
    """Void a payment of a paid order."""
    return Valid(id=scene.paid()["payments"][0]["id"], check=gone)


@valid("deletePayment", other=404, conflict=payment_of_paid)
def delete_payment(scene: Scene, caller: str) -> Valid:
    payment = scene.draft(payments=[scene.tender(1)])["payments"][0]["id"]
    left = f"SELECT count(*) FROM pos_payment WHERE id = {payment}"
    return Valid(id=payment, check=lambda answer: expect(scene.value(left), 0))


# Employees and the time clock


@valid("listEmployees")
def list_employees(scene: Scene, caller: str) -> Valid:
    def check(answer: requests.Response) -> None:
        shown = {item["id"] for item in answer.json()["items"]}
        expect(scene.shop["employees"]["anna"] in shown, True)
        expect(scene.shop["other"]["employee"] in shown, False)
        expect(PIN in answer.text, False)

    return Valid(query={"config_id": scene.shop["tills"]["operations"]["id"]}, check=check)


@valid("createEmployee")
def create_employee(scene: Scene, caller: str) -> Valid:
    name, badge = scene.name("Clerk"), uuid4().hex

    def check(answer: requests.Response) -> None:
        (row,) = scene.shop.rows(
            f"SELECT name, pin, barcode FROM hr_employee WHERE id = {answer.json()['id']}"
        )
        expect((row["name"], row["pin"], row["barcode"]), (name, "9021", badge))

    return Valid(body={"name": name, "pin": "9021", "badge": badge}, check=check)


@valid("getEmployee")
def get_employee(scene: Scene, caller: str) -> Valid:
    employee = scene.shop["employees"]["unlinked"]
    return Valid(id=employee, check=lambda answer: expect(answer.json()["name"], "Shop helper"))


def archive_at_work(scene: Scene, caller: str) -> Valid:
    """Archive an employee who is checked in."""
    employee = scene.shift()["employee"]["id"]
    headers = scene.manager.tag("getEmployee", employee)
    return Valid(id=employee, body={"active": False}, headers=headers, check=gone)


@valid("changeEmployee", conflict=archive_at_work)
def change_employee(scene: Scene, caller: str) -> Valid:
    employee, title = scene.employee(), scene.name("Title")
    stored = f"SELECT job_title FROM hr_employee WHERE id = {employee}"
    return Valid(
        id=employee,
        body={"job_title": title},
        headers=scene.manager.tag("getEmployee", employee),
        check=lambda answer: expect(scene.value(stored), title),
    )


@valid("listAttendances")
def list_attendances(scene: Scene, caller: str) -> Valid:
    shift = scene.shift()

    def check(answer: requests.Response) -> None:
        shown = [item["id"] for item in answer.json()["items"]]
        expect(shown, [] if caller == "other cashier" else [shift["id"]])

    return Valid(query={"employee_id": shift["employee"]["id"]}, check=check)


def at_work_already(scene: Scene, caller: str) -> Valid:
    """Clock in somebody who is in."""
    return Valid(body={"employee_id": scene.shift()["employee"]["id"], "pin": PIN}, check=gone)


@valid("createAttendance", conflict=at_work_already)
def create_attendance(scene: Scene, caller: str) -> Valid:
    employee = scene.employee()
    running = f"SELECT count(*) FROM hr_attendance WHERE employee_id = {employee} AND check_out IS NULL"
    return Valid(
        body={"employee_id": employee, "pin": PIN}, check=lambda answer: expect(scene.value(running), 1)
    )


def left_already(scene: Scene, caller: str) -> Valid:
    """Clock out twice; the cashier's own shift, which stays in sight."""
    shift = scene.shift(scene.shop["employees"]["anna"])
    headers = {"If-Match": shift["etag"]}
    ended = scene.cashier.get("changeAttendance", {"pin": PIN}, id=shift["id"], headers=headers)
    return Valid(id=shift["id"], body={"pin": PIN}, headers={"If-Match": ended["etag"]}, check=gone)


@valid("changeAttendance", other=404, conflict=left_already)
def change_attendance(scene: Scene, caller: str) -> Valid:
    shift = scene.shift()
    ended = f"SELECT check_out IS NOT NULL FROM hr_attendance WHERE id = {shift['id']}"
    return Valid(
        id=shift["id"],
        body={"pin": PIN},
        headers={"If-Match": shift["etag"]},
        check=lambda answer: expect(scene.value(ended), True),
    )


# Sync


def last_cursor(caller: Caller) -> str:
    """Return the cursor behind everything that there is."""
    page = caller.get("listChanges")
    while page["more"]:
        page = caller.get("listChanges", query={"cursor": page["cursor"]})
    return str(page["cursor"])


def foreign_cursor(scene: Scene, caller: str) -> Valid:
    """Go on from where somebody of another company stopped."""
    cursor = scene.shop.caller("stranger").get("listChanges", query={"limit": 1})["cursor"]
    return Valid(query={"cursor": cursor}, check=gone)


@valid("listChanges", conflict=foreign_cursor)
def list_changes(scene: Scene, caller: str) -> Valid:
    cursor = last_cursor(scene.cashier)
    made = scene.cashier.get("createCustomer", {"name": scene.name("Customer")})["id"]

    def check(answer: requests.Response) -> None:
        customers = answer.json()["customers"]["changed"]
        expect(made in [customer["id"] for customer in customers], True)

    return Valid(query={"cursor": cursor}, check=check)


@valid("syncOrders")
def sync_orders(scene: Scene, caller: str) -> Valid:
    key, order = uuid4().hex, scene.basket(payments=[scene.tender()])
    item = {"idempotency_key": key, "ordered_at": datetime.now(UTC).isoformat(timespec="seconds")}
    both = [{**item, "order": order}, {**item, "order": json.loads(json.dumps(order))}]
    before = scene.value(f"SELECT count(*) FROM pos_order WHERE session_id = {order['session_id']}")

    def check(answer: requests.Response) -> None:
        results = answer.json()["results"]
        after = scene.value(f"SELECT count(*) FROM pos_order WHERE session_id = {order['session_id']}")
        if caller == "other cashier":
            expect(({result["status"] for result in results}, after - before), ({422}, 0))
        else:
            expect((len({result["order"]["id"] for result in results}), after - before), (1, 1))

    return Valid(body={"orders": both}, check=check)


# Reports and monitoring


@valid("getSalesReport")
def get_sales_report(scene: Scene, caller: str) -> Valid:
    session = scene.paid()["session"]["id"]
    total = f"""
        SELECT sum(amount_total) FROM pos_order
         WHERE session_id = {session} AND state IN ('paid', 'done', 'invoiced')
    """
    return Valid(
        query={"session_id": session},
        check=lambda answer: expect(number(answer.json()["total"]), number(scene.value(total))),
    )


@valid("getLaborReport")
def get_labor_report(scene: Scene, caller: str) -> Valid:
    employee = scene.shift()["employee"]["id"]
    today = datetime.now(UTC).date().isoformat()

    def check(answer: requests.Response) -> None:
        (row,) = answer.json()["employees"]
        expect((row["employee"]["id"], row["open_shift_count"], row["hours"]), (employee, 1, 0))

    return Valid(query={"date_from": today, "date_to": today, "employee_id": employee}, check=check)


@valid("getHealth")
def get_health(scene: Scene, caller: str) -> Valid:
    return Valid(check=lambda answer: expect(answer.json()["modules"]["pos_api"], "installed"))
