"""The shape in which older figures of such stacks were taken, so that new ones can be put beside them.

Few requests by few threads with Python's own clients: the client's time is part of the figures. They inform;
the verdicts on speed are given by the other checks of this section.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import mean

import pytest

from verify.clients.standing_login import StandingLogin
from verify.clients.web import Client, Site
from verify.estate.machines import Machine
from verify.measure.closed_loop import Round
from verify.sections.performance.classic_shape import THREADS, Ask, endpoints, statements

CONCERN = "Classic shape"
pytestmark = [pytest.mark.explained_by("odoo", "pgbouncer", "postgresql"), pytest.mark.writes]


def noted(measure: Callable[..., None], shapes: Mapping[str, Sequence[Round]]) -> None:
    """Put mean, least and greatest time and the share of success into the report.

    Raises:
        AssertionError: a call failed.
    """
    for what, rounds in shapes.items():
        times = [ms for found in rounds for ms in found.milliseconds]
        errors = [wrong for found in rounds for wrong in found.errors]
        assert not errors, f"{what}: {len(errors)} of {len(errors) + len(times)} failed: {errors[0]}"
        measure(f"{what}: mean", round(mean(times), 2), "ms")
        measure(f"{what}: least", round(min(times), 2), "ms")
        measure(f"{what}: greatest", round(max(times), 2), "ms")
        measure(f"{what}: answers, all of success", len(times))


def test_statements(odoo_host: Machine, measure: Callable[..., None]) -> None:
    """Five statements ten times, and ten threads with five each, are all answered through the pooler."""
    noted(measure, statements(odoo_host))


def test_endpoints(site: Site, reader: StandingLogin, measure: Callable[..., None]) -> None:
    """Six endpoints ten times, and ten threads with five requests each, are all answered with 200."""
    assert reader.request("GET", "/auth/me").status_code == 200
    clients = [Client(site) for _ in range(THREADS)]
    callers = [StandingLogin(**{**vars(reader), "client": client}) for client in clients]

    def asking(caller: StandingLogin) -> Ask:
        def ask(path: str) -> str:
            answer = caller.request("GET", path)
            return "" if answer.status_code == 200 else f"GET {path}: HTTP status {answer.status_code}"

        return ask

    noted(measure, endpoints([asking(caller) for caller in callers]))
    for client in clients:
        client.close()
