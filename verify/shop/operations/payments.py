"""Payments and the methods to pay with."""

import requests

from verify.clients.odoo_rpc import OdooSession, call
from verify.shop.calls import Call, expect, money, operation
from verify.shop.operations.orders import sold
from verify.shop.people import People
from verify.shop.selling import TOTAL, check_lines, check_order, draft, payments, tender

CHANGE = 11.0


@operation("listPaymentMethods", "list")
def list_payment_methods(people: People) -> Call:
    """List the methods of the cashier's till."""

    def check(answer: requests.Response) -> None:
        found = {(item["id"], item["type"]) for item in answer.json()["items"]}
        expect("the methods", found, {(people.method_id, "cash"), (people.card_id, "bank")})

    return Call(query={"config_id": people.config_id}, check=check)


@operation("createPayment", "order", foreign=404)
def create_payment(people: People) -> Call:
    """Pay a draft in cash, with change."""
    order, _ = draft(people)
    handed = money(TOTAL + CHANGE)

    def check(answer: requests.Response) -> None:
        body = answer.json()
        people.ledger.acknowledge(body["order"])
        check_order(body["order"], "paid", id=order["id"], change=CHANGE)
        check_lines(people, body["order"])
        wanted = [(people.method_id, -CHANGE, True), (people.method_id, handed, False)]
        expect("its payments", payments(body["order"]), wanted)
        expect("the payment", money(body["payment"]["amount"]), handed)
        place = f"/api/v1/payments/{body['payment']['id']}"
        expect("Location", answer.headers.get("Location"), place)

    def effect(odoo: OdooSession) -> None:
        (stored,) = call(odoo, "pos.order", "read", [order["id"]], ["state", "amount_paid", "amount_return"])
        found = (stored["state"], money(stored["amount_paid"]), money(stored["amount_return"]))
        expect("the stored order", found, ("paid", TOTAL, CHANGE))

    return Call(id=order["id"], body=tender(people.method_id, handed), check=check, effect=effect)


@operation("getPayment", "read", foreign=404)
def get_payment(people: People) -> Call:
    """Read the payment of an order."""
    order = sold(people)
    payment = order["payments"][0]

    def check(answer: requests.Response) -> None:
        body = answer.json()
        found = (body["id"], money(body["amount"]), body["order"]["id"], body["payment_method"]["id"])
        expect("the payment", found, (payment["id"], TOTAL, order["id"], people.card_id))
        expect("its session", body["session"]["id"], people.session_id)

    return Call(id=payment["id"], check=check)


@operation("deletePayment", "write", foreign=404)
def delete_payment(people: People) -> Call:
    """Void the payment of a draft."""
    order, _ = draft(people, payments=[tender(people.card_id, 1)])
    payment = order["payments"][0]["id"]

    def check(answer: requests.Response) -> None:
        people.ledger.acknowledge({**order, "paid": 0})
        expect("the body", answer.content, b"")

    def effect(odoo: OdooSession) -> None:
        expect("the stored payments", call(odoo, "pos.payment", "search", [["id", "=", payment]]), [])
        (stored,) = call(odoo, "pos.order", "read", [order["id"]], ["state", "amount_paid"])
        expect("the order", (stored["state"], money(stored["amount_paid"])), ("draft", 0.0))

    return Call(id=payment, check=check, effect=effect)
