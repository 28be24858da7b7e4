"""Fixtures of the API's tests: one copy of the deployed host, with a shop on it, for all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api import shop as shops
from tests.api.contract import Contract
from tests.api.scene import Scene
from tests.conftest import Deployed
from tests.harness import hosts, stack
from tests.harness.selling import site_of
from verify.clients.api import BASE
from verify.clients.web import Client, Site
from verify.estate.described import describe, read_groups

FREE_TILLS = ["day 1", "day 2", "day 3", "twin 1", "twin 2", "twin 3"]
TILLS = [
    *("operations", "operations of others", "spare", "retries", "examples"),
    *("bad input", "bad input of others", "fuzz"),
]
LAST = "test_fuzz.py"  # it leaves the shop in disorder


LOGIN_RATE = "20r/s"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("tillstack").addoption(
        "--api-host",
        metavar="RUN:NAME:INVENTORY",
        help="try the API on this running host, which is changed, instead of a copy of a deployed one",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what leaves the shop in disorder come last."""
    items.sort(key=lambda item: item.path.name == LAST)


@pytest.fixture(scope="session")
def api_host(request: pytest.FixtureRequest) -> Iterator[stack.Target]:
    """A copy of the deployed host for all tests of the API, or the one that --api-host names."""
    given = request.config.getoption("--api-host")
    if given:
        target = stack.running(given)
        stack.let_log_in(target, LOGIN_RATE)
        yield target
        return
    deployed: Deployed = request.getfixturevalue("deployed")
    target = stack.clone(deployed, request.getfixturevalue("saved"), "api")
    stack.let_log_in(target, LOGIN_RATE)
    yield target
    if not request.config.getoption("--keep-hosts"):
        hosts.call(deployed.run, "rm", "api")


@pytest.fixture(scope="session")
def site(api_host: stack.Target) -> Site:
    """The web server of the API's host, with the authority that its certificate is from."""
    inventories = [str(api_host.inventory)]
    return site_of(api_host, describe(inventories, read_groups(inventories)).host(api_host.host))


@pytest.fixture(scope="session")
def contract(site: Site) -> Contract:
    """The document as the server sends it."""
    with Client(site) as client:
        answer = client.get(f"{BASE}/openapi.json")
    assert answer.status_code == 200, answer.text
    return Contract(answer.json())


@pytest.fixture(scope="session")
def shop(api_host: stack.Target, site: Site, contract: Contract) -> shops.Shop:
    """A shop with everything that the API is about."""
    return shops.make(api_host, site, contract, TILLS, FREE_TILLS)


@pytest.fixture(scope="session")
def scene(shop: shops.Shop) -> Scene:
    """The shop with a caller of each kind."""
    return Scene(shop)
