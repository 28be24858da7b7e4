"""What a reader of a report wants to know first: what fell short, by how much, and what to change."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

ORDER = ("failed", "error", "invalid")
MARKS = {
    "passed": "✓",
    "failed": "✕",
    "error": "?",
    "invalid": "≈",
    "not_run": "–",
    "incomplete": "–",
    "informs": "·",
}
# The gravest verdict of several is theirs together.
GRAVEST = ("failed", "error", "invalid", "not_run", "passed", "informs")
RAISED = re.compile(r"^(?:[\w.]*\.)?\w*(?:Error|Exception|Failed|Exit|Timeout): ?")
WORDS = {
    "passed": "passed",
    "invalid": "INVALID",
    "failed": "FAILED",
    "error": "could not be judged",
    "not_run": "not run",
    "incomplete": "INCOMPLETE",
}


@dataclass(frozen=True)
class Figure:
    """A figure that is on the wrong side of its threshold; both in ``unit``."""

    name: str
    value: float
    unit: str
    threshold: float
    at_most: bool = True

    @property
    def share(self) -> str:
        """The figure as a share of its threshold."""
        return f"{self.value / self.threshold:.0%} of it" if self.threshold else ""

    def __str__(self) -> str:
        value, threshold = with_unit(self.value, self.unit), with_unit(self.threshold, self.unit)
        return f"{self.name} {value}, wanted {'at most' if self.at_most else 'at least'} {threshold}"


@dataclass(frozen=True)
class Shortfall:
    """A check that did not hold: the check as the report has it, the reason in short, figures and advice."""

    check: Mapping[str, Any]
    reason: str
    figures: tuple[Figure, ...]
    advice: tuple[Mapping[str, Any], ...]


def shortfalls(report: Mapping[str, Any]) -> list[Shortfall]:
    """Return the checks that fell short, could not be judged or were not sound, the gravest first."""
    found = [check for check in report["checks"] if check["verdict"] in ORDER]
    found.sort(key=lambda check: ORDER.index(check["verdict"]))
    return [shortfall(check) for check in found]


def shortfall(check: Mapping[str, Any]) -> Shortfall:
    """Return what there is to say about a check that did not hold."""
    return Shortfall(check, brief(check["reason"]), tuple(figures(check)), tuple(check["advice"]))


def figures(check: Mapping[str, Any]) -> list[Figure]:
    """Return a check's figures that are on the wrong side of their thresholds."""
    measures = [
        Figure(measure["name"], measure["value"], measure["unit"], measure["threshold"], measure["at_most"])
        for measure in check["measures"]
        if beyond(measure)
    ]
    latencies = [
        Figure(f"{name_of(latency)}: p95", typical_p95(latency), "ms", latency["threshold"])
        for latency in check["latencies"]
        if latency["threshold"] is not None and typical_p95(latency) > latency["threshold"]
    ]
    return measures + latencies


def beyond(measure: Mapping[str, Any]) -> bool:
    """Return whether a measure is on the wrong side of its threshold."""
    if measure["threshold"] is None or isinstance(measure["value"], str):
        return False
    if measure["at_most"]:
        return bool(measure["value"] > measure["threshold"])
    return bool(measure["value"] < measure["threshold"])


def typical_p95(latency: Mapping[str, Any]) -> float:
    """Return what a latency is judged by: the median of the rounds' 95th percentiles, in milliseconds.

    One busy moment moves the 95th percentile of all answers together, but not this one.
    """
    return float(median(latency["round_p95s"] or [latency["p95"]]))


def recommendations(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return all advice once, that of checks that fell short first."""
    checks = sorted(report["checks"], key=lambda check: check["verdict"] not in ORDER)
    found: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for advice in (advice for check in checks for advice in check["advice"]):
        found.setdefault((advice["host"], advice["variable"], advice["proposed"]), advice)
    return list(found.values())


def headline(report: Mapping[str, Any]) -> str:
    """Return the outcome of a run in a sentence, without what `remainder` adds."""
    counts = report["counts"]
    ran = sum(counts[name] for name in ("passed", "failed", "error", "invalid"))
    checks = "check" if ran == 1 else "checks"
    if counts["failed"]:
        return f"{counts['failed']} of {ran} {checks} fell short"
    if not ran:
        return "No check ran"
    if counts["error"] or counts["invalid"]:
        return (
            f"Nothing fell short, but {counts['error'] + counts['invalid']} of {ran} {checks} gave no verdict"
        )
    if remainder(report):
        return f"All {ran} {checks} that ran held, but not all ran"
    return f"All {ran} {checks} held"


def remainder(report: Mapping[str, Any]) -> str:
    """Return how many checks neither held nor fell short, by reason; empty if there are none."""
    texts = {
        "error": "could not be judged",
        "invalid": "not soundly measured",
        "not_run": "not run",
        "left_out": "left out by selection",
    }
    return ", ".join(
        f"{report['counts'][name]} {text}" for name, text in texts.items() if report["counts"][name]
    )


def mode(report: Mapping[str, Any]) -> str:
    """Return what the run was allowed to do."""
    if report["mode"] == "writing":
        return "writing: sold on its own till, under its own users"
    cap = f", at most {number(report['cap'])} requests/s" if report["cap"] else ""
    left = report["counts"]["writing_left_out"]
    return f"read-only{cap}" + (f"; {left} checks that write were left out" if left else "")


def brief(reason: str) -> str:
    """Return what a check said when it failed, without pytest's traceback around it."""
    marked = [line[1:].strip() for line in reason.splitlines() if line.startswith("E ")]
    lines = marked or [line for line in reason.splitlines() if line.strip()]
    said: list[str] = []
    for line in lines:
        if said and (not line or line.startswith(("assert ", "+  where"))):
            break  # from here on pytest compares the two sides of an assertion
        said.append(line)
    return RAISED.sub("", "\n".join(said).strip())


def name_of(latency: Mapping[str, Any]) -> str:
    """Return what was called by how many."""
    clients = "1 client" if latency["clients"] == 1 else f"{latency['clients']} clients"
    return f"{latency['target']}, {clients}"


def duration(seconds: float) -> str:
    """Return a duration as people say it."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def with_unit(value: float | int | str | None, unit: str) -> str:
    """Return a figure with its unit, if it has one."""
    return f"{number(value)} {unit}".rstrip()


def number(value: float | int | str | None) -> str:
    """Return a figure with three significant digits, and thousands apart."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{value:.3g}"
