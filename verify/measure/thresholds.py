"""Thresholds of response times: absolute, or multiples of a floor that is measured in the same run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Floor = Literal["http", "database"]
FLOORS = ("http", "database")
CLASSES = ("health", "read", "list", "write", "order", "accounting", "login", "report", "database")
KEYS = {"p95_ms", "floor", "times"}


class ThresholdError(ValueError):
    """A threshold can't be understood; the message names it and the way out."""


@dataclass(frozen=True)
class Threshold:
    """What the 95th percentile of a class of calls is held against.

    Args:
        p95_ms: milliseconds; None for a relative threshold.
        floor: what a relative one is a multiple of: "http" is the web server's own answer to a bare request,
            "database" a SELECT 1 through the pooler.
        times: the multiple.
    """

    p95_ms: float | None = None
    floor: Floor | None = None
    times: float | None = None

    def limit(self, floors: Mapping[str, float]) -> float:
        """Return the threshold in milliseconds.

        Args:
            floors: the measured floors in milliseconds, by name.
        """
        if self.p95_ms is not None:
            return self.p95_ms
        assert self.floor and self.times
        return self.times * floors[self.floor]


def read_thresholds(given: Any) -> dict[str, Threshold]:
    """Return the thresholds of all classes.

    Args:
        given: the variable ``verify_thresholds``: a mapping of each class in `CLASSES` to either
            ``{p95_ms: 50}`` or ``{floor: http, times: 20}``.

    Raises:
        ThresholdError: it is anything else.
    """
    if not isinstance(given, Mapping):
        raise ThresholdError(f"verify_thresholds is {given!r}: give a mapping of {', '.join(CLASSES)}")
    unknown = set(given) - set(CLASSES)
    missing = set(CLASSES) - set(given)
    if unknown or missing:
        raise ThresholdError(
            f"verify_thresholds: {_named('unknown', unknown)}{_named('missing', missing)}"
            f"the classes are {', '.join(CLASSES)}"
        )
    return {name: _threshold(name, value) for name, value in given.items()}


def _named(what: str, names: set[Any]) -> str:
    return f"{what} {', '.join(sorted(map(str, names)))}; " if names else ""


def _threshold(name: str, value: Any) -> Threshold:
    way_out = "give {p95_ms: MILLISECONDS} or {floor: http|database, times: NUMBER}, numbers above 0"
    if not isinstance(value, Mapping) or not set(value) <= KEYS:
        raise ThresholdError(f"verify_thresholds.{name} is {value!r}: {way_out}")
    if set(value) == {"p95_ms"} and _positive(value["p95_ms"]):
        return Threshold(p95_ms=float(value["p95_ms"]))
    if set(value) == {"floor", "times"} and value["floor"] in FLOORS and _positive(value["times"]):
        return Threshold(floor=value["floor"], times=float(value["times"]))
    raise ThresholdError(f"verify_thresholds.{name} is {dict(value)!r}: {way_out}")


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
