"""The shape in which older figures of such stacks were taken, so that new ones can be put beside them.

Few requests by few threads with Python's own clients: the client's time is part of the figures. They inform;
the verdicts on speed are given by the other checks of this section.
"""

from collections.abc import Callable, Sequence
from itertools import cycle, islice
from statistics import mean

import pytest

from verify.clients.standing_login import StandingLogin
from verify.clients.web import Client, Site
from verify.estate.machines import Machine
from verify.measure.closed_loop import Round, dealt, timed
from verify.sections.performance.statements import STATEMENTS
from verify.sections.performance.test_database import measured

CONCERN = "Classic shape"
pytestmark = [pytest.mark.explained_by("odoo", "pgbouncer", "postgresql"), pytest.mark.writes]

PATHS = ("/health", "/auth/me", "/products", "/categories", "/customers", "/payment-methods")
TIMES = 10
THREADS, EACH = 10, 5


def noted(measure: Callable[..., None], what: str, rounds: Sequence[Round]) -> None:
    """Put mean, least and greatest time and the share of success into the report.

    Raises:
        AssertionError: a call failed.
    """
    times = [ms for found in rounds for ms in found.milliseconds]
    errors = [wrong for found in rounds for wrong in found.errors]
    assert not errors, f"{what}: {len(errors)} of {len(errors) + len(times)} failed: {errors[0]}"
    measure(f"{what}: mean", round(mean(times), 2), "ms")
    measure(f"{what}: least", round(min(times), 2), "ms")
    measure(f"{what}: greatest", round(max(times), 2), "ms")
    measure(f"{what}: answers, all of success", len(times))


def test_statements(odoo_host: Machine, measure: Callable[..., None]) -> None:
    """Five statements ten times, and ten threads with five each, are all answered through the pooler."""
    alone = measured(odoo_host, STATEMENTS, 1, TIMES)
    noted(measure, "5 statements x 10", [rounds[0] for rounds in alone.values()])
    together = measured(odoo_host, STATEMENTS, THREADS, 1)
    noted(measure, "10 threads x 5 statements", [rounds[0] for rounds in together.values()])


def test_endpoints(site: Site, reader: StandingLogin, measure: Callable[..., None]) -> None:
    """Six endpoints ten times, and ten threads with five requests each, are all answered with 200."""
    assert reader.request("GET", "/auth/me").status_code == 200
    clients = [Client(site) for _ in range(THREADS)]
    callers = [StandingLogin(**{**vars(reader), "client": client}) for client in clients]

    def call(caller: StandingLogin, path: str) -> Callable[[], str]:
        def ask() -> str:
            answer = caller.request("GET", path)
            return "" if answer.status_code == 200 else f"GET {path}: HTTP status {answer.status_code}"

        return ask

    alone = timed([[call(callers[0], path) for path in PATHS for _ in range(TIMES)]])
    noted(measure, "6 endpoints x 10", [alone])
    paths = dealt(list(islice(cycle(PATHS), THREADS * EACH)), THREADS)
    together = timed(
        [[call(caller, path) for path in mine] for caller, mine in zip(callers, paths, strict=True)]
    )
    noted(measure, "10 threads x 5 requests", [together])
    for client in clients:
        client.close()
