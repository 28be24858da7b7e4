"""What the checks of the books share: queries, and the shop after its closing."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from verify.clients.odoo_rpc import OdooSession
from verify.reporting.document import Measure
from verify.shop.ledger import Ledger
from verify.shop.operations import OPERATIONS, Operation
from verify.shop.people import People, close_sessions
from verify.shop.selling import basket, tender

Books = Callable[[str], list[dict[str, Any]]]
SOLD_AT_ONCE = ("createOrder", "createPayment", "syncOrders")
SOLD_ALONE = ("changeOrder", "deleteOrder", "addOrderLine", "deletePayment", "refundOrder", "invoiceOrder")
TIMES, THREADS = 4, 4
ORDERS = """
    SELECT id, name, state, amount_total AS total, amount_tax AS tax, amount_paid AS paid, pos_reference
      FROM pos_order WHERE session_id = ANY('{%s}')
"""


@dataclass(frozen=True)
class Settled:
    """The sessions in which this run has sold, after their closing.

    Attributes:
        sessions: their ids.
        drafts: what the database had of the acknowledged drafts before the closing removed them, by id.
        orders: what it has of all orders of these sessions, by id.
        numbers: the answers to one order that was sent by several threads with one key: status and id.
    """

    sessions: list[int]
    drafts: dict[int, dict[str, Any]]
    orders: dict[int, dict[str, Any]]
    numbers: list[tuple[int, int | None]]

    @property
    def array(self) -> str:
        """The sessions as PostgreSQL reads an array."""
        return "{" + ",".join(map(str, self.sessions)) + "}"


@pytest.fixture
def books(queries: Books, request: pytest.FixtureRequest) -> Books:
    """As `queries`, and puts the time that it took into the report."""

    def ask(query: str) -> list[dict[str, Any]]:
        began = time.monotonic()
        rows = queries(query)
        spent = Measure("time of the query, SSH included", round((time.monotonic() - began) * 1000), "ms")
        request.node.user_properties.append((spent.name, spent))
        return rows

    return ask


@pytest.fixture(scope="session")
def settled(people: People, odoo: OdooSession, ledger: Ledger, queries: Books) -> Settled:
    """The run's sessions, after some more sales, several at once, and their closing."""
    sell(people)
    numbers = sell_once(people)
    acknowledged = ledger.orders()
    sessions = sorted({order.session_id for order in acknowledged})
    ids = ",".join(map(str, sessions))
    wanted = {order.id for order in acknowledged if order.state == "draft"}
    drafts = {row["id"]: row for row in queries(ORDERS % ids) if row["id"] in wanted}
    for number in close_sessions(odoo, people.series):
        ledger.remove(number)
    orders = {row["id"]: row for row in queries(ORDERS % ids)}
    lost = {order.id: order for order in acknowledged if order.id in wanted and order.id not in drafts}
    drafts |= {number: {"id": number, "lost": True} for number in lost}
    return Settled(sessions, drafts, orders, numbers)


def sell(people: People) -> None:
    """Sell by every operation that sells, several at once where they may."""
    with ThreadPoolExecutor(THREADS) as pool:
        at_once = [OPERATIONS[name] for name in SOLD_AT_ONCE for _ in range(TIMES)]
        list(pool.map(lambda operation: _run(operation, people), at_once))
    for name in SOLD_ALONE:
        _run(OPERATIONS[name], people)


def _run(operation: Operation, people: People) -> None:
    call = operation.prepare(people)
    call.check(operation.send(people, call))


def sell_once(people: People) -> list[tuple[int, int | None]]:
    """Send one order by several threads at once, all with one key.

    Returns:
        HTTP status and the order's id, of each answer; no id for a refusal.
    """
    key = str(uuid4())
    body = basket(people, payments=[tender(people.card_id)])

    def send(_: int) -> tuple[int, int | None]:
        answer = people.cashier.request("POST", "/orders", json=body, headers={"Idempotency-Key": key})
        if answer.status_code != 201:
            return answer.status_code, None
        people.ledger.acknowledge(answer.json(), key)
        return 201, int(answer.json()["id"])

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(send, range(THREADS)))
