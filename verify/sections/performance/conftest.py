"""Floors and limits of the performance section."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

import pytest

from verify.advice.facts import Counted
from verify.advice.gather import counted
from verify.clients.pool import open_pool
from verify.clients.web import Site
from verify.estate.described import Estate, UnreachableError
from verify.estate.machines import Machine, Machines
from verify.estate.shell import CommandError
from verify.measure.closed_loop import Round, timed
from verify.measure.load_plan import read_plan
from verify.measure.on_host import as_odoo
from verify.measure.statistics import held_against, quantile, summarise
from verify.measure.surroundings import Surroundings, now, watched
from verify.measure.thresholds import Threshold
from verify.reporting.document import Evidence, Latency
from verify.reporting.recorder import InvalidMeasurementError

TEN = 10
LONGEST_SECONDS = 900  # the section is over by then
FLOOR_ROUNDS = 5
FLOOR_REPEATS = 20
CAPPED_REPEATS = 4  # under a cap
# nginx refuses it by itself, see roles/nginx: no application takes part.
BARE = "/web/database/manager"


@pytest.fixture(scope="session", autouse=True)
def counters_before(machines: Machines, estate: Estate, cap: float | None) -> Mapping[str, Counted]:
    """PostgreSQL's counters when the section begins, by host; none in a read-only run."""
    if cap:  # it adds next to nothing to what the counters have seen so far
        return {}
    with suppress(UnreachableError, CommandError):  # the checks that need them say so
        database = str(estate.variable("odoo_database"))
        return {machine.name: counted(machine, database)[0] for machine in machines.of_group("postgresql")}
    return {}


@pytest.fixture(scope="session")
def http_floor(site: Site, cap: float | None) -> float:
    """The 95th percentile of the web server's own answers to one client, in milliseconds."""
    with open_pool(site, 1) as pool:

        def ask() -> str:
            return "" if pool.urlopen("GET", BARE).status == 404 else f"{BARE} is not closed"

        pause = site.pace.wait if site.pace else None
        repeats = CAPPED_REPEATS if cap else FLOOR_REPEATS
        rounds = [timed([[ask] * repeats], pause) for _ in range(FLOOR_ROUNDS)]
    assert not any(found.errors for found in rounds), rounds[0].errors[:1]
    return quantile([ms for found in rounds for ms in found.milliseconds], 0.95)


@pytest.fixture(scope="session")
def database_floor(odoo_host: Machine, cap: float | None) -> float:
    """The 95th percentile of a SELECT 1 of one client through the pooler, in milliseconds."""
    wanted = {
        "statements": {"floor": "SELECT 1"},
        "rounds": FLOOR_ROUNDS,
        "clients": 1,
        "repeats": 40,
        "rate": None,
    }
    rounds = as_odoo(odoo_host, "database_client", wanted)["floor"]
    return quantile([ms for found in rounds for ms in found["milliseconds"]], 0.95)


@pytest.fixture(scope="session")
def floors(http_floor: float, database_floor: float) -> dict[str, float]:
    """What relative thresholds are multiples of, in milliseconds."""
    return {"http": http_floor, "database": database_floor}


@pytest.fixture(scope="package")
def surroundings(machines: Machines, estate: Estate) -> Iterator[Surroundings]:
    """What else goes on while response times are taken."""
    limits = read_plan(estate.variable).limits
    with watched(machines, str(estate.variable("odoo_database")), limits, LONGEST_SECONDS) as found:
        yield found


@pytest.fixture(scope="session")
def limit_of(
    thresholds: Mapping[str, Threshold], floors: Mapping[str, float], estate: Estate
) -> Callable[[str, int], float]:
    """Gives the limit of a class in milliseconds: ``limit_of("read", 10)``.

    More clients than cores wait for each other: an answer then takes clients / cores times as long (Little's
    law, with the cores as servers that are always busy), and so much longer is allowed.
    """
    cores = sum(int(host.facts["cores"]) for host in estate.hosts.values() if "odoo" in host.groups)

    def limit(group: str, clients: int) -> float:
        return thresholds[group].limit(floors) * max(1.0, clients / cores)

    return limit


@pytest.fixture
def judge(
    limit_of: Callable[[str, int], float],
    thresholds: Mapping[str, Threshold],
    surroundings: Surroundings,
    keep: Callable[[Evidence], None],
) -> Callable[[str, str, int, Sequence[Round]], list[str]]:
    """Puts a distribution into the report, and returns how it falls short of its class's limit.

    Where something does while others keep the machine busy, the figures are invalid.
    """
    began = now()

    def judge(target: str, group: str, clients: int, rounds: Sequence[Round]) -> list[str]:
        found = summarise(
            target,
            group,
            [found.milliseconds for found in rounds],
            driver="closed",
            clients=clients,
            errors=sum(len(found.errors) for found in rounds),
            seconds=sum(found.seconds for found in rounds),
        )
        found = held_against(found, limit_of(group, clients), thresholds[group].floor or "")
        keep(found)
        short = _short(found, [wrong for found in rounds for wrong in found.errors])
        if short and not found.errors and (why := surroundings.unsound(began)):
            raise InvalidMeasurementError("; ".join([*short, *why]))
        return short

    return judge


def _short(found: Latency, errors: Sequence[str]) -> list[str]:
    """Return what falls short: the median of the rounds' 95th percentiles decides, not one busy moment."""
    assert found.threshold is not None
    who = f"{found.target} with {found.clients} client{'s' if found.clients > 1 else ''}"
    if found.errors:
        return [f"{who}: {found.errors} of {found.errors + found.count} calls failed: {errors[0]}"]
    typical = quantile(found.round_p95s, 0.5)
    if typical > found.threshold:
        return [
            f"{who}: p95 {typical:.1f} ms (95 % interval {found.interval[0]:.1f} to"
            f" {found.interval[1]:.1f}), allowed {found.threshold:.1f} ms (verify_thresholds.{found.group})"
        ]
    return []
