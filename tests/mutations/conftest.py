"""Options and the host of the mutations."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest

from tests.conftest import Deployed
from tests.harness import hosts, stack
from tests.mutations.table import CASES, choose

LOGIN_RATE = "2r/s"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tillstack")
    group.addoption(
        "--mutations",
        default="8",
        metavar="all|NUMBER|NAME[,NAME]",
        help="faults that verify has to notice: all, so many that change daily (default: 8), or named ones",
    )
    group.addoption(
        "--mutation-host",
        metavar="RUN:NAME:INVENTORY",
        help="break this running host instead of a copy of a deployed one",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a mutation once for each chosen one."""
    if "mutation" not in metafunc.fixturenames:
        return
    wanted: str = metafunc.config.getoption("--mutations", default="8")
    if wanted == "all":
        chosen = list(CASES)
    elif wanted.isdigit():
        chosen = choose(CASES, int(wanted), datetime.date.today().toordinal())
    else:
        known = {case.name: case for case in CASES}
        chosen = [known[name] for name in wanted.split(",")]
    metafunc.parametrize("mutation", chosen, ids=lambda case: case.name, scope="session")


@pytest.fixture(scope="session")
def broken(request: pytest.FixtureRequest) -> Iterator[stack.Target]:
    """A copy of the deployed host to break, or the one that --mutation-host names."""
    given = request.config.getoption("--mutation-host", default=None)
    if given:
        target = stack.running(given)
        stack.let_log_in(target, LOGIN_RATE)
        yield target
        return
    deployed: Deployed = request.getfixturevalue("deployed")
    target = stack.clone(deployed, request.getfixturevalue("saved"), "mutations")
    stack.let_log_in(target, LOGIN_RATE)
    yield target
    if not request.config.getoption("--keep-hosts"):
        hosts.call(deployed.run, "rm", "mutations")
