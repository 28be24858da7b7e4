"""What a run says at its end on a terminal, the same for both front doors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from verify.reporting import findings
from verify.reporting.findings import WORDS

MOST_ALIKE = 5
MOST_LINES = 6  # of a check's message; the report has all of it


@dataclass(frozen=True)
class Line:
    """A line, and its colour if it has one."""

    text: str
    colour: Literal["red", "purple", "yellow", ""] = ""


COLOURS: Mapping[str, Literal["red", "purple", "yellow"]] = {
    "failed": "red",
    "error": "red",
    "invalid": "purple",
}


def lines(report: Mapping[str, Any]) -> Iterator[Line]:
    """Yield what did not hold with its figures and advice, what was advised besides, and what did not run.

    Args:
        report: document as `verify.reporting.document.build` makes it.
    """
    shown = []
    for found in findings.shortfalls(report):
        yield from shortfall(found)
        shown += found.advice
    for advice in findings.recommendations(report):
        if advice not in shown:
            yield Line(f"ADVICE {advised(advice)}", "yellow")
    yield from _not_run(report)


def _not_run(report: Mapping[str, Any]) -> Iterator[Line]:
    """Yield what did not run: one by one, or how many if many did not for one reason."""
    titles: dict[str, list[str]] = {}
    for check in report["checks"]:
        if check["verdict"] == "not_run":
            titles.setdefault(check["reason"], []).append(check["title"])
    for reason, alike in titles.items():
        if len(alike) > MOST_ALIKE:
            yield Line(f"NOT RUN {len(alike)} checks: {reason}", "yellow")
        else:
            yield from (Line(f"NOT RUN {title}: {reason}", "yellow") for title in alike)


def shortfall(found: findings.Shortfall) -> Iterator[Line]:
    """Yield what is to be said about one check that did not hold."""
    verdict = found.check["verdict"]
    yield Line(f"{WORDS[verdict].upper()} {found.check['title']}", COLOURS[verdict])
    for figure in found.figures:
        yield Line(f"    {figure}")
    for line in found.reason.splitlines()[:MOST_LINES]:
        yield Line(f"    {line}")
    for advice in found.advice:
        yield Line(f"    advice: {advised(advice)}")


def advised(advice: Mapping[str, Any]) -> str:
    """Return what to change, and why."""
    return (
        f"{advice['host']}: set {advice['variable']} to {advice['proposed']} (now {advice['current']}):"
        f" {advice['reason']}"
    )
