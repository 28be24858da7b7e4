"""What a pool without free connections, a stuck lock and a slow statement do to everybody else."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import psycopg2
import pytest

from verify.clients.api import BASE, checked
from verify.clients.database import connect, value
from verify.clients.web import Client, Site
from verify.measure.knee import judged
from verify.measure.open_loop import constant
from verify.reporting.document import Evidence, Measure
from verify.sections.load.bench import Bench, until
from verify.shop.cashiers import Sellers
from verify.shop.people import People

CONCERN = "Load"

pytestmark = [pytest.mark.writes, pytest.mark.explained_by("odoo", "pgbouncer", "postgresql", "nginx")]

SESSION_DATABASE = "postgres"
HEALED_SECONDS = 5
OTHER_MS = 1000  # for a SELECT 1 in another database
STUCK_SECONDS = 6.0


@contextmanager
def _all_taken(pooled: dict[str, Any], database: str, most: int) -> Iterator[int]:
    """Keep every server connection of the pool in an open transaction; give how many there are.

    Args:
        pooled: how the pooler is reached.
        database: whose pool it is.
        most: there are not more.
    """
    with ExitStack() as stack:

        def take(_: int) -> bool:
            try:
                client = connect(pooled, database)
                stack.callback(client.close)
                client.autocommit = False
                return bool(value(client, "SELECT 1"))
            except psycopg2.OperationalError:
                return False  # max_db_connections is below the pool's size

        # At once: each of the reserve is given after reserve_pool_timeout.
        with ThreadPoolExecutor(most) as threads:
            taken = sum(threads.map(take, range(most)))
        yield taken


def test_pool_exhaustion(
    pooled: dict[str, Any],
    database: str,
    site: Site,
    bench: Bench,
    keep: Callable[[Evidence], None],
    measure: Callable[..., None],
) -> None:
    """Sales that find no free server connection are refused in time, and served again once there is one."""
    # Each worker gets one call; more would wait for a worker and say nothing about the pool.
    calls = bench.capacity.workers
    patience = bench.plan.bounds.answer_seconds
    bench.settle()
    with (
        _all_taken(pooled, database, bench.capacity.pool) as taken,
        closing(connect(pooled, SESSION_DATABASE)) as other,
    ):
        others: list[float] = []
        enough = threading.Event()

        def ask_the_other() -> None:
            while not enough.wait(0.5):
                began = time.perf_counter()
                value(other, "SELECT 1")
                others.append((time.perf_counter() - began) * 1000)

        asking = threading.Thread(target=ask_the_other)
        asking.start()
        driven = bench.drive(constant(calls, 1), 1, Sellers(bench.cashiers))
        enough.set()
        asking.join()
    with Client(site) as client:
        healed = until(lambda: _healthy(client), 2 * HEALED_SECONDS)
    keep(bench.load_run("pool exhausted", [judged(calls, driven, bench.plan.objectives)]))
    measure("server connections taken", taken)
    measure("clients waiting, most", max(_waiting(bench, driven.began, driven.ended), default=0))
    keep(Measure("other database, slowest SELECT 1", round(max(others), 1), "ms", OTHER_MS))
    longest = max(sample.milliseconds for sample in driven.samples) / 1000
    keep(Measure("longest wait for an answer", round(longest, 1), "s", patience))
    keep(Measure("served again after", round(healed or 2 * HEALED_SECONDS, 1), "s", HEALED_SECONDS))
    answers = {(sample.status, sample.retry_after) for sample in driven.samples}
    assert answers == {(503, True)}, (
        f"status and Retry-After of calls without a server connection: {sorted(answers)}, not 503 with it,"
        f" within {patience:g} s (0: no answer). Odoo waits for query_wait_timeout for each connection that"
        " it has kept, and once more for a new one: lower it in pgbouncer_settings"
    )
    assert max(others) < OTHER_MS, f"database {SESSION_DATABASE} suffered too: {max(others):.0f} ms"
    assert healed is not None and healed <= HEALED_SECONDS, "served too late once there were connections"
    after = judged(bench.plan.base_rate, bench.at_rate(bench.plan.base_rate, 3), bench.plan.objectives)
    assert after.errors == 0, after.reason


def _healthy(client: Client) -> bool:
    return client.get(f"{BASE}/health", timeout=HEALED_SECONDS).status_code == 200


def _waiting(bench: Bench, began: float, ended: float) -> list[int]:
    readings = bench.sampler.between(began, ended)
    return [one.values["pool"]["cl_waiting"] for one in readings if one.values.get("pool")]


def test_stuck_lock(
    people: People,
    pooled: dict[str, Any],
    database: str,
    bench: Bench,
    keep: Callable[[Evidence], None],
    measure: Callable[..., None],
) -> None:
    """A stuck lock and a slow statement hold up only the call that needs the lock, and both are seen."""
    bench.settle()
    body = {
        "session_id": people.session_id,
        "lines": [{"product_id": people.service_id, "quantity": 1}],
    }
    client = people.cashier.client
    order = checked(client, people.cashier.request("POST", "/orders", json=body), 201, "Order")
    people.ledger.acknowledge(order)
    payment = {"payment_method_id": people.card_id, "amount": order["due"]}
    with (
        ThreadPoolExecutor(2) as threads,
        closing(connect(pooled, database)) as slow,
        closing(connect(pooled, database)) as locker,
    ):
        locker.autocommit = False
        value(locker, "SELECT id FROM pos_order WHERE id = %s FOR UPDATE", order["id"])
        path = f"/orders/{order['id']}/payments"
        paying = threads.submit(people.cashier.request, "POST", path, json=payment)
        sleeping = threads.submit(value, slow, "SELECT pg_sleep(%s)", STUCK_SECONDS)
        try:
            driven = bench.at_rate(bench.plan.base_rate, STUCK_SECONDS)
            held_up = not paying.done()
        finally:
            locker.rollback()
        released = time.perf_counter()
        paid = checked(client, paying.result(), 201, "Paid")
        went_on = time.perf_counter() - released
        sleeping.result()
    people.ledger.acknowledge(paid["order"])
    step = judged(bench.plan.base_rate, driven, bench.plan.objectives)
    keep(bench.load_run("stuck lock", [step]))
    activity = [
        one.values["activity"]
        for one in bench.sampler.between(driven.began, driven.ended)
        if one.values.get("activity")
    ]
    waits = max((one["lock_waits"] for one in activity), default=0)
    longest = max((one["longest"] for one in activity), default=0)
    measure("sessions waiting for the lock, most", waits)
    measure("longest statement seen", longest, "s")
    measure("held-up call answered after the release", round(went_on, 2), "s")
    assert held_up, "the payment did not wait for the lock of its order"
    assert waits >= 1, "no session was seen to wait for a lock"
    assert longest >= STUCK_SECONDS / 2, "the slow statement was not seen"
    assert paid["order"]["state"] == "paid"
    assert step.held, f"others were held up too: {step.reason}; see odoo_workers"
