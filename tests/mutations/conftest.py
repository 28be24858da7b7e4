"""Options and the host of the mutations."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.conftest import Deployed
from tests.harness import hosts, stack
from tests.mutations.table import CASES, choose

# One address sends all runs' logins, one run after the other; the burst, which a check fills, stays as it is.
LOGIN_RATE = """
site=$(readlink -f /etc/nginx/sites-enabled/odoo.conf)
sed -i -E '/zone=odoo_login:/s#rate=[0-9]+r/[sm]#rate=2r/s#' "$site"
nginx -T 2>/dev/null | grep -q 'rate=2r/s'
systemctl reload nginx
"""


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
        run, name, inventory = given.split(":", 2)
        kept = yaml.safe_load((Path(inventory) / "group_vars" / "all" / "secrets.yml").read_text())
        target = stack.Target(hosts.Run(run), name, Path(inventory), kept)
        target.shell(LOGIN_RATE)
        yield target
        return
    deployed: Deployed = request.getfixturevalue("deployed")
    target = stack.clone(deployed, request.getfixturevalue("saved"), "mutations")
    target.shell(LOGIN_RATE)
    yield target
    if not request.config.getoption("--keep-hosts"):
        hosts.call(deployed.run, "rm", "mutations")
