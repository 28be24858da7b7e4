"""How much the estate carries, for how long, and what a burst does to it."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from verify.advice.gather import loaded_facts
from verify.advice.rules import advise
from verify.estate.machines import Machines
from verify.measure.knee import Search, judged, knee, next_rate
from verify.measure.limits import Limit, limit
from verify.measure.open_loop import Driven, Sample, poisson
from verify.measure.resources import usage
from verify.measure.sampler import CONTROLLER
from verify.measure.soundness import require_quiet, require_sound
from verify.reporting.document import Advice, Evidence, Measure, Step
from verify.reporting.recorder import NotRun
from verify.sections.load.bench import SEED, Bench, Found, until

CONCERN = "Load"

pytestmark = [pytest.mark.writes, pytest.mark.explained_by("odoo", "pgbouncer", "postgresql", "nginx")]

QUIET_READINGS = 2
WARM_UP_SECONDS = 4.0
CALM_SECONDS = 5.0
BURST = 10  # times the base rate
REFUSALS = (429, 503)
LAG_MS = 1000  # of the driver in a burst, where seconds are judged


def test_knee(bench: Bench, found: Found, machines: Machines, keep: Callable[[Evidence], None]) -> None:
    """The estate carries an ordinary hour's calls within the objectives; the most it carries is found."""
    plan = bench.plan
    # Nothing of verify's runs meanwhile: what the CPUs do now, others do.
    until(lambda: len(bench.sampler.of(CONTROLLER)) > QUIET_READINGS, QUIET_READINGS * 5)
    require_quiet(bench.sampler.readings, plan.limits)
    bench.at_rate(plan.base_rate, WARM_UP_SECONDS)
    bench.runs.clear()
    steps = _search(bench)
    found.knee = knee(steps)
    by_rate = sorted(zip(steps, bench.runs, strict=True), key=lambda pair: pair[0].offered)
    broken = [(step, driven) for step, driven in by_rate if not step.held]
    reason, limited = _first_limit(bench, [driven for _, driven in broken])
    keep(bench.load_run("steps", steps, knee=found.knee, limit=reason.resource, evidence=reason.evidence))
    for advice in _advised(bench, machines, reason, limited):
        keep(advice)
    keep(bench.cost())
    deciding = [(step, driven) for step, driven in by_rate if step.offered == found.knee] + broken[:1]
    for step, driven in deciding:
        for measure in bench.circumstances(driven).measures(plan.limits, f"at {step.offered:g} calls/s"):
            keep(measure)
    for step, driven in deciding:
        require_sound(bench.circumstances(driven), plan.limits, f"the step at {step.offered:g} calls/s")
    assert found.knee is not None and found.knee >= plan.base_rate, (
        f"{steps[0].offered:g} calls/s (verify_load_base_rate) break an objective: {steps[0].reason};"
        f" limit: {reason.resource or 'unknown'} ({reason.evidence}). See the report's advice,"
        " or verify_load_objectives"
    )


def _search(bench: Bench) -> list[Step]:
    """Step up until an objective breaks, then close in on the knee, as long as there is time."""
    plan, steps = bench.plan, []
    search = Search(first=plan.base_rate)
    ends = time.perf_counter() + plan.search
    while (rate := next_rate(steps, search)) is not None and time.perf_counter() + plan.step <= ends:
        steps.append(judged(rate, bench.at_rate(rate, plan.step), plan.objectives))
    return steps


def _first_limit(bench: Bench, broken: list[Driven]) -> tuple[Limit, Driven | None]:
    """Return the limit in the gentlest step that broke, or the next: more load shows it more clearly."""
    said: tuple[Limit, Driven | None] = (Limit("", "no objective broke in the time of the search"), None)
    for driven in broken:
        said = _limit(bench, driven), driven
        if said[0].resource not in ("", "others"):
            break
    return said


def _advised(bench: Bench, machines: Machines, found: Limit, driven: Driven | None) -> list[Advice]:
    """Return what to change, where what ran out is something that can be given more of."""
    if driven is None:
        return []
    used = usage(bench.sampler.between(driven.began, driven.began + driven.seconds))
    offered = round(len(driven.samples) / driven.seconds, 1)
    facts = loaded_facts(machines, found.resource, used, offered, bench.capacity)
    return [finding.advice for finding in advise(facts) if finding.advice] if facts else []


def _limit(bench: Bench, driven: Driven) -> Limit:
    readings = bench.sampler.between(driven.began, driven.began + driven.seconds)
    return limit(usage(readings), bench.capacity, bench.circumstances(driven))


def test_sustained(bench: Bench, found: Found, keep: Callable[[Evidence], None]) -> None:
    """A share of the highest rate is carried on and on within the objectives."""
    if found.knee is None:
        raise NotRun("the highest rate is not known: its check did not run, or found none")
    plan = bench.plan
    rate = found.knee * plan.sustained_share
    driven = bench.at_rate(rate, plan.sustained)
    step = judged(rate, driven, plan.objectives)
    keep(bench.load_run("sustained", [step]))
    seen = bench.circumstances(driven)
    for measure in seen.measures(plan.limits):
        keep(measure)
    require_sound(seen, plan.limits, f"{rate:g} calls/s for {plan.sustained:g} s")
    assert step.held, f"{step.reason}; limit: {_limit(bench, driven)}"


def test_burst(bench: Bench, keep: Callable[[Evidence], None], measure: Callable[..., None]) -> None:
    """Ten times the calls of an ordinary hour break nothing, and soon after them answers are fast again."""
    plan = bench.plan
    after = plan.recovery + CALM_SECONDS
    bench.settle()
    starts, stops = CALM_SECONDS, CALM_SECONDS + plan.burst
    arrivals = [
        *poisson(plan.base_rate, CALM_SECONDS, SEED),
        *(starts + at for at in poisson(BURST * plan.base_rate, plan.burst, SEED + 1)),
        *(stops + at for at in poisson(plan.base_rate, after, SEED + 2)),
    ]
    driven = bench.drive(arrivals, stops + after)
    phases = (("calm", 0.0, starts), ("burst", starts, stops), ("after", stops, stops + after))
    steps = {name: judged_phase(bench, driven, begins, ends) for name, begins, ends in phases}
    keep(bench.load_run("burst", list(steps.values())))
    refused = [sample for sample in driven.samples if sample.status in REFUSALS]
    measure("calls in the burst", steps["burst"].count)
    measure("refused with 429 or 503", len(refused))
    late = [sample for sample in driven.samples if _bad(sample, plan.objectives.p95_ms)]
    settled = max((sample.intended - driven.began - stops for sample in late), default=0.0)
    keep(Measure("answers fast again after", round(max(0.0, settled), 1), "s", plan.recovery))
    seen, limits = bench.circumstances(driven), replace(plan.limits, lag_ms=LAG_MS)
    for figure in seen.measures(limits):
        keep(figure)
    require_sound(seen, limits, "the burst")
    wrong = sorted({sample.failure for sample in driven.samples if _unexpected(sample)})
    assert wrong == [], f"beside 429 and 503 with Retry-After: {wrong}"
    assert settled <= plan.recovery, (
        f"{settled:.1f} s after the burst answers were still slow or failed (verify_load_recovery_seconds"
        f" {plan.recovery:g}); see odoo_workers"
    )


def judged_phase(bench: Bench, driven: Driven, begins: float, ends: float) -> Step:
    """Return a part of a run as a step of its own."""
    began = driven.began + begins
    inside = tuple(sample for sample in driven.samples if began <= sample.intended < driven.began + ends)
    part = Driven(inside, began, ends - begins, driven.ended, driven.late, driven.cpu_seconds, 0)
    return judged(len(inside) / part.seconds, part, bench.plan.objectives)


def _bad(sample: Sample, milliseconds: float) -> bool:
    return bool(sample.failure) or sample.milliseconds > milliseconds


def _unexpected(sample: Sample) -> bool:
    return bool(sample.failure) and not (sample.status in REFUSALS and sample.retry_after)
