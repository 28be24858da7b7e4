"""What the checks of the load section share."""

from collections.abc import Iterator

import pytest

from verify.clients.database import pooler_rows
from verify.clients.web import Site
from verify.estate.described import Estate
from verify.estate.machines import Machines, api_calls
from verify.measure.load_plan import LoadPlan, read_plan
from verify.measure.open_loop import OpenLoop
from verify.measure.resources import Capacity
from verify.measure.sampler import Sampler, sampling
from verify.sections.load.bench import SEED, Bench, Found
from verify.shop.cashiers import Cashiers
from verify.shop.people import People

SAMPLED_SECONDS = 600  # no check is longer


@pytest.fixture(scope="session")
def plan(estate: Estate) -> LoadPlan:
    """What the inventory says of the load section."""
    return read_plan(estate.variable)


@pytest.fixture(scope="session")
def found() -> Found:
    """What earlier checks have found."""
    return Found()


@pytest.fixture(scope="package")
def capacity(machines: Machines, estate: Estate) -> Capacity:
    """The workers and server connections that there are, on all hosts together."""
    pool = 0
    for machine in machines.of_group("pgbouncer"):
        for entry in pooler_rows(machine, "SHOW DATABASES"):
            if entry["name"] == estate.variable("odoo_database"):
                pool += int(entry["pool_size"]) + int(entry["reserve_pool"])
    return Capacity(
        workers=sum(api_calls(machine) for machine in machines.of_group("odoo")),
        pool=pool,
    )


@pytest.fixture(scope="package")
def cashiers(people: People) -> Iterator[Cashiers]:
    """The virtual cashiers; what they left undone is done at the end."""
    cashiers = Cashiers(people, SEED)
    yield cashiers
    cashiers.tidy()


@pytest.fixture(scope="package")
def driver(site: Site, plan: LoadPlan) -> Iterator[OpenLoop]:
    """The driver with its kept-open connections."""
    with OpenLoop(site, plan.bounds) as driver:
        yield driver


@pytest.fixture
def sampler(machines: Machines, estate: Estate) -> Iterator[Sampler]:
    """What the hosts do while the check runs."""
    with sampling(machines, str(estate.variable("odoo_database")), SAMPLED_SECONDS) as sampler:
        yield sampler


@pytest.fixture
def bench(
    plan: LoadPlan, capacity: Capacity, driver: OpenLoop, cashiers: Cashiers, sampler: Sampler
) -> Bench:
    """Everything that a check under load needs."""
    return Bench(plan, capacity, driver, cashiers, sampler)
