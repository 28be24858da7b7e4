"""What was in use in an interval: the hosts' readings put together, second by second and on average."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.measure.open_loop import Sample
from verify.measure.sampler import CONTROLLER, Reading

Second = dict[str, float | None]


@dataclass(frozen=True)
class Capacity:
    """What the inventory gives the application.

    Args:
        workers: calls of the API that are worked on at a time, by processes or threads, on all hosts of Odoo.
        pool: server connections that the poolers open for the application's database.
    """

    workers: int
    pool: int


@dataclass(frozen=True)
class Usage:
    """Averages over an interval; what was not seen is None.

    Args:
        cpu: busy share of the CPUs of the busiest machine, 0 to 1.
        iowait: share of its CPUs' time that was spent idle, waiting for a disk.
        disk: share of the time in which its busiest disk worked.
        io_pressure: share of the time in which some task waited for a disk.
        workers_busy: Odoo's workers that worked on a request.
        queued: requests that waited for a worker.
        pool_active: server connections in a transaction.
        pool_waiting: clients of the pooler that waited for a server connection.
        active: sessions in PostgreSQL that executed a statement.
        lock_waits, lwlock_waits, io_waits: those of them that waited for a lock of a transaction, for one of
            the server's own, or for a disk.
        services: CPUs used by each service, of all hosts.
        probe: CPUs used by the sampler on the host where it used most.
    """

    cpu: float | None = None
    iowait: float | None = None
    disk: float | None = None
    io_pressure: float | None = None
    workers_busy: float | None = None
    queued: float | None = None
    pool_active: float | None = None
    pool_waiting: float | None = None
    active: float | None = None
    lock_waits: float | None = None
    lwlock_waits: float | None = None
    io_waits: float | None = None
    services: Mapping[str, float] | None = None
    probe: float = 0.0


def busy(reading: Reading) -> float:
    """Return the share of a machine's CPUs that did something, or were taken away by its hypervisor."""
    cpu = reading.values["cpu"]
    return float(cpu["work"] + cpu["interrupts"] + cpu["steal"]) / int(reading.values["cpus"])


def usage(readings: Sequence[Reading]) -> Usage:
    """Return averages of readings of some seconds."""
    hosts: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        if reading.host != CONTROLLER:
            hosts[reading.host].append(reading)

    def mean(host: str, *path: str) -> float | None:
        found = [value for one in hosts[host] if (value := _at(one.values, path)) is not None]
        return float(np.mean(found)) if found else None

    def greatest(*path: str) -> float | None:
        return max((value for host in hosts if (value := mean(host, *path)) is not None), default=None)

    def total(*path: str) -> float | None:
        found = [value for host in hosts if (value := mean(host, *path)) is not None]
        return sum(found) if found else None

    names = {name for reading in readings for name in reading.values["services"]}
    return Usage(
        cpu=max((float(np.mean([busy(one) for one in seen])) for seen in hosts.values()), default=None),
        iowait=max(
            (
                float(np.mean([one.values["cpu"]["iowait"] / one.values["cpus"] for one in seen]))
                for seen in hosts.values()
            ),
            default=None,
        ),
        disk=greatest("disk"),
        io_pressure=greatest("pressure", "io"),
        workers_busy=total("workers_busy"),
        queued=total("queued"),
        pool_active=total("pool", "sv_active"),
        pool_waiting=total("pool", "cl_waiting"),
        active=total("activity", "active"),
        lock_waits=total("activity", "lock_waits"),
        lwlock_waits=total("activity", "lwlock_waits"),
        io_waits=total("activity", "io_waits"),
        services={name: total("services", name) or 0.0 for name in sorted(names)},
        probe=greatest("own") or 0.0,
    )


def foreign_share(readings: Sequence[Reading], driver_cores: float) -> float:
    """Return the share of the busiest such machine's CPUs that neither the stack nor verify used.

    Interrupts are left out: the kernel's work for the network belongs to nobody's account.

    Args:
        readings: of all hosts and the controller, of the same seconds.
        driver_cores: CPUs that verify itself used on the controller meanwhile.
    """
    machines: dict[tuple[Any, ...], dict[str, list[Reading]]] = defaultdict(lambda: defaultdict(list))
    for reading in readings:
        machines[reading.machine][reading.host].append(reading)
    shares = [0.0]
    for hosts in machines.values():
        every = [reading for seen in hosts.values() for reading in seen]
        known = driver_cores if CONTROLLER in hosts else 0.0
        for seen in hosts.values():
            known += float(
                np.mean([sum(one.values["services"].values()) + one.values["own"] for one in seen])
            )
        work = float(np.mean([one.values["cpu"]["work"] for one in every]))
        shares.append((work - known) / int(every[0].values["cpus"]))
    return max(shares)


def steal_share(readings: Sequence[Reading]) -> float:
    """Return the share of CPU time that a hypervisor kept from the machine that lost most."""
    hosts: dict[str, list[float]] = defaultdict(list)
    for reading in readings:
        hosts[reading.host].append(reading.values["cpu"]["steal"] / reading.values["cpus"])
    return max((float(np.mean(seen)) for seen in hosts.values()), default=0.0)


def timeline(
    samples: Sequence[Sample], readings: Sequence[Reading], began: float, ended: float, workers: int
) -> tuple[Second, ...]:
    """Return one entry a second, as `verify.reporting.document.LoadRun` describes it.

    Args:
        samples: of all steps.
        readings: of all hosts.
        began, ended: of the run, on the controller's clock.
        workers: as in `Capacity`.
    """
    seconds = max(1, int(np.ceil(ended - began)))
    intended: dict[int, list[Sample]] = defaultdict(list)
    answered: dict[int, int] = defaultdict(int)
    for sample in samples:
        intended[int(sample.intended - began)].append(sample)
        if not sample.failure:
            answered[int(sample.finished - began)] += 1
    return tuple(
        _second(number, intended, answered, _nearest(readings, began + number + 1), workers)
        for number in range(seconds)
    )


def _nearest(readings: Sequence[Reading], at: float) -> list[Reading]:
    """Return of each host the reading nearest to a moment, no more than a second away."""
    found: dict[str, Reading] = {}
    for reading in readings:
        best = found.get(reading.host)
        if abs(reading.at - at) <= 1 and (best is None or abs(reading.at - at) < abs(best.at - at)):
            found[reading.host] = reading
    return list(found.values())


def _second(
    number: int,
    intended: Mapping[int, list[Sample]],
    answered: Mapping[int, int],
    seen: Sequence[Reading],
    workers: int,
) -> Second:
    mine = intended.get(number, [])
    good = [sample.milliseconds for sample in mine if not sample.failure]
    used = usage(seen)
    figures = {
        "cpu": used.cpu,
        "workers_busy": used.workers_busy,
        "queued": used.queued,
        "pool_active": used.pool_active,
        "pool_waiting": used.pool_waiting,
        "lock_waits": used.lock_waits,
        "io_waits": used.io_waits,
    }
    return {
        "second": number,
        "offered": len(mine),
        "achieved": answered.get(number, 0),
        "p95": round(float(np.quantile(good, 0.95)), 1) if good else None,
        "errors": sum(1 for sample in mine if sample.failure),
        "workers": workers if used.workers_busy is not None else None,
        **{name: None if value is None else round(value, 3) for name, value in figures.items()},
    }


def _at(values: Mapping[str, Any], path: Sequence[str]) -> float | None:
    found: Any = values
    for name in path:
        if found is None:
            return None
        found = found.get(name)
    return None if found is None else float(found)
