"""What the checks of the load section share: the plan, the driver, the virtual cashiers, what was found."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from verify.clients.database import pooler_rows
from verify.clients.web import Site
from verify.estate.described import Estate
from verify.estate.machines import Machines
from verify.measure.load_plan import LoadPlan, read_plan
from verify.measure.open_loop import Driven, OpenLoop, poisson
from verify.measure.resources import Capacity, timeline, usage
from verify.measure.sampler import Sampler, sampling
from verify.measure.soundness import Circumstances, circumstances
from verify.reporting.document import LoadRun, Measure, Step
from verify.shop.cashiers import Cashiers
from verify.shop.people import People

SEED = 15
SAMPLED_SECONDS = 600  # no check is longer


@dataclass
class Found:
    """What earlier checks of the section have found; ``knee`` in calls per second."""

    knee: float | None = None


@dataclass
class Bench:
    """The cashiers at their tills, and everybody who watches.

    Attributes:
        plan: rates, times and objectives.
        capacity: what the inventory gives the application.
        driver: sends.
        cashiers: what is sent.
        sampler: what the hosts do meanwhile.
        runs: what was driven so far, in this check.
    """

    plan: LoadPlan
    capacity: Capacity
    driver: OpenLoop
    cashiers: Cashiers
    sampler: Sampler
    runs: list[Driven] = field(default_factory=list)

    def drive(self, arrivals: Sequence[float], seconds: float) -> Driven:
        """Send calls at the arrival times, and wait for all answers."""
        self.cashiers.prepare()
        driven = self.driver.run(self.cashiers, arrivals, seconds)
        self.runs.append(driven)
        return driven

    def at_rate(self, rate: float, seconds: float) -> Driven:
        """Send calls at a rate, as independent cashiers would."""
        return self.drive(poisson(rate, seconds, SEED + len(self.runs)), seconds)

    def circumstances(self, driven: Driven) -> Circumstances:
        """Return how a run was driven and what else went on."""
        return circumstances(driven, self.sampler.between(driven.began, driven.began + driven.seconds))

    def load_run(self, name: str, steps: Sequence[Step], **found: object) -> LoadRun:
        """Return the report's record of the runs so far.

        Args:
            name: of the record.
            steps: the runs as judged.
            found: ``knee``, ``limit`` and ``evidence``, where they are known.
        """
        began, ended = self.runs[0].began, self.runs[-1].ended
        samples = [sample for driven in self.runs for sample in driven.samples]
        seconds = timeline(samples, self.sampler.between(began, ended), began, ended, self.capacity.workers)
        values = {"knee": None, "limit": "", "evidence": "", **found}
        return LoadRun(name=name, steps=tuple(steps), timeline=seconds, **values)  # type: ignore[arg-type]

    def cost(self) -> Measure:
        """Return what the sampler itself took of the host where it took most."""
        readings = self.sampler.between(self.runs[0].began, self.runs[-1].ended)
        return Measure("sampler: CPUs used", round(usage(readings).probe, 3), "CPUs")


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
        folder = machine.variables["__pgbouncer_known_settings"]["unix_socket_dir"]
        port = machine.variables["pgbouncer_listen_port"]
        for entry in pooler_rows(machine.shell, folder, port, "SHOW DATABASES"):
            if entry["name"] == estate.variable("odoo_database"):
                pool += int(entry["pool_size"]) + int(entry["reserve_pool"])
    return Capacity(
        workers=sum(int(machine.variables["odoo_workers"]) for machine in machines.of_group("odoo")),
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


def until(condition: Callable[[], bool], seconds: float, every: float = 0.1) -> float | None:
    """Return after how many seconds a condition held, or None if it did not in time."""
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        if condition():
            return time.perf_counter() - began
        time.sleep(min(every, max(0.0, seconds - passed)))
    return None
