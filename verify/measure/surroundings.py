"""What else went on while response times were taken: a busy machine must not be taken for a slow estate."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from verify.estate.machines import Machines
from verify.measure.resources import foreign_share, steal_share
from verify.measure.sampler import Sampler, sampling
from verify.measure.soundness import Circumstances, Limits, reasons


@dataclass(frozen=True)
class Moment:
    """A point in time: on the controller's clock, and CPU seconds that verify had used."""

    at: float
    cpu: float


def now() -> Moment:
    """Return the present moment."""
    return Moment(time.perf_counter(), time.process_time())


@dataclass(frozen=True)
class Surroundings:
    """The sampled hosts, and what is allowed to go on there.

    Args:
        sampler: of all hosts and the controller.
        limits: ``verify_load_foreign_cpu`` and ``verify_load_steal``.
        began: when sampling began.
    """

    sampler: Sampler
    limits: Limits
    began: Moment

    def since(self, began: Moment) -> Circumstances | None:
        """Return what went on since a moment; None where no second of it was sampled yet."""
        ended = now()
        readings = self.sampler.between(began.at, ended.at)
        if not readings:
            return None
        cores = (ended.cpu - began.cpu) / (ended.at - began.at)
        foreign, steal = foreign_share(readings, cores), steal_share(readings)
        return Circumstances(0.0, 0.0, cores, 0.0, foreign, steal)

    def unsound(self, began: Moment) -> list[str]:
        """Return why figures taken since a moment say nothing about the estate; nothing if they do."""
        found = self.since(began)
        return reasons(found, self.limits) if found else []


@contextmanager
def watched(machines: Machines, database: str, limits: Limits, seconds: float) -> Iterator[Surroundings]:
    """Watch all hosts as long as the context lasts; see `verify.measure.sampler.sampling`."""
    with sampling(machines, database, seconds) as sampler:
        yield Surroundings(sampler, limits, now())
