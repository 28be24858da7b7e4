"""Finds the highest offered rate at which every objective is met."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from verify.measure.open_loop import Driven
from verify.reporting.document import Step


@dataclass(frozen=True)
class Objectives:
    """What a load must not break; ``verify_load_objectives``.

    Args:
        p95_ms: 95th percentile of the latencies from the intended time.
        errors: share of calls that may fail, 0 to 1.
        achieved: share of the offered rate that must be answered with success in time, 0 to 1.
    """

    p95_ms: float
    errors: float
    achieved: float


@dataclass(frozen=True)
class Search:
    """How the rates are chosen.

    Args:
        first: rate of the first step, calls per second.
        factor: from a step that held to the next one.
        precision: the gap between the highest rate that held and the lowest that broke is not made smaller
            than this share of it.
        highest: no step is above.
    """

    first: float
    factor: float = 2.0
    precision: float = 0.15
    highest: float = 1000.0


def judged(offered: float, driven: Driven, objectives: Objectives) -> Step:
    """Return a step with its figures and whether it held.

    What is answered later than the objective after the step's end is not achieved.

    Args:
        offered: calls per second.
        driven: what came of it.
        objectives: what must not break.
    """
    good = [sample for sample in driven.samples if not sample.failure]
    latencies = [sample.milliseconds for sample in good] or [0.0]
    in_time = driven.began + driven.seconds + objectives.p95_ms / 1000
    achieved = sum(1 for sample in good if sample.finished <= in_time) / driven.seconds
    p50, p95, p99 = (round(float(figure), 1) for figure in np.quantile(latencies, (0.5, 0.95, 0.99)))
    count = len(driven.samples)
    errors = count - len(good)
    broken = []
    if errors > objectives.errors * count:
        kinds = sorted({sample.failure for sample in driven.samples if sample.failure})
        broken.append(f"{errors} of {count} calls failed ({'; '.join(kinds[:3])})")
    if p95 > objectives.p95_ms:
        broken.append(f"p95 {p95:g} ms is above {objectives.p95_ms:g} ms")
    if achieved < objectives.achieved * count / driven.seconds:
        broken.append(f"{achieved:.1f} of {count / driven.seconds:.1f} calls a second were answered in time")
    return Step(
        offered=round(offered, 1),
        achieved=round(achieved, 1),
        seconds=driven.seconds,
        p50=p50,
        p95=p95,
        p99=p99,
        errors=errors,
        count=count,
        held=not broken,
        reason="; ".join(broken),
    )


def knee(steps: Sequence[Step]) -> float | None:
    """Return the highest rate that held, below any that broke; None where none did."""
    lowest_broken = min((step.offered for step in steps if not step.held), default=float("inf"))
    return max((step.offered for step in steps if step.held and step.offered < lowest_broken), default=None)


def next_rate(steps: Sequence[Step], search: Search) -> float | None:
    """Return the rate of the next step, or None where the knee is known as precisely as wanted.

    Rates rise by a factor until one breaks; then the gap is halved. Where the first one breaks, they fall.

    Args:
        steps: the steps so far.
        search: how the rates are chosen.
    """
    if not steps:
        return search.first
    held = knee(steps)
    broken = min((step.offered for step in steps if not step.held), default=None)
    if broken is None:
        assert held is not None
        return held * search.factor if held * search.factor <= search.highest else None
    if held is None:
        lower = broken / search.factor
        return lower if lower >= search.first / search.factor**3 else None
    if broken - held <= search.precision * held:
        return None
    return round((held + broken) / 2, 1)
