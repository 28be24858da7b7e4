"""What users of the API may not: another's records, hidden members, and what is for managers.

Verify's own cashiers and manager try it on verify's own tills; drafts are removed afterwards.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from verify.clients import api
from verify.clients.openapi import members, of_role
from verify.shop.people import GOODS_PRICE, People

CONCERN = "OWASP API1, API3, API5, API6 authorization"

pytestmark = [pytest.mark.writes, pytest.mark.explained_by("odoo", "nginx")]

PART = 1.0  # of the price, paid in advance
# What an employee's PIN or badge, a product's cost or a user's password would be called, here or in Odoo.
HIDDEN = frozenset(
    {
        *("pin", "badge", "badge_id", "employee_barcode", "pin_hash", "barcode_hash"),
        *("cost", "standard_price", "purchase_price", "margin", "margin_percent"),
        *("password", "password_hash", "secret", "api_key", "totp_secret", "signup_token"),
        *("refresh_token_hash", "digest"),
    }
)


@dataclass(frozen=True)
class Draft:
    """An order of the other cashier's, partly paid: its id and its payment's."""

    order: int
    payment: int


def _created(answer: Any) -> Any:
    assert answer.status_code == 201, f"HTTP status {answer.status_code}: {answer.text[:300]}"
    return answer.json()


@pytest.fixture
def draft(people: People) -> Iterator[Draft]:
    """A draft in the other cashier's session, deleted afterwards."""
    body = {
        "session_id": people.other_session_id,
        "lines": [{"product_id": people.product_id, "quantity": 1}],
    }
    order = _created(people.other.request("POST", "/orders", json=body))
    paid = {"payment_method_id": people.card_id, "amount": PART}
    answer = _created(people.other.request("POST", f"/orders/{order['id']}/payments", json=paid))
    yield Draft(order["id"], answer["payment"]["id"])
    tag = people.other.request("GET", f"/orders/{order['id']}").headers.get("ETag", "")
    people.other.request("DELETE", f"/orders/{order['id']}", headers={"If-Match": tag})


def test_records_of_another_cashier(people: People, draft: Draft) -> None:
    """API1: a cashier neither reads nor changes an order, a payment or a session of another cashier."""
    line = {"product_id": people.product_id, "quantity": 1}
    tender = {"payment_method_id": people.card_id, "amount": PART}
    match = {"If-Match": '"x"'}
    order, session = f"/orders/{draft.order}", f"/sessions/{people.other_session_id}"
    tries: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", order, {}),
        ("PATCH", order, {"json": {"note": "mine"}, "headers": match}),
        ("POST", f"{order}/lines", {"json": line}),
        ("POST", f"{order}/payments", {"json": tender}),
        ("POST", f"{order}/invoices", {"json": {"customer_id": people.customer_id}}),
        ("DELETE", order, {"headers": match}),
        ("GET", f"/payments/{draft.payment}", {}),
        ("DELETE", f"/payments/{draft.payment}", {}),
        ("GET", session, {}),
        ("POST", f"{session}/cash-movements", {"json": {"direction": "in", "amount": 1, "reason": "x"}}),
        ("PUT", f"{session}/closing", {"json": {"counted_cash": 0}}),
    ]
    passed = []
    for method, path, options in tries:
        answer = people.cashier.request(method, path, **options)
        if answer.status_code != 404:
            passed.append(f"{method} {path}: {answer.status_code}")
    assert not passed, f"a cashier got at another cashier's session: {passed}"
    assert people.other.request("GET", order).json()["total"] == GOODS_PRICE, "the order was changed"


def test_lists_show_no_other_cashier(people: People, draft: Draft) -> None:
    """API1: a cashier's lists hold nothing of another cashier's session, even if asked for it."""
    other = people.other_session_id
    orders = people.cashier.request("GET", "/orders", params={"session_id": other}).json()
    assert orders["items"] == [], "orders of another cashier are listed"
    sessions = people.cashier.request("GET", "/sessions", params={"limit": 100}).json()
    assert other not in [session["id"] for session in sessions["items"]], "another's session is listed"
    body = {"session_id": other, "lines": [{"product_id": people.product_id, "quantity": 1}]}
    answer = people.cashier.request("POST", "/orders", json=body)
    assert answer.status_code == 422, f"sold in another's session: {answer.status_code}"


def test_hidden_members(people: People) -> None:
    """API3: no answer to a cashier holds a PIN, a badge, a cost or a password, under any name."""
    employee, product = people.employee_id, people.product_id
    shown = {}
    for path in (
        "/auth/me",
        "/employees?limit=100",
        f"/employees/{employee}",
        "/products?limit=100",
        f"/products/{product}",
        f"/customers/{people.customer_id}",
        "/payment-methods",
        "/sync/changes",
    ):
        answer = people.cashier.request("GET", path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        if found := HIDDEN.intersection(members(answer.json())):
            shown[path] = sorted(found)
        assert people.pin not in answer.text, f"{path} holds the PIN of verify's employees"
    assert not shown, f"answers hold what cashiers must not see: {shown}"


def test_prices_and_totals_are_the_servers(people: People) -> None:
    """API3: a cashier sets neither a price nor a total, a tax, a state or what was paid."""
    line = {"product_id": people.product_id, "quantity": 1}
    session = {"session_id": people.session_id}
    answer = people.cashier.request(
        "POST", "/orders", json={**session, "lines": [{**line, "unit_price": 0.01}]}
    )
    passed = [] if answer.status_code == 403 else [f"unit_price: {answer.status_code}"]
    for name, value in {"total": 0.01, "tax": 0, "state": "paid", "paid": GOODS_PRICE, "user_id": 2}.items():
        answer = people.cashier.request("POST", "/orders", json={**session, "lines": [line], name: value})
        if answer.status_code != 422:
            passed.append(f"{name}: {answer.status_code}")
    for name, value in {"subtotal": 0.01, "subtotal_with_tax": 0.01, "taxes": []}.items():
        answer = people.cashier.request("POST", "/orders", json={**session, "lines": [{**line, name: value}]})
        if answer.status_code != 422:
            passed.append(f"line's {name}: {answer.status_code}")
    assert not passed, f"values of a client were taken: {passed}"


def test_operations_of_managers(people: People, document: dict[str, Any]) -> None:
    """API5: every operation that is for managers is refused to a cashier, whatever is sent."""
    wanted = of_role(document, "manager")
    passed = []
    for method, path in wanted:
        options: dict[str, Any] = {"json": {}} if method != "GET" else {}
        answer = people.cashier.request(
            method, path.removeprefix(api.BASE), headers={"If-Match": '"x"'}, **options
        )
        if answer.status_code != 403:
            passed.append(f"{method} {path}: {answer.status_code}")
    assert wanted, "the document names no operation for managers"
    assert not passed, f"a cashier was let into what is for managers: {passed}"


def test_operations_without_a_token(people: People, document: dict[str, Any]) -> None:
    """API5: every operation that is for users is refused without a token."""
    client, passed = people.cashier.client, []
    for role in ("cashier", "manager"):
        for method, path in of_role(document, role):
            answer = client.request(
                method, path, headers={"If-Match": '"x"', "Idempotency-Key": str(uuid4())}
            )
            if answer.status_code != 401:
                passed.append(f"{method} {path}: {answer.status_code}")
    assert not passed, f"somebody without a token was let in: {passed}"


def test_refunds_are_managers_decisions(people: People, draft: Draft) -> None:
    """API6: a cashier refunds nothing, not even an order of their own."""
    answer = people.cashier.request("POST", f"/orders/{draft.order}/refunds", json={"payments": []})
    assert answer.status_code == 403, f"a cashier's refund was answered by {answer.status_code}"
    own = people.other.request("POST", f"/orders/{draft.order}/refunds", json={"payments": []})
    assert own.status_code == 403, f"a cashier's refund of an own order was answered by {own.status_code}"


def test_cash_is_taken_out_by_managers(people: People) -> None:
    """API6: a cashier takes no cash out of the drawer."""
    answer = people.cashier.request(
        "POST",
        f"/sessions/{people.session_id}/cash-movements",
        json={"direction": "out", "amount": 1, "reason": "Tillstack-verification"},
    )
    assert answer.status_code == 403, f"a cashier's cash out was answered by {answer.status_code}"


def test_a_repeated_sale_is_one_sale(people: People) -> None:
    """API6: a sale that is sent again with its Idempotency-Key is booked once, and no other under it."""
    body = {
        "session_id": people.session_id,
        "lines": [{"product_id": people.service_id, "quantity": 1}],
    }
    key = {"Idempotency-Key": str(uuid4())}
    sent = [people.cashier.request("POST", "/orders", json=body, headers=key) for _ in range(3)]
    orders = {answer.json().get("id") for answer in sent}
    other = people.cashier.request("POST", "/orders", json={**body, "note": "other"}, headers=key)
    for order in orders - {None}:
        tag = people.cashier.request("GET", f"/orders/{order}").headers.get("ETag", "")
        people.cashier.request("DELETE", f"/orders/{order}", headers={"If-Match": tag})
    assert len(orders) == 1 and None not in orders, f"{len(orders)} orders of one key"
    assert other.status_code == 422, f"another sale under the same key: {other.status_code}"
