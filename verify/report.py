"""The report of a run as plain data, shaped by report.schema.json; SCHEMA_VERSION rises with its meaning."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

SCHEMA_VERSION = 1
FALLBACK_SERIES = "14.0"

Verdict = Literal["passed", "failed", "error", "not_run"]


@dataclass(frozen=True)
class Measure:
    """A figure that a check took; ``unit`` such as ms, s, days, or empty."""

    name: str
    value: float | int | str
    unit: str

    def __str__(self) -> str:
        return f"{self.value} {self.unit}".rstrip()


@dataclass(frozen=True)
class Screenshot:
    """A picture kept beside the report; ``path`` relative to the report."""

    title: str
    path: str

    def __str__(self) -> str:
        return self.path


@dataclass
class Check:
    """One check and its verdict; ``seconds`` without what it shares with others, such as a login."""

    id: str
    title: str
    concern: str
    verdict: Verdict = "not_run"
    seconds: float = 0.0
    reason: str = "the run ended before this check"
    journal: str = ""
    measures: list[Measure] = field(default_factory=list)
    screenshots: list[Screenshot] = field(default_factory=list)


def build(
    checks: Sequence[Check],
    left_out: int,
    hosts: Sequence[dict[str, Any]],
    series: str | None,
    started: datetime,
    finished: datetime,
) -> dict[str, Any]:
    """Return the report's document.

    Args:
        checks: all checks that were selected.
        left_out: how many checks the selection (``-m``, ``-k``) left out.
        hosts: name, groups and facts of each described host.
        series: Odoo's series, or None where no host says it.
        started: when the run began.
        finished: when it ended.
    """
    counts = Counter(check.verdict for check in checks)
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": _overall(counts, left_out),
        "started": started.isoformat(timespec="seconds"),
        "finished": finished.isoformat(timespec="seconds"),
        "seconds": round((finished - started).total_seconds(), 1),
        "series": series,
        "fallback": series == FALLBACK_SERIES,
        "counts": {name: counts[name] for name in ("passed", "failed", "error", "not_run")}
        | {"left_out": left_out},
        "hosts": list(hosts),
        "checks": [asdict(check) for check in checks],
    }


def _overall(counts: Counter[Verdict], left_out: int) -> str:
    """Nothing counts as passed that did not run."""
    if counts["failed"] or counts["error"]:
        return "failed"
    return "passed" if counts["passed"] and not counts["not_run"] and not left_out else "incomplete"
