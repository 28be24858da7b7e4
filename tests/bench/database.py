"""The API's list as the database sees it: prepared by the session pool, against its bare text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.host import PLACE, Bench, BenchError, wait_for_answers
from tests.bench.plan import CLIENTS, UNPREPARED, Plan, goals
from tests.bench.rounds import OURS, Row, rows
from tests.bench.shop import Shop
from tests.bench.subjects import LIMIT
from tests.bench.wrk import Figures
from verify.clients.database import pooler_rows
from verify.estate.programs import run_as_odoo
from verify.measure.statistics import quantile

PROGRAMS = Path(__file__).parent / "programs"
LISTED = "listProducts"


def statement(bench: Bench, shop: Shop) -> Mapping[str, Any]:
    """Return what the API reads its first page of products by: ``statement`` and ``values``."""
    who = shop.people.cashier
    who.bearer()
    asked = {
        "login": who.login,
        "operation": LISTED,
        "query": [["limit", str(LIMIT)]],
        "modules": f"{PLACE}/lib",
    }
    return run_as_odoo(bench.machine, (PROGRAMS / "compiled.py").read_text(), asked)


@dataclass(frozen=True)
class Alias:
    """The pooler's name for a database whose clients keep their server connections, and how many may."""

    name: str
    size: int


def session_alias(bench: Bench) -> Alias | None:
    """Return the alias of the application's database, None without one."""
    for row in pooler_rows(bench.machine, "SHOW DATABASES"):
        if row["database"] == bench.database and row["pool_mode"] == "session":
            return Alias(row["name"], int(row["pool_size"]))
    return None


def measured(bench: Bench, shop: Shop, plan: Plan) -> Iterator[Row]:
    """Yield the rows of the class database.

    Raises:
        BenchError: the pooler has no alias for it.
    """
    alias = session_alias(bench)
    if alias is None:
        raise BenchError(
            f"PgBouncer has no alias of {bench.database} with pool_mode=session:"
            " see pgbouncer_session_databases"
        )
    asked = statement(bench, shop)
    for clients in CLIENTS:
        plan.say(f"database: {clients} at once")
        found = _figures(bench, alias, asked, clients, plan)
        whats = {OURS: f"EXECUTE, by {min(clients, alias.size)} connections", UNPREPARED: "the same text"}
        wanted = goals("database", clients)
        yield from rows(
            "database", "list of products", whats, found, tls=False, concurrency=clients, goals=wanted
        )


def _figures(
    bench: Bench, alias: Alias, asked: Mapping[str, Any], clients: int, plan: Plan
) -> dict[str, list[Figures]]:
    """Return the rounds of both ways; what holds connections of the alias is stopped meanwhile."""
    wanted = {
        **asked,
        "ways": {
            OURS: {"database": alias.name, "prepared": True, "connections": min(clients, alias.size)},
            UNPREPARED: {"database": bench.database, "prepared": False, "connections": clients},
        },
        "clients": clients,
        "seconds": plan.seconds,
        "rounds": plan.rounds,
    }
    units = " ".join(bench.units)
    bench.target.shell(f"systemctl stop {units}")
    try:
        answer = run_as_odoo(bench.machine, (PROGRAMS / "prepared.py").read_text(), wanted)
    finally:
        bench.target.shell(f"systemctl start {units}")
        wait_for_answers(bench)
    return {name: [_read(**one) for one in found[1:]] for name, found in answer.items()}


def _read(milliseconds: list[float], seconds: float) -> Figures:
    return Figures(
        milliseconds=median(milliseconds),
        p99=quantile(milliseconds, 0.99),
        per_second=len(milliseconds) / seconds,
        answers=len(milliseconds),
    )
