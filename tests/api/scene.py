"""States of the shop that calls are tried in: open sessions, drafts, paid orders, shifts."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import requests

from tests.api.client import NOTHING, Caller
from tests.api.shop import PIN, Shop
from verify.clients import odoo_rpc

COFFEE_TOTAL = 9.78  # two at 4.25, 15 % on top
# Who calls, and as which user: what a call is about belongs to the cashier.
USERS: Mapping[str, str | None] = {
    "anonymous": None,
    "cashier": "anna",
    "other cashier": "bela",
    "manager": "mona",
}


@dataclass(frozen=True)
class Valid:
    """A call that has to succeed in the present state, when the right caller makes it.

    Args:
        check: Looks for what it did; gets the answer.
        id: For the path.
        body: The JSON body.
        query: Query parameters.
        headers: Headers beside the credentials and the Idempotency-Key.
    """

    check: Callable[[requests.Response], None]
    id: int | None = None
    body: Any = NOTHING
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> dict[str, Any]:
        """Return what `Caller.call` takes beside the operationId."""
        return {"body": self.body, "id": self.id, "query": dict(self.query), "headers": dict(self.headers)}


class Scene:
    """The shop with a caller of each kind, and what they have made."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.callers = {name: shop.caller(login) for name, login in USERS.items()}
        self._numbers = itertools.count(1)

    @cached_property
    def dismissed(self) -> Caller:
        """Somebody who was a cashier when logging in, and is no longer."""
        caller = self.shop.caller("dismissed")
        _ = caller.tokens
        group = self.value(
            "SELECT res_id FROM ir_model_data WHERE module = 'point_of_sale' AND name = 'group_pos_user'"
        )
        user = self.shop["users"]["dismissed"]
        odoo_rpc.call(self.shop.administrator, "res.users", "write", [user], {"groups_id": [[3, group]]})
        return caller

    @property
    def cashier(self) -> Caller:
        """The one that the tried records belong to."""
        return self.callers["cashier"]

    @property
    def manager(self) -> Caller:
        """The manager."""
        return self.callers["manager"]

    def value(self, query: str) -> Any:
        """Return the only value that a query of the database finds."""
        return self.shop.value(query)

    def name(self, what: str) -> str:
        """Return a name that nothing has yet."""
        return f"{what} {next(self._numbers)}-{uuid.uuid4().hex[:6]}"

    def open_session(self, name: str = "cashier", till: str = "operations", cash: float = 100) -> int:
        """Return the open session of a till, which is opened if it is closed."""
        config = self.shop["tills"][till]["id"]
        query = {"config_id": config, "state": "opened"}
        found = self.manager.get("listSessions", query=query)["items"]
        if found:
            return int(found[0]["id"])
        body = {"config_id": config, "opening_cash": cash}
        return int(self.callers[name].get("openSession", body)["id"])

    def closed_till(self, till: str = "spare") -> int:
        """Return the id of a till that has no open session."""
        config: int = self.shop["tills"][till]["id"]
        query = {"config_id": config, "state": "opened"}
        for session in self.manager.get("listSessions", query=query)["items"]:
            self.close(session["id"])
        return config

    def close(self, session: int) -> dict[str, Any]:
        """Close a session with the cash that is expected, and return it."""
        expected = self.manager.get("getSession", id=session)["cash"]["expected"]
        closed: dict[str, Any] = self.manager.get("closeSession", {"counted_cash": expected}, id=session)
        return closed

    def basket(self, **more: Any) -> dict[str, Any]:
        """Return the body of an order of two coffees in the cashier's session."""
        return {
            "session_id": self.open_session(),
            "lines": [{"product_id": self.shop["products"]["coffee"], "quantity": 2}],
            **more,
        }

    def tender(self, amount: float = COFFEE_TOTAL, method: str = "card", till: str = "operations") -> Any:
        """Return the body of a payment."""
        return {"payment_method_id": self.shop["tills"][till][method], "amount": amount}

    def draft(self, **more: Any) -> dict[str, Any]:
        """Return a new draft of the cashier's."""
        order: dict[str, Any] = self.cashier.get("createOrder", self.basket(**more))
        return order

    def paid(self, **more: Any) -> dict[str, Any]:
        """Return a new paid order of the cashier's."""
        return self.draft(payments=[self.tender()], **more)

    def employee(self) -> int:
        """Return a new employee with the PIN of all."""
        return int(self.manager.get("createEmployee", {"name": self.name("Clerk"), "pin": PIN})["id"])

    def shift(self, employee: int | None = None) -> dict[str, Any]:
        """Return a shift that the cashier's clocking in has begun."""
        body = {"employee_id": employee or self.employee(), "pin": PIN}
        attendance: dict[str, Any] = self.cashier.get("createAttendance", body)
        return attendance
