"""PgBouncer as a client sees it."""

import select
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any

import psycopg2
import pytest

from verify.clients.database import connect, pooler_rows, value
from verify.estate.machines import Machine
from verify.measure.timing import milliseconds
from verify.reporting.recorder import NotRun

CONCERN = "PgBouncer"

pytestmark = pytest.mark.explained_by("pgbouncer", "postgresql")

PID = "SELECT pg_backend_pid()"

SESSION_DATABASE = "postgres"

STATE = f"{PID} || ' ' || coalesce(nullif(current_setting('tillstack.verify', true), ''), 'none')"

NOTIFY_SECONDS = 5

DRAWS = 5


def _pool(machine: Machine, database: str) -> dict[str, str]:
    """Return the settings of the entry that serves a database, as the console shows them."""
    (entry,) = [row for row in pooler_rows(machine, "SHOW DATABASES") if row["name"] == database]
    return entry


def test_application_round_trip(pooled: dict[str, Any], database: str, measure: Callable[..., None]) -> None:
    """The pooler answers the application's user."""
    with closing(connect(pooled, database)) as client:
        assert value(client, "SELECT current_user") == pooled["user"]
        measure("SELECT 1, pooled, median", milliseconds(lambda: value(client, "SELECT 1")), "ms")


def test_transaction_mode_shares_servers(
    pgbouncer_host: Machine, pooled: dict[str, Any], database: str, measure: Callable[..., None]
) -> None:
    """More clients than server connections stay connected and are all served."""
    with ExitStack() as stack:
        first = stack.enter_context(closing(connect(pooled, database)))
        pids = {value(first, PID)}
        entry = _pool(pgbouncer_host, database)
        limit = int(entry["pool_size"]) + int(entry["reserve_pool"])
        for number in range(limit + 1):
            try:
                pids.add(value(stack.enter_context(closing(connect(pooled, database))), PID))
            except psycopg2.OperationalError as error:
                pytest.fail(
                    f"client {number + 2} of {limit + 2} was not served ({error}): each client keeps a server"
                )
        measure("clients", limit + 2)
        measure("server connections they shared", len(pids))
        assert len(pids) <= limit < limit + 2


def test_transaction_mode_keeps_no_session(
    pgbouncer_host: Machine, pooled: dict[str, Any], database: str
) -> None:
    """A client whose server another one took goes on elsewhere, without its session's state."""
    for _ in range(DRAWS):
        with ExitStack() as stack:
            first = stack.enter_context(closing(connect(pooled, database)))
            value(first, "SELECT set_config('tillstack.verify', 'mine', false)")
            size = int(_pool(pgbouncer_host, database)["pool_size"])
            before = value(first, PID)
            for _ in range(size - 1):
                other = stack.enter_context(closing(connect(pooled, database)))
                other.autocommit = False
                if value(other, PID) == before:
                    after, state = value(first, STATE).split()
                    assert int(after) != before, "two clients in one server at once"
                    assert state == "none", "the session's state went with the client"
                    return
    pytest.fail(
        f"in {DRAWS} draws no other client was given the first one's server: pool_mode is not transaction"
    )


def test_session_mode_keeps_the_server(pooled: dict[str, Any]) -> None:
    """On the database postgres each client has a server of its own."""
    with (
        closing(connect(pooled, SESSION_DATABASE)) as first,
        closing(connect(pooled, SESSION_DATABASE)) as second,
    ):
        before = value(first, PID)
        assert value(second, PID) != before, (
            "two clients share a server: Odoo's listeners need pool_mode=session"
        )
        assert value(first, PID) == before


def test_session_entry_keeps_prepared_statements(
    pgbouncer_host: Machine, pooled: dict[str, Any], database: str
) -> None:
    """By the entry that the API reads by, a statement stays prepared, and for its own client alone."""
    if database not in pgbouncer_host.variables["pgbouncer_session_databases"]:
        raise NotRun(f"pgbouncer_session_databases does not name {database}")
    entry = f"{database}_session"
    with closing(connect(pooled, entry)) as first, closing(connect(pooled, entry)) as second:
        for client, number in ((first, 1), (second, 2)):
            client.cursor().execute(f"PREPARE tillstack_verify AS SELECT {number}")
        for client, number in ((second, 2), (first, 1)):
            assert value(client, "EXECUTE tillstack_verify") == number, "it runs another client's statement"
    with closing(connect(pooled, entry)) as next_one:
        left = value(next_one, "SELECT count(*) FROM pg_prepared_statements")
        assert left == 0, f"{left} statements of a client that left: server_reset_query is not DISCARD ALL"


@pytest.mark.writes  # no table, but a NOTIFY takes a transaction id
def test_notify_arrives(pooled: dict[str, Any], measure: Callable[..., None]) -> None:
    """A NOTIFY through the pooler reaches a client that listens through the pooler."""
    with (
        closing(connect(pooled, SESSION_DATABASE)) as listener,
        closing(connect(pooled, SESSION_DATABASE)) as sender,
    ):
        value(listener, "LISTEN tillstack_verify")
        value(listener, "SELECT 1")
        began = time.perf_counter()
        value(sender, "SELECT pg_notify('tillstack_verify', 'ping')")
        readable, _, _ = select.select([listener], [], [], NOTIFY_SECONDS)
        assert readable, f"nothing arrived within {NOTIFY_SECONDS} s"
        listener.poll()
        measure("NOTIFY, pooled", round((time.perf_counter() - began) * 1000, 2), "ms")
        assert [notice.payload for notice in listener.notifies] == ["ping"]
