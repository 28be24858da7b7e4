"""Orders of known amounts, and what the API has to say of them."""

import re
from typing import Any
from uuid import uuid4

from verify.shop.callers import Caller
from verify.shop.calls import expect, make, money
from verify.shop.people import GOODS_PRICE, SERVICE_PRICE, TAX_PERCENT, People

# Two of the goods, and three of the service with 10 % off.
GOODS, SERVICES, DISCOUNT = 2, 3, 10
TOTAL = money(GOODS * GOODS_PRICE + SERVICES * SERVICE_PRICE * (1 - DISCOUNT / 100))
GOODS_TAX = money(GOODS_PRICE - GOODS_PRICE / (1 + TAX_PERCENT / 100))  # of one piece
TAX = money(GOODS * GOODS_TAX)
RECEIPT = re.compile(r"Order \d{5}-9\d\d-\d{4}")


def basket(people: People, session: int | None = None, **more: Any) -> dict[str, Any]:
    """Return the body of an order over `TOTAL`, a draft unless ``more`` has payments.

    Args:
        people: verify's users and shop.
        session: where to sell; the cashier's session, if not given.
        more: members of the body.
    """
    return {
        "session_id": session or people.session_id,
        "lines": [
            {"product_id": people.product_id, "quantity": GOODS},
            {"product_id": people.service_id, "quantity": SERVICES, "discount": DISCOUNT},
        ],
        **more,
    }


def tender(method: int, amount: float = TOTAL) -> dict[str, Any]:
    """Return the body of a payment."""
    return {"payment_method_id": method, "amount": amount}


def draft(people: People, caller: Caller | None = None, **more: Any) -> tuple[dict[str, Any], str]:
    """Return a new order and its entity tag.

    Args:
        people: verify's users and shop.
        caller: who rings it up; the cashier, if not given.
        more: see `basket`.

    Raises:
        PreparationError: it was refused.
    """
    key = str(uuid4())
    seller = caller or people.cashier
    answer = make(seller, "POST", "/orders", basket(people, **more), Idempotency_Key=key)
    order: dict[str, Any] = answer.json()
    people.ledger.acknowledge(order, key)
    tag = answer.headers.get("ETag") or make(seller, "GET", f"/orders/{order['id']}").headers.get("ETag", "")
    return order, tag


def paid(people: People, caller: Caller | None = None, **more: Any) -> dict[str, Any]:
    """Return a new order that is paid by card; see `draft`."""
    order, _ = draft(people, caller, payments=[tender(people.card_id)], **more)
    return order


def check_order(order: dict[str, Any], state: str, **wanted: Any) -> None:
    """Compare an order as the API shows it with what it has to be.

    Args:
        order: body of the answer.
        state: wanted state.
        wanted: members; amounts that are not named are those of `basket`, paid in full unless it is a draft.

    Raises:
        AssertionError: it says something else.
    """
    total = wanted.get("total", TOTAL)
    expected = {
        "state": state,
        "total": total,
        "tax": TAX,
        "paid": 0.0 if state == "draft" else total,
        "due": total if state == "draft" else 0.0,
        "change": 0.0,
        "refund_of": [],
        "refunds": [],
        **wanted,
    }
    found = {
        name: money(order[name]) if _is_number(value) else order[name] for name, value in expected.items()
    }
    expect("the order", found, expected)
    expect("whether it has a name", order["name"] != "/", state != "draft")
    expect("the form of the receipt number", bool(RECEIPT.fullmatch(order["receipt_number"])), True)
    lines = sum(money(line["subtotal_with_tax"]) for line in order["lines"])
    expect("the sum of its lines", money(lines), total)
    expect(
        "the sum of its payments", money(sum(one["amount"] for one in order["payments"])), expected["paid"]
    )
    moves_now = state != "draft" and order["stock_moves_at"] == "payment"
    expect("its pickings' states", [one["state"] for one in order["pickings"]], ["done"] if moves_now else [])


def check_lines(people: People, order: dict[str, Any]) -> None:
    """Compare the lines of an order with those of `basket`.

    Raises:
        AssertionError: they differ.
    """
    reduced = money(SERVICES * SERVICE_PRICE * (1 - DISCOUNT / 100))
    found = [
        (
            line["product"]["id"],
            money(line["quantity"]),
            money(line["unit_price"]),
            money(line["discount"]),
            money(line["subtotal"]),
            money(line["subtotal_with_tax"]),
        )
        for line in order["lines"]
    ]
    goods = money(GOODS * GOODS_PRICE)
    expect(
        "its lines",
        found,
        [
            (people.product_id, GOODS, GOODS_PRICE, 0.0, money(goods - TAX), goods),
            (people.service_id, SERVICES, SERVICE_PRICE, float(DISCOUNT), reduced, reduced),
        ],
    )


def payments(order: dict[str, Any]) -> list[tuple[int, float, bool]]:
    """Return method, amount and whether it is change, of each payment of an order, sorted."""
    return sorted(
        (one["payment_method"]["id"], money(one["amount"]), one["is_change"]) for one in order["payments"]
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
