"""Selling, refunding and invoicing."""

from typing import Any
from uuid import uuid4

import requests

from verify.clients.odoo_rpc import OdooSession, call
from verify.shop.calls import Call, expect, money, once, operation
from verify.shop.people import GOODS_PRICE, SERVICE_PRICE, People
from verify.shop.selling import (
    DISCOUNT,
    GOODS_TAX,
    TAX,
    TOTAL,
    basket,
    check_lines,
    check_order,
    draft,
    paid,
    payments,
    tender,
)

BY_CARD, CHANGE = 10.0, 20.0
INVOICES_IN_A_RUN = 100  # each takes a number of verify's journal of invoices


def sold(people: People) -> dict[str, Any]:
    """Return a paid order of this run, which stays as it is."""
    order: dict[str, Any] = once(people, "sold", lambda: paid(people))
    return order


def _stored(odoo: OdooSession, order: int, *names: str) -> dict[str, Any]:
    (found,) = call(odoo, "pos.order", "read", [order], list(names))
    return {name: money(value) if isinstance(value, float) else value for name, value in found.items()}


def _location(answer: requests.Response, order: int) -> None:
    expect("Location", answer.headers.get("Location"), f"/api/v1/orders/{order}")


@operation("listOrders", "list")
def list_orders(people: People) -> Call:
    """List the orders of the session since one of them."""
    order = sold(people)

    def check(answer: requests.Response) -> None:
        items = answer.json()["items"]
        ids = [item["id"] for item in items]
        expect("the order of the items", ids, sorted(ids))
        expect("their sessions", {item["session"]["id"] for item in items}, {people.session_id})
        found = [(item["state"], money(item["total"])) for item in items if item["id"] == order["id"]]
        expect("the order", found, [("paid", TOTAL)])

    query = {"session_id": people.session_id, "date_from": order["ordered_at"], "sort": "id"}
    return Call(query=query, check=check)


@operation("createOrder", "order", foreign=422)
def create_order(people: People) -> Call:
    """Sell for cash and card, and give change."""
    key = str(uuid4())
    handed = money(TOTAL - BY_CARD + CHANGE)
    shown: list[dict[str, Any]] = []

    def check(answer: requests.Response) -> None:
        order = answer.json()
        people.ledger.acknowledge(order, key)
        shown.append(order)
        check_order(order, "paid", change=CHANGE)
        expect("its session", order["session"]["id"], people.session_id)
        check_lines(people, order)
        tendered = [(people.card_id, BY_CARD, False), (people.method_id, handed, False)]
        expect("its payments", payments(order), sorted([*tendered, (people.method_id, -CHANGE, True)]))
        _location(answer, order["id"])

    def effect(odoo: OdooSession) -> None:
        stored = _stored(odoo, shown[-1]["id"], "state", "amount_total", "amount_tax", "amount_paid")
        found = [stored[name] for name in ("state", "amount_total", "amount_tax", "amount_paid")]
        expect("the stored order", found, ["paid", TOTAL, TAX, TOTAL])

    body = basket(people, payments=[tender(people.card_id, BY_CARD), tender(people.method_id, handed)])
    return Call(body=body, headers={"Idempotency-Key": key}, check=check, effect=effect)


@operation("getOrder", "read", foreign=404)
def get_order(people: People) -> Call:
    """Read an order."""
    order = sold(people)

    def check(answer: requests.Response) -> None:
        body = answer.json()
        expect("the order", (body["id"], body["receipt_number"]), (order["id"], order["receipt_number"]))
        check_order(body, "paid")
        check_lines(people, body)
        expect("its payments", payments(body), [(people.card_id, TOTAL, False)])

    return Call(id=order["id"], check=check)


@operation("changeOrder", "write", foreign=404)
def change_order(people: People) -> Call:
    """Give a draft other lines, a customer and a note."""
    order, tag = draft(people)

    def check(answer: requests.Response) -> None:
        body = answer.json()
        people.ledger.acknowledge(body)
        check_order(body, "draft", id=order["id"], total=GOODS_PRICE, tax=GOODS_TAX, note="Gift")
        expect("its customer", body["customer"]["id"], people.customer_id)
        expect("its products", [line["product"]["id"] for line in body["lines"]], [people.product_id])

    def effect(odoo: OdooSession) -> None:
        stored = _stored(odoo, order["id"], "amount_total", "note")
        expect("the stored order", (stored["amount_total"], stored["note"]), (GOODS_PRICE, "Gift"))

    return Call(
        id=order["id"],
        body={
            "note": "Gift",
            "customer_id": people.customer_id,
            "lines": [{"product_id": people.product_id, "quantity": 1}],
        },
        headers={"If-Match": tag},
        check=check,
        effect=effect,
    )


@operation("deleteOrder", "write", foreign=404)
def delete_order(people: People) -> Call:
    """Remove a draft."""
    order, tag = draft(people)

    def check(answer: requests.Response) -> None:
        people.ledger.remove(order["id"])
        expect("the body", answer.content, b"")

    def effect(odoo: OdooSession) -> None:
        domain = [["id", "=", order["id"]], ["state", "!=", "cancel"]]
        expect("the stored orders", call(odoo, "pos.order", "search", domain), [])

    return Call(id=order["id"], headers={"If-Match": tag}, check=check, effect=effect)


@operation("addOrderLine", "write", foreign=404)
def add_order_line(people: People) -> Call:
    """Add a line to a draft."""
    order, _ = draft(people)
    total, tax = money(TOTAL + GOODS_PRICE), money(TAX + GOODS_TAX)

    def check(answer: requests.Response) -> None:
        body = answer.json()
        people.ledger.acknowledge(body)
        check_order(body, "draft", id=order["id"], total=total, tax=tax)
        last = body["lines"][-1]
        expect("the last line", (last["product"]["id"], money(last["quantity"])), (people.product_id, 1))
        _location(answer, order["id"])

    def effect(odoo: OdooSession) -> None:
        stored = _stored(odoo, order["id"], "amount_total", "lines")
        expect("the stored order", (stored["amount_total"], len(stored["lines"])), (total, 3))

    body = {"product_id": people.product_id, "quantity": 1}
    return Call(id=order["id"], body=body, check=check, effect=effect)


@operation("refundOrder", "order")
def refund_order(people: People) -> Call:
    """Take one of the goods and one of the service back."""
    order = paid(people)
    goods, service = order["lines"]
    back = money(GOODS_PRICE + SERVICE_PRICE * (1 - DISCOUNT / 100))
    shown: list[int] = []

    def check(answer: requests.Response) -> None:
        body = answer.json()
        people.ledger.acknowledge(body)
        shown.append(body["id"])
        check_order(body, "paid", total=-back, tax=-GOODS_TAX, refund_of=[order["id"]])
        found = [(line["product"]["id"], money(line["quantity"])) for line in body["lines"]]
        expect("its lines", found, [(people.product_id, -1), (people.service_id, -1)])
        _location(answer, body["id"])

    def effect(odoo: OdooSession) -> None:
        stored = _stored(odoo, shown[-1], "state", "amount_total")
        expect("the stored refund", (stored["state"], stored["amount_total"]), ("paid", -back))

    lines = [{"line_id": line["id"], "quantity": 1} for line in (goods, service)]
    body = {"lines": lines, "payments": [tender(people.card_id, back)]}
    return Call(id=order["id"], body=body, check=check, effect=effect)


@operation("invoiceOrder", "accounting", foreign=404, limit=INVOICES_IN_A_RUN)
def invoice_order(people: People) -> Call:
    """Invoice an order that is paid."""
    order = paid(people, customer_id=people.customer_id)
    made: list[int] = []

    def check(answer: requests.Response) -> None:
        body = answer.json()
        people.ledger.invoiced(order["id"])
        made.append(body["id"])
        found = (body["type"], body["state"], money(body["total"]), money(body["tax"]))
        expect("the invoice", found, ("out_invoice", "posted", TOTAL, TAX))
        if people.series != "14.0":  # which reconciles at the session's closing
            expect("what is left of it to pay", money(body["residual"]), 0.0)
        _location(answer, order["id"])

    def effect(odoo: OdooSession) -> None:
        stored = _stored(odoo, order["id"], "state", "account_move")
        expect("the stored order", (stored["state"], stored["account_move"][0]), ("invoiced", made[-1]))

    return Call(id=order["id"], body={}, check=check, effect=effect)
