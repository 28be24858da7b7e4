"""Odoo itself: what is closed, how many processes serve, and that its bus carries a message."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from typing import Any

import pytest
import requests
from psycopg2.extensions import connection

from verify.clients.database import connect, superuser_rows, value
from verify.clients.odoo_rpc import OdooSession, call, rpc
from verify.estate.described import Estate
from verify.estate.machines import Machine, main_pid

CONCERN = "Odoo"

pytestmark = pytest.mark.explained_by("odoo")


BUS_SECONDS = 10
# The longpolling process loads Odoo with its first call, and listens from the first poll that finds nothing.
BUS_START_SECONDS = 40  # less than the 50 after which Odoo ends a poll (addons/bus/models/bus.py, TIMEOUT)
BUS_CHANNEL = "tillstack_verify"
NOT_HEARD = "look for what does not LISTEN on postgres"


def test_processes(odoo_host: Machine, measure: Callable[..., None]) -> None:
    """As many processes serve as were wanted: workers, cron and longpolling."""
    workers, cron = (int(odoo_host.variables[name]) for name in ("odoo_workers", "odoo_max_cron_threads"))
    master = main_pid(odoo_host, "odoo")
    commands = odoo_host.shell.output("ps --no-headers -o args --ppid %s", str(master)).splitlines()
    longpolling = [command for command in commands if " gevent" in command]
    measure("workers and cron processes", len(commands) - len(longpolling))
    assert len(longpolling) == 1, f"{len(longpolling)} longpolling processes"
    assert len(commands) - 1 == workers + cron, (
        f"wanted odoo_workers {workers} + odoo_max_cron_threads {cron}"
    )


def test_modules_are_installed(postgresql_host: Machine, database: str, estate: Estate) -> None:
    """All wanted modules are installed, and none waits for an upgrade."""
    query = "SELECT name, state FROM ir_module_module WHERE state <> 'uninstalled'"
    modules = superuser_rows(postgresql_host, query, database)
    states = {module["name"]: module["state"] for module in modules}
    wanted = [*estate.variable("odoo_modules"), "pos_api"]
    assert {name: states.get(name) for name in wanted} == dict.fromkeys(wanted, "installed")
    assert [name for name, state in states.items() if state.startswith("to ")] == []


@pytest.mark.writes
@pytest.mark.explained_by("odoo", "nginx", "pgbouncer")
def test_bus_message_arrives(
    odoo: OdooSession, pooled: dict[str, Any], database: str, measure: Callable[..., None]
) -> None:
    """A browser that waits at /longpolling/poll is told of a change at once.

    The message goes as NOTIFY through the pooler to the longpolling process, and from there through nginx.
    """
    with closing(connect(pooled, database)) as sql:
        last = value(sql, "SELECT coalesce(max(id), 0) FROM bus_bus")
    with closing(connect(pooled, "postgres")) as sql:
        _start_listening(odoo, sql, database, last)
    (model,) = call(odoo, "ir.model", "search", [["model", "=", "res.partner"]])
    activity = {
        "res_model_id": model,
        "res_id": odoo.partner_id,
        "user_id": odoo.user_id,
        "summary": "verify",
    }
    with ThreadPoolExecutor(1) as executor:
        waiting = executor.submit(_wait_for_activity, odoo, last)
        began = time.perf_counter()
        created = call(odoo, "mail.activity", "create", activity)
        try:
            arrived = waiting.result()
        finally:
            call(odoo, "mail.activity", "unlink", [created])
    measure("change to browser", round((arrived - began) * 1000), "ms")


def _start_listening(odoo: OdooSession, sql: connection, database: str, last: int) -> None:
    """Wait until the longpolling process hears what is notified."""
    # Odoo 15 puts the database before a channel's name, 14 does not.
    payload = json.dumps([[database, BUS_CHANNEL], BUS_CHANNEL])
    parameters = {"channels": [BUS_CHANNEL], "last": last}
    rpc(odoo.client, "/longpolling/poll", {**parameters, "options": {"peek": True}})
    deadline = time.monotonic() + BUS_START_SECONDS
    with ThreadPoolExecutor(1) as executor:
        waiting = executor.submit(rpc, odoo.client, "/longpolling/poll", parameters)
        while not waiting.done() and time.monotonic() < deadline:
            value(sql, "SELECT pg_notify('imbus', %s)", payload)
            wait([waiting], timeout=0.1)
        if not waiting.done():
            pytest.fail(f"nothing heard within {BUS_START_SECONDS} s: {NOT_HEARD}")
        waiting.result()


def _wait_for_activity(odoo: OdooSession, last: int) -> float:
    """Poll until the bus tells of an activity, and return when it did."""
    while True:
        try:
            notices = rpc(odoo.client, "/longpolling/poll", {"channels": [], "last": last}, BUS_SECONDS)
        except requests.Timeout:
            pytest.fail(f"no message within {BUS_SECONDS} s: {NOT_HEARD}")
        assert notices, "the poll ended without a message"
        if any("activity" in str(notice["message"]) for notice in notices):
            return time.perf_counter()
        last = max(notice["id"] for notice in notices)
