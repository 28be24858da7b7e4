"""Says which resource ran out first, from what was in use while an objective broke."""

from collections.abc import Callable
from dataclasses import dataclass

from verify.measure.resources import Capacity, Usage
from verify.measure.soundness import Circumstances

FULL = 0.9  # share at which a resource counts as used up; queues grow fast beyond (M/M/c)
SOME = 0.5  # share of sessions, or of the time, from which waiting is what the time went into


@dataclass(frozen=True)
class Limit:
    """The resource, and the measured reason in a sentence; both are empty where nothing was used up."""

    resource: str
    evidence: str


def limit(used: Usage, capacity: Capacity, found: Circumstances) -> Limit:
    """Return the resource that was the limit.

    What stands behind a queue comes before the queue: workers that all wait for locks, or for CPUs that have
    no time left, are no reason to have more workers. CPUs that others use up come last: it is invalid.

    Args:
        used: what was in use in the step that broke.
        capacity: what there is.
        found: how it was driven.
    """
    for resource, rule in RULES:
        if said := rule(used, capacity, found):
            return Limit(resource, said)
    return Limit("", "no resource was seen to be used up in the step that broke")


def _driver(used: Usage, capacity: Capacity, found: Circumstances) -> str:
    if found.cores < FULL:
        return ""
    return f"verify itself used {found.cores:.2f} CPUs, and it can use one: the estate may be able to do more"


def _locks(used: Usage, capacity: Capacity, found: Circumstances) -> str:
    waits, active = used.lock_waits or 0.0, used.active or 0.0
    if waits < 1 or waits < SOME * active:
        return ""
    return f"{waits:.1f} of {active:.1f} active sessions in PostgreSQL waited for locks of others, on average"


def _cpu(used: Usage, capacity: Capacity, found: Circumstances) -> str:
    if (used.cpu or 0.0) < FULL or _others(used, capacity, found):
        return ""
    shares = sorted((used.services or {}).items(), key=lambda item: -item[1])
    said = ", ".join(f"{name} {cores:.2f}" for name, cores in shares if cores >= 0.01)
    return f"the CPUs were busy for {used.cpu:.0%} of the time (CPUs used: {said}, verify {found.cores:.2f})"


def _others(used: Usage, capacity: Capacity, found: Circumstances) -> str:
    if (used.cpu or 0.0) < FULL or found.foreign < SOME * (used.cpu or 0.0):
        return ""
    return f"others than the stack and verify used {found.foreign:.0%} of a machine's CPUs"


def _disk(used: Usage, capacity: Capacity, found: Circumstances) -> str:
    disk, pressure = used.disk or 0.0, used.io_pressure or 0.0
    if disk < FULL or (pressure < SOME and (used.io_waits or 0.0) < 1):
        return ""
    return f"the busiest disk worked for {disk:.0%} of the time, and tasks waited for it for {pressure:.0%}"


def _pool(used: Usage, capacity: Capacity, found: Circumstances) -> str:
    if (used.pool_waiting or 0.0) < 1:
        return ""
    return (
        f"{used.pool_waiting:.1f} clients of PgBouncer waited for a server connection, on average,"
        f" with {used.pool_active or 0.0:.1f} of {capacity.pool} in use,"
        f" while the CPUs were busy for {used.cpu or 0.0:.0%} of the time"
    )


def _workers(used: Usage, capacity: Capacity, found: Circumstances) -> str:
    working, queued = used.workers_busy or 0.0, used.queued or 0.0
    if working < FULL * capacity.workers or queued < 1:
        return ""
    return (
        f"{working:.1f} of {capacity.workers} workers or threads of Odoo were busy, and {queued:.1f} requests"
        f" waited for one, on average, while the CPUs were busy for {used.cpu or 0.0:.0%} of the time"
    )


RULES: tuple[tuple[str, Callable[[Usage, Capacity, Circumstances], str]], ...] = (
    ("driver", _driver),
    ("locks", _locks),
    ("cpu", _cpu),
    ("disk", _disk),
    ("pool", _pool),
    ("workers", _workers),
    ("others", _others),
)
