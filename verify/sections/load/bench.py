"""The bench on which the estate is loaded: driver, virtual cashiers, sampler."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from verify.measure.load_plan import LoadPlan
from verify.measure.open_loop import Driven, OpenLoop, poisson
from verify.measure.resources import Capacity, timeline, usage
from verify.measure.sampler import Reading, Sampler
from verify.measure.soundness import Circumstances, circumstances
from verify.reporting.document import LoadRun, Measure, Step
from verify.shop.cashiers import Cashiers, Sellers

SEED = 15


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

    def drive(
        self, arrivals: Sequence[float], seconds: float, callers: Cashiers | Sellers | None = None
    ) -> Driven:
        """Send calls at the arrival times, those of the cashiers unless told, and wait for all answers."""
        self.cashiers.prepare()
        driven = self.driver.run(callers or self.cashiers, arrivals, seconds)
        self.runs.append(driven)
        return driven

    def at_rate(self, rate: float, seconds: float) -> Driven:
        """Send calls at a rate, as independent cashiers would."""
        return self.drive(poisson(rate, seconds, SEED + len(self.runs)), seconds)

    def settle(self) -> float | None:
        """Wait until nothing is left of earlier load; return after how many seconds, None if there still is.

        After an overload, workers are held up by connections that nobody uses any more.
        """
        began = time.perf_counter()
        return until(lambda: self._idle_since(began), self.plan.recovery)

    def _idle_since(self, began: float) -> bool:
        last = {reading.host: reading for reading in list(self.sampler.readings)}
        return all(reading.at > began and idle(reading) for reading in last.values())

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


def idle(reading: Reading) -> bool:
    """Return whether nothing waits or is left open on a host."""
    pool, activity = reading.values.get("pool") or {}, reading.values.get("activity") or {}
    waits = (
        reading.values.get("queued"),
        reading.values.get("workers_busy"),
        pool.get("cl_waiting"),
        activity.get("idle_in_transaction"),
        activity.get("lock_waits"),
    )
    return not any(waits)


def until(condition: Callable[[], bool], seconds: float, every: float = 0.1) -> float | None:
    """Return after how many seconds a condition held, or None if it did not in time."""
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        if condition():
            return time.perf_counter() - began
        time.sleep(min(every, max(0.0, seconds - passed)))
    return None
