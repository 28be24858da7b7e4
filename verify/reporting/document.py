"""The report as data; `report.schema.json` says the same as JSON Schema, and a test compares them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

SCHEMA_VERSION = 2
FALLBACK_SERIES = "14.0"

Verdict = Literal["passed", "failed", "error", "invalid", "not_run"]
VERDICTS: tuple[Verdict, ...] = ("passed", "failed", "error", "invalid", "not_run")


@dataclass(frozen=True)
class Measure:
    """A figure that a check took.

    Args:
        name: what was measured.
        value: the figure.
        unit: such as ms, s, days, requests/s, or empty.
        threshold: what it was held against, in the same unit; None where it only informs.
        at_most: whether the threshold is an upper bound, or else a lower one.
    """

    name: str
    value: float | int | str
    unit: str
    threshold: float | None = None
    at_most: bool = True

    def __str__(self) -> str:
        return f"{self.value} {self.unit}".rstrip()


@dataclass(frozen=True)
class Screenshot:
    """A picture kept beside the report; ``path`` relative to the report."""

    title: str
    path: str

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True)
class Latency:
    """The distribution of one target's latencies under one kind of load; all times in milliseconds.

    Args:
        target: what was called: an operationId, a statement's name.
        group: its class of thresholds: read, list, write, login, report, health, database, ...
        driver: how it was driven: "closed" (each client waits for its answer) or "open" (at a rate).
        clients: clients at the same time.
        count: answers that were timed, all rounds together.
        errors: answers that were no success, and requests without an answer.
        offered: requests per second that were to be sent; None for a closed driver.
        achieved: requests per second that were answered with success.
        mean, least, p50, p95, p99, greatest: of all rounds together.
        round_p95s: the 95th percentile of each round.
        interval: 95 % confidence interval of the median of the rounds' 95th percentiles, by bootstrap.
        threshold: the median of the rounds' 95th percentiles must not be above; None: only informs.
        relative_to: name of the floor that the threshold is a multiple of, or empty for an absolute one.
        distribution: (quantile from 0 to 1, milliseconds), for the chart.
    """

    target: str
    group: str
    driver: Literal["closed", "open"]
    clients: int
    count: int
    errors: int
    offered: float | None
    achieved: float
    mean: float
    least: float
    p50: float
    p95: float
    p99: float
    greatest: float
    round_p95s: tuple[float, ...]
    interval: tuple[float, float]
    threshold: float | None = None
    relative_to: str = ""
    distribution: tuple[tuple[float, float], ...] = ()

    def __str__(self) -> str:
        return f"{self.target} x {self.clients}: p95 {self.p95} ms"


@dataclass(frozen=True)
class Step:
    """One step of a load run at a constant offered rate.

    Args:
        offered: requests per second that were to be sent.
        achieved: requests per second that were answered with success.
        seconds: how long it lasted.
        p50, p95, p99: latency from the intended time of sending, milliseconds.
        errors: requests that failed.
        count: requests that were sent.
        held: whether every objective was met.
        reason: which objective broke; empty if none.
    """

    offered: float
    achieved: float
    seconds: float
    p50: float
    p95: float
    p99: float
    errors: int
    count: int
    held: bool
    reason: str


@dataclass(frozen=True)
class LoadRun:
    """A load run with what the hosts did meanwhile.

    Args:
        name: "steps", "sustained", "burst", ...
        steps: its steps, in order.
        knee: the highest offered rate at which every objective was met, requests per second; None: none.
        limit: the resource that ran out first, such as "workers", "pool", "cpu", "locks", "disk", or empty.
        evidence: the measured reason for the limit, in a sentence.
        timeline: one entry a second: ``second`` since the start, ``offered``, ``achieved``, ``p95``,
            ``errors``, and of the hosts ``cpu`` (0 to 1, the busiest host), ``workers_busy``, ``workers``,
            ``queued``, ``pool_active``, ``pool_waiting``, ``lock_waits``, ``io_waits``; what was not seen is
            None.
    """

    name: str
    steps: tuple[Step, ...]
    knee: float | None
    limit: str
    evidence: str
    timeline: tuple[dict[str, float | None], ...]

    def __str__(self) -> str:
        return f"{self.name}: knee {self.knee} requests/s, limit {self.limit or 'none found'}"


@dataclass(frozen=True)
class Advice:
    """What to change, and the measured reason.

    Args:
        rule: name of the rule in `verify.advice.rules`.
        host: the host it is about.
        variable: the inventory's variable to change.
        current: its value now, as text.
        proposed: the value to try, as text.
        reason: what was measured, in a sentence with the figures.
    """

    rule: str
    host: str
    variable: str
    current: str
    proposed: str
    reason: str

    def __str__(self) -> str:
        return f"{self.host}: set {self.variable} to {self.proposed} (now {self.current}): {self.reason}"


Evidence = Measure | Screenshot | Latency | LoadRun | Advice


@dataclass
class Check:
    """One check and its verdict; ``seconds`` without what it shares with others, such as a login."""

    id: str
    title: str
    section: str
    concern: str
    verdict: Verdict = "not_run"
    seconds: float = 0.0
    reason: str = "the run ended before this check"
    journal: str = ""
    evidence: list[Evidence] = field(default_factory=list)


@dataclass(frozen=True)
class Run:
    """What was run, and where.

    Args:
        mode: "read-only" or "writing".
        cap: requests per second that a read-only run does not go above; None when writing.
        sections: the selected ones.
        left_out: how many checks the selection (``-m``, ``-k``, ``--section``) left out.
        writing_left_out: how many checks the mode left out.
        hosts: name, groups and facts of each described host.
        series: Odoo's series, or None where no host says it.
        started, finished: when.
    """

    mode: Literal["read-only", "writing"]
    cap: float | None
    sections: Sequence[str]
    left_out: int
    writing_left_out: int
    hosts: Sequence[dict[str, Any]]
    series: str | None
    started: datetime
    finished: datetime


def build(checks: Sequence[Check], run: Run) -> dict[str, Any]:
    """Return the report's document.

    Args:
        checks: all checks that were selected.
        run: what was run.
    """
    counts = Counter(check.verdict for check in checks)
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": overall(counts, run.left_out),
        "mode": run.mode,
        "cap": run.cap,
        "sections": list(run.sections),
        "started": run.started.isoformat(timespec="seconds"),
        "finished": run.finished.isoformat(timespec="seconds"),
        "seconds": round((run.finished - run.started).total_seconds(), 1),
        "series": run.series,
        "fallback": run.series == FALLBACK_SERIES,
        "counts": {name: counts[name] for name in VERDICTS}
        | {"left_out": run.left_out, "writing_left_out": run.writing_left_out},
        "hosts": list(run.hosts),
        "checks": [as_data(check) for check in checks],
    }


def as_data(check: Check) -> dict[str, Any]:
    """Return a check as the document has it."""

    def of(kind: type[Evidence]) -> list[dict[str, Any]]:
        return [asdict(found) for found in check.evidence if isinstance(found, kind)]

    return {
        "id": check.id,
        "title": check.title,
        "section": check.section,
        "concern": check.concern,
        "verdict": check.verdict,
        "seconds": round(check.seconds, 3),
        "reason": check.reason,
        "journal": check.journal,
        "measures": of(Measure),
        "screenshots": of(Screenshot),
        "latencies": of(Latency),
        "load_runs": of(LoadRun),
        "advice": of(Advice),
    }


def overall(counts: Counter[Verdict], left_out: int) -> str:
    """Return the verdict of a run: nothing counts as passed that did not run or was not measured soundly."""
    if counts["failed"]:
        return "failed"
    if counts["error"]:
        return "error"
    if counts["invalid"]:
        return "invalid"
    return "passed" if counts["passed"] and not counts["not_run"] and not left_out else "incomplete"
