"""Orders as the API takes them and as Odoo's own till sends them: three lines, paid in cash."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from verify.shop.people import TAX_PERCENT

LINES = 3
MOST = 3  # pieces of a line


@dataclass(frozen=True)
class Goods:
    """A product: id, price of a piece with the tax in it, ids of its taxes (`TAX_PERCENT`, or none)."""

    id: int
    price: float
    taxes: tuple[int, ...]

    def bare(self, quantity: int) -> float:
        """Return the price of so many without tax, as Odoo rounds it for a line."""
        whole = self.price * quantity
        return round(whole / (1 + TAX_PERCENT / 100), 2) if self.taxes else whole


@dataclass(frozen=True)
class Counter:
    """Where is sold: ids of pos.session, pricelist, user and the cash method."""

    session: int
    pricelist: int
    user: int
    method: int


Basket = Sequence[tuple[Goods, int]]


def basket(goods: Sequence[Goods], chance: random.Random) -> Basket:
    """Return different products, each with its quantity."""
    return [(one, chance.randint(1, MOST)) for one in chance.sample(goods, LINES)]


def total(lines: Basket) -> float:
    """Return what a basket costs."""
    return round(sum(goods.price * quantity for goods, quantity in lines), 2)


def api_order(counter: Counter, lines: Basket) -> dict[str, Any]:
    """Return the body of POST /orders."""
    return {
        "session_id": counter.session,
        "lines": [{"product_id": goods.id, "quantity": quantity} for goods, quantity in lines],
        "payments": [{"payment_method_id": counter.method, "amount": total(lines)}],
    }


def offline_order(counter: Counter, lines: Basket) -> dict[str, Any]:
    """Return an item of POST /sync/orders."""
    return {
        "idempotency_key": str(uuid4()),
        "ordered_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "order": api_order(counter, lines),
    }


def screen_order(counter: Counter, lines: Basket, number: str) -> dict[str, Any]:
    """Return an item of pos.order.create_from_ui, as the till's screen of 15.0 works it out.

    Args:
        counter: where.
        lines: what.
        number: the end of the receipt number, such as 001-0001, not used before in the session.
    """
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    whole, bare = total(lines), round(sum(goods.bare(quantity) for goods, quantity in lines), 2)
    uid = f"{counter.session:05d}-{number}"
    data = {
        "name": f"Order {uid}",
        "uid": uid,
        "amount_paid": whole,
        "amount_total": whole,
        "amount_tax": round(whole - bare, 2),
        "amount_return": 0,
        "lines": [
            [
                0,
                0,
                {
                    "id": place,
                    "qty": quantity,
                    "price_unit": goods.price,
                    "price_subtotal": goods.bare(quantity),
                    "price_subtotal_incl": goods.price * quantity,
                    "discount": 0,
                    "product_id": goods.id,
                    "tax_ids": [[6, False, list(goods.taxes)]],
                    "pack_lot_ids": [],
                    "price_extra": 0,
                },
            ]
            for place, (goods, quantity) in enumerate(lines, 1)
        ],
        "statement_ids": [
            [0, 0, {"name": now, "payment_method_id": counter.method, "amount": whole}],
        ],
        "pos_session_id": counter.session,
        "pricelist_id": counter.pricelist,
        "partner_id": False,
        "user_id": counter.user,
        "sequence_number": 1,
        "creation_date": now,
        "fiscal_position_id": False,
        "server_id": False,
        "to_invoice": False,
    }
    return {"id": uid, "to_invoice": False, "data": data}
