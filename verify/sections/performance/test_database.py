"""How fast the database answers through the pooler, as Odoo's host sees it."""

from collections.abc import Callable
from typing import Any

import pytest

from verify.estate.machines import Machine
from verify.measure.closed_loop import Round
from verify.measure.on_host import as_odoo
from verify.sections.performance.statements import FLOOR, STATEMENTS

CONCERN = "Database through the pooler"
pytestmark = pytest.mark.explained_by("pgbouncer", "postgresql")

ROUNDS = 5
REPEATS = {1: 40, 10: 10}
CAPPED_REPEATS = 2
HELD = 20


def measured(
    odoo_host: Machine, statements: dict[str, str], clients: int, repeats: int, rate: float | None = None
) -> dict[str, list[Round]]:
    """Return the rounds of each statement, timed on Odoo's host."""
    wanted = {
        "statements": statements,
        "rounds": ROUNDS,
        "clients": clients,
        "repeats": repeats,
        "rate": rate,
    }
    answer = as_odoo(odoo_host, "database_client", wanted)
    return {
        name: [Round(tuple(found["milliseconds"]), (), found["seconds"]) for found in rounds]
        for name, rounds in answer.items()
    }


@pytest.mark.parametrize("name", ["floor", *STATEMENTS])
def test_statement(
    odoo_host: Machine,
    name: str,
    cap: float | None,
    judge: Callable[[str, str, int, list[Round]], list[str]],
) -> None:
    """SQL {name} is answered in time; a run that may put load on the estate has ten clients too."""
    statements = {name: {"floor": FLOOR, **STATEMENTS}[name]}
    short = []
    for clients, repeats in ({1: CAPPED_REPEATS} if cap else REPEATS).items():
        found = measured(odoo_host, statements, clients, repeats, cap)
        short += judge(f"SQL {name}", "database", clients, found[name])
    assert not short, "; ".join(short)


@pytest.mark.writes
def test_many_connections(odoo_host: Machine, measure: Callable[..., None]) -> None:
    """Twenty clients keep their connections through the pooler and are all served at once."""
    (found,) = measured(odoo_host, {"held": FLOOR}, HELD, 5).values()
    answers: list[Any] = [ms for one in found for ms in one.milliseconds]
    measure("connections held", HELD)
    measure("answers", len(answers))
    measure("slowest answer", round(max(answers), 2), "ms")
    assert len(answers) == HELD * 5 * ROUNDS
