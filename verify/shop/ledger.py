"""What the API has said of the orders of this run: the checks of consistency hold the database against it."""

import threading
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Acknowledged:
    """The last that the API said of an order.

    Attributes:
        id: id of the pos.order.
        name: its number, "/" for a draft.
        state: draft, paid, invoiced, ...
        total: with taxes, in the order's currency.
        tax: part of the total.
        paid: sum of its payments.
        session_id: id of its pos.session.
        receipt_number: its pos_reference.
        key: Idempotency-Key of the call that made it, empty where it is not known.
    """

    id: int
    name: str
    state: str
    total: float
    tax: float
    paid: float
    session_id: int
    receipt_number: str
    key: str


class Ledger:
    """The orders that the API has acknowledged in this run; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: dict[int, Acknowledged] = {}
        self._removed: set[int] = set()
        self._count = 0

    def acknowledge(self, order: dict[str, Any], key: str = "") -> None:
        """Enter an order as an answer of success shows it; a later answer takes the place of an earlier one.

        Args:
            order: body of an answer, as the schema Order of the document.
            key: the Idempotency-Key that it was made with, where the caller knows it.
        """
        with self._lock:
            before = self._orders.get(order["id"])
            self._count += 1
            self._orders[order["id"]] = Acknowledged(
                id=order["id"],
                name=order["name"],
                state=order["state"],
                total=float(order["total"]),
                tax=float(order["tax"]),
                paid=float(order["paid"]),
                session_id=order["session"]["id"],
                receipt_number=order["receipt_number"],
                key=key or (before.key if before else ""),
            )

    def invoiced(self, order_id: int) -> None:
        """Note that an order got its invoice, which shows in its state."""
        with self._lock:
            if before := self._orders.get(order_id):
                self._orders[order_id] = Acknowledged(**{**before.__dict__, "state": "invoiced"})

    def remove(self, order_id: int) -> None:
        """Note that a draft was deleted, as the API or Odoo acknowledged."""
        with self._lock:
            self._orders.pop(order_id, None)
            self._removed.add(order_id)

    def orders(self) -> list[Acknowledged]:
        """Return the orders that there have to be, by id."""
        with self._lock:
            return [self._orders[number] for number in sorted(self._orders)]

    def removed(self) -> set[int]:
        """Return the ids of drafts that there must no longer be."""
        with self._lock:
            return set(self._removed)

    @property
    def count(self) -> int:
        """How many acknowledgements there were."""
        return self._count
