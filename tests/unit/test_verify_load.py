"""The load section without hosts: arrivals, the driver's honesty, the knee, and what the limit was."""

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from verify.clients.web import Site
from verify.measure.knee import Objectives, Search, judged, knee, next_rate
from verify.measure.limits import limit
from verify.measure.load_plan import LoadPlanError, read_plan
from verify.measure.open_loop import (
    NOT_SENT,
    Answer,
    Bounds,
    Call,
    Driven,
    OpenLoop,
    Sample,
    constant,
    poisson,
)
from verify.measure.resources import Capacity, Usage, foreign_share, timeline, usage
from verify.measure.sampler import CONTROLLER, Reading
from verify.measure.soundness import (
    Circumstances,
    Limits,
    circumstances,
    reasons,
    require_quiet,
    require_sound,
)
from verify.reporting.document import Step
from verify.reporting.recorder import InvalidMeasurementError

OBJECTIVES = Objectives(p95_ms=1000, errors=0.01, achieved=0.95)
LIMITS = Limits(lag_ms=100, foreign=0.25, steal=0.1)
SOUND = Circumstances(lag_ms=5, late_ms=3, cores=0.1, call_ms=2, foreign=0.02, steal=0.0)
CAPACITY = Capacity(workers=5, pool=20)
MACHINE = ["boot", 1, "kernel"]


def samples(rate: float, seconds: float, milliseconds: float, failed: int = 0) -> tuple[Sample, ...]:
    """Return calls of one latency, the first of them failed."""
    return tuple(
        Sample(
            "listProducts", "list", at, at, at + milliseconds / 1000, 200, "broken" if number < failed else ""
        )
        for number, at in enumerate(constant(rate, seconds))
    )


def driven(calls: tuple[Sample, ...], seconds: float, cpu_seconds: float = 0.1) -> Driven:
    ended = max(call.finished for call in calls)
    return Driven(calls, 0.0, seconds, ended, (0.001,), cpu_seconds, 1)


def reading(host: str, at: float, work: float, machine: list[Any] | None = None, **values: Any) -> Reading:
    """Return a second of a host with two CPUs."""
    cpu = {"work": work, "interrupts": 0.1, "idle": 1.9 - work, "iowait": 0.0, "steal": 0.0}
    known = {"identity": machine or MACHINE, "cpus": 2, "cpu": cpu, "services": {}, "own": 0.02}
    return Reading(host, at, {**known, **values})


def test_poisson_arrivals_are_independent_and_repeatable() -> None:
    arrivals = poisson(50, 100, seed=1)
    assert arrivals == poisson(50, 100, seed=1) != poisson(50, 100, seed=2)
    assert len(arrivals) == 5000
    assert list(arrivals) == sorted(arrivals)
    assert arrivals[0] >= 0 and arrivals[-1] < 100
    # Exponential gaps: their standard deviation is their mean.
    gaps = np.diff(arrivals)
    assert np.std(gaps) == pytest.approx(np.mean(gaps), rel=0.1)


def test_constant_arrivals_are_evenly_spaced() -> None:
    assert constant(4, 1) == (0.0, 0.25, 0.5, 0.75)


@dataclass
class Till:
    """A source of calls that notes what it is told."""

    draw_seconds: float = 0.0
    learnt: list[int] = field(default_factory=list)
    lost: int = 0
    taken_back: int = 0

    def draw(self) -> Call:
        time.sleep(self.draw_seconds)
        return Call("listProducts", "list", "GET", "/", {})

    def learn(self, call: Call, answer: Answer) -> str:
        self.learnt.append(answer.status)
        return "" if answer.status == 200 else f"HTTP status {answer.status}"

    def lose(self, call: Call) -> None:
        self.lost += 1

    def take_back(self, call: Call) -> None:
        self.taken_back += 1


class Network(OpenLoop):
    """A driver whose answers come from here: each takes so many seconds, by its number."""

    def __init__(self, seconds: list[float], bounds: Bounds) -> None:
        super().__init__(Site("127.0.0.1", "here.invalid", 443, 80, None), bounds)
        self.seconds = iter(seconds)

    async def _open(self) -> Any:
        @asynccontextmanager
        async def request(*_: Any, **__: Any) -> Any:
            await asyncio.sleep(next(self.seconds))
            response = SimpleNamespace(status=200, headers={}, read=self._body)
            yield response

        return SimpleNamespace(request=request, close=self._body)

    async def _body(self) -> bytes:
        return b"{}"


def test_calls_are_sent_whether_or_not_earlier_ones_were_answered() -> None:
    till = Till()
    with Network([0.5, *[0.0] * 9], Bounds(50, 5)) as driver:
        run = driver.run(till, constant(50, 0.2), 0.2)
    assert len(run.samples) == len(till.learnt) == 10
    assert run.samples[0].milliseconds >= 500
    assert max(sample.finished for sample in run.samples[1:]) < run.samples[0].finished


def test_latency_counts_from_the_intended_time_even_if_the_driver_stalls() -> None:
    with Network([0.0] * 5, Bounds(50, 5)) as driver:
        run = driver.run(Till(draw_seconds=0.1), constant(100, 0.05), 0.05)
    assert run.samples[-1].milliseconds > 300
    seen = circumstances(run, [reading(CONTROLLER, 1, 0.5)])
    assert seen.lag_ms > 300
    assert any("verify_load_driver_lag_ms" in reason for reason in reasons(seen, LIMITS))


def test_calls_above_the_bound_are_failures_and_not_forgotten() -> None:
    till = Till()
    with Network([0.3] * 3, Bounds(2, 5)) as driver:
        run = driver.run(till, constant(100, 0.05), 0.05)
    assert [sample.failure for sample in run.samples].count(NOT_SENT) == 3
    assert (till.lost, till.taken_back) == (0, 3)


def test_a_step_holds_as_long_as_every_objective_is_met() -> None:
    good = judged(10, driven(samples(10, 10, 100), 10), OBJECTIVES)
    assert (good.held, good.reason, good.achieved, good.p95) == (True, "", 10.0, 100.0)
    failing = judged(10, driven(samples(10, 10, 100, failed=2), 10), OBJECTIVES)
    assert not failing.held and "2 of 100 calls failed (broken)" in failing.reason
    slow = judged(10, driven(samples(10, 10, 1200), 10), OBJECTIVES)
    assert not slow.held and "p95 1200 ms is above 1000 ms" in slow.reason


def test_a_queue_that_grows_is_not_achieved() -> None:
    calls = tuple(replace(sample, finished=sample.intended * 2 + 0.01) for sample in samples(10, 10, 0))
    step = judged(10, driven(calls, 10), OBJECTIVES)
    assert not step.held
    assert step.achieved < 6


@pytest.mark.parametrize("true_knee", [4.0, 7.0, 33.0, 90.0])
def test_the_search_finds_the_knee(true_knee: float) -> None:
    search = Search(first=5, precision=0.1, highest=1000)
    steps: list[Step] = []
    while (rate := next_rate(steps, search)) is not None:
        steps.append(Step(rate, rate, 8, 1, 1, 1, 0, 8, rate <= true_knee, ""))
        assert len(steps) < 20
    found = knee(steps)
    assert found is not None and found <= true_knee <= found * 1.11 + 0.1


def test_the_search_ends_where_nothing_holds_or_nothing_breaks() -> None:
    broken: list[Step] = []
    while (rate := next_rate(broken, Search(first=8))) is not None:
        broken.append(Step(rate, 0, 8, 1, 1, 1, 1, 8, False, "broken"))
    assert knee(broken) is None
    assert [step.offered for step in broken] == [8, 4, 2, 1]
    held: list[Step] = []
    while (rate := next_rate(held, Search(first=8, highest=100))) is not None:
        held.append(Step(rate, rate, 8, 1, 1, 1, 0, 8, True, ""))
    assert knee(held) == 64


def test_a_step_that_held_above_one_that_broke_is_not_the_knee() -> None:
    steps = [
        Step(rate, rate, 8, 1, 1, 1, 0, 8, held, "") for rate, held in ((5, True), (10, False), (20, True))
    ]
    assert knee(steps) == 5


IDLE = Usage(cpu=0.3, disk=0.1, io_pressure=0.0, workers_busy=1, queued=0, pool_active=1, pool_waiting=0)


@pytest.mark.parametrize(
    ("used", "found", "resource"),
    [
        (IDLE, SOUND, ""),
        (IDLE, replace(SOUND, cores=0.97), "driver"),
        (replace(IDLE, workers_busy=5, queued=12, cpu=0.6), SOUND, "workers"),
        (replace(IDLE, workers_busy=5, queued=12, cpu=0.97), SOUND, "cpu"),
        (replace(IDLE, workers_busy=5, queued=12, pool_active=1, pool_waiting=4, cpu=0.6), SOUND, "pool"),
        (replace(IDLE, workers_busy=5, queued=12, active=5, lock_waits=4, pool_waiting=3), SOUND, "locks"),
        (replace(IDLE, active=9, lock_waits=1), SOUND, ""),
        (replace(IDLE, disk=0.99, io_pressure=0.7, workers_busy=5, queued=3), SOUND, "disk"),
        (replace(IDLE, workers_busy=5, queued=0, cpu=0.6), SOUND, ""),
        (replace(IDLE, cpu=0.98), replace(SOUND, foreign=0.7), "others"),
        (replace(IDLE, workers_busy=5, queued=12, cpu=0.98), replace(SOUND, foreign=0.7), "workers"),
        (replace(IDLE, workers_busy=5, queued=12, cpu=0.98), replace(SOUND, foreign=0.2), "cpu"),
    ],
)
def test_the_limit_is_what_was_used_up_first(used: Usage, found: Circumstances, resource: str) -> None:
    said = limit(used, CAPACITY, found)
    assert said.resource == resource
    assert said.evidence


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (replace(SOUND, lag_ms=150), "verify_load_driver_lag_ms"),
        (replace(SOUND, foreign=0.4), "verify_load_foreign_cpu"),
        (replace(SOUND, steal=0.2), "verify_load_steal"),
    ],
)
def test_unsound_runs_are_invalid_and_say_why(found: Circumstances, words: str) -> None:
    with pytest.raises(InvalidMeasurementError, match=words):
        require_sound(found, LIMITS, "the step")
    require_sound(SOUND, LIMITS, "the step")


def test_work_of_others_is_what_neither_stack_nor_verify_did() -> None:
    stack = {"odoo": 0.8, "postgresql": 0.4}
    readings = [reading("pos", 1, 1.5, services=stack), reading(CONTROLLER, 1, 1.5)]
    # On one machine: 1.5 CPUs less 1.2 of the stack, 0.04 of the samplers and 0.16 of the driver.
    assert foreign_share(readings, 0.16) == pytest.approx(0.05)
    elsewhere = [reading("pos", 1, 1.5, services=stack), reading(CONTROLLER, 1, 1.0, ["other", 2, "kernel"])]
    assert foreign_share(elsewhere, 0.1) == pytest.approx(0.44)


def test_a_busy_host_is_noticed_before_the_load() -> None:
    with pytest.raises(InvalidMeasurementError, match="before the load: 74%"):
        require_quiet([reading("pos", 1, 1.5), reading(CONTROLLER, 1, 1.5, ["other", 2, "kernel"])], LIMITS)
    require_quiet([reading("pos", 1, 0.1), reading(CONTROLLER, 1, 0.1)], LIMITS)


def test_usage_adds_up_hosts_and_keeps_what_nobody_saw_apart() -> None:
    readings = [
        reading("one", 1, 1.0, workers_busy=2, queued=1),
        reading("two", 1, 0.2, workers_busy=3, queued=0),
        reading("two", 2, 0.4, workers_busy=1, queued=0),
        reading(CONTROLLER, 1, 1.9),
    ]
    used = usage(readings)
    assert (used.workers_busy, used.queued, used.pool_waiting) == (4, 1, None)
    assert used.cpu == pytest.approx(0.55)


def test_the_timeline_has_one_entry_a_second() -> None:
    calls = samples(10, 2, 100, failed=1)
    seconds = timeline(calls, [reading("pos", 1.0, 1.0, workers_busy=2)], 0.0, 2.1, workers=5)
    assert [entry["second"] for entry in seconds] == [0, 1, 2]
    assert (seconds[0]["offered"], seconds[0]["errors"], seconds[0]["p95"]) == (10, 1, 100.0)
    assert (seconds[0]["workers_busy"], seconds[0]["workers"], seconds[0]["pool_active"]) == (2, 5, None)
    assert (seconds[2]["offered"], seconds[2]["p95"], seconds[2]["cpu"]) == (0, None, None)


PLAN = {
    "verify_load_base_rate": 5,
    "verify_load_objectives": {"p95_ms": 1000, "errors": 0, "achieved": 0.95},
    "verify_load_step_seconds": 8,
    "verify_load_search_seconds": 75,
    "verify_load_sustained_seconds": 30,
    "verify_load_sustained_share": "0.7",
    "verify_load_burst_seconds": 30,
    "verify_load_recovery_seconds": 10,
    "verify_load_answer_seconds": 30,
    "verify_load_in_flight": 400,
    "verify_load_driver_lag_ms": 100,
    "verify_load_foreign_cpu": 0.25,
    "verify_load_steal": 0.1,
}


def test_the_plan_is_read_from_the_inventory() -> None:
    plan = read_plan(PLAN.get)
    assert (plan.sustained_share, plan.objectives.errors, plan.bounds) == (0.7, 0, Bounds(400, 30))


@pytest.mark.parametrize("name", PLAN)
@pytest.mark.parametrize("value", [None, "many", -1, {"p95_ms": 1}])
def test_a_plan_that_cannot_be_understood_names_the_variable(name: str, value: object) -> None:
    with pytest.raises(LoadPlanError, match=name):
        read_plan({**PLAN, name: value}.get)
