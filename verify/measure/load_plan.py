"""What the inventory says of the load section: rates, times, objectives, and when a run is sound."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from verify.measure.knee import Objectives
from verify.measure.open_loop import Bounds
from verify.measure.soundness import Limits


class LoadPlanError(ValueError):
    """A variable of the load section can't be understood; the message names it and the way out."""


@dataclass(frozen=True)
class LoadPlan:
    """The variables ``verify_load_*``, as the role verify describes them; times in seconds."""

    base_rate: float
    step: float
    search: float
    sustained: float
    sustained_share: float
    burst: float
    recovery: float
    objectives: Objectives
    bounds: Bounds
    limits: Limits


def read_plan(variable: Callable[[str], Any]) -> LoadPlan:
    """Return the plan.

    Args:
        variable: gives the value of a variable of the inventory.

    Raises:
        LoadPlanError: one is missing or is no number above 0.
    """

    def number(name: str) -> float:
        return _number(f"verify_load_{name}", variable(f"verify_load_{name}"))

    objectives = variable("verify_load_objectives")
    if not isinstance(objectives, Mapping) or set(objectives) != {"p95_ms", "errors", "achieved"}:
        raise LoadPlanError(
            f"verify_load_objectives is {objectives!r}: give p95_ms, errors and achieved, and nothing else"
        )
    return LoadPlan(
        base_rate=number("base_rate"),
        step=number("step_seconds"),
        search=number("search_seconds"),
        sustained=number("sustained_seconds"),
        sustained_share=number("sustained_share"),
        burst=number("burst_seconds"),
        recovery=number("recovery_seconds"),
        objectives=Objectives(
            **{
                name: _number(f"verify_load_objectives.{name}", value, least=0.0)
                for name, value in objectives.items()
            }
        ),
        bounds=Bounds(int(number("in_flight")), number("answer_seconds")),
        limits=Limits(number("driver_lag_ms"), number("foreign_cpu"), number("steal")),
    )


def _number(name: str, value: Any, least: float | None = None) -> float:
    try:
        read = float(value)
    except (TypeError, ValueError):
        read = -1.0
    if read < 0 or (read == 0 and least is None):
        raise LoadPlanError(f"{name} is {value!r}: give a number above 0")
    return read
