"""The report as one self-contained HTML page."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from verify.reporting import findings
from verify.reporting.document import VERDICTS
from verify.reporting.findings import GRAVEST, MARKS, WORDS, duration, typical_p95

MANY_CHECKS = 20


def page(report: Mapping[str, Any], folder: Path) -> str:
    """Return the page.

    Args:
        report: document as `verify.reporting.document.build` makes it.
        folder: the report's folder; screenshots are read from it and become part of the page.
    """

    def picture(path: str) -> str:
        file = folder / path
        if not file.is_file():
            return ""
        return "data:image/png;base64," + base64.b64encode(file.read_bytes()).decode()

    short = findings.shortfalls(report)
    shown = [advice for found in short for advice in found.advice]
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            headline=findings.headline(report),
            mode=findings.mode(report),
            shortfalls=short,
            more_advice=[advice for advice in findings.recommendations(report) if advice not in shown],
            sections=[_section(name, report) for name in report["sections"]],
            verdicts=VERDICTS,
            picture=picture,
        )
    )


def environment() -> Environment:
    """Return where the templates are, with what all of them use."""
    made = Environment(
        loader=PackageLoader("verify", "reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "words": WORDS | {"informs": "informs"},
        "marks": MARKS,
        "number": findings.number,
        "brief": findings.brief,
        "beyond": findings.beyond,
        "with_unit": findings.with_unit,
        "typical_p95": typical_p95,
        "duration": duration,
        "when": when,
    }
    return made


def when(moment: str) -> str:
    """Return a moment of a report to the minute, in UTC."""
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _section(name: str, report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page says about a section."""
    checks = [check for check in report["checks"] if check["section"] == name]
    verdicts = [check["verdict"] for check in checks]
    concerns: dict[str, list[Mapping[str, Any]]] = {}
    for check in checks:
        concerns.setdefault(check["concern"], []).append(check)
    rows = [_row(latency, check) for check in checks for latency in check["latencies"]]
    rows.sort(key=lambda row: (row["group"], GRAVEST.index(row["verdict"]), row["target"], row["clients"]))
    groups = [(group, list(members)) for group, members in groupby(rows, key=lambda row: row["group"])]
    runs = [run for check in checks for run in check["load_runs"]]
    curves = []
    if groups or runs:
        # Late, since matplotlib takes a second that a report without charts need not wait for.
        from verify.reporting import charts

        curves = [(group, Markup(charts.latencies(group, members))) for group, members in groups]
        runs = [
            run
            | {
                "by_rate": Markup(charts.steps(run)) if _is_search(run) else "",
                "by_second": Markup(charts.timeline(run)) if run["timeline"] else "",
            }
            for run in runs
        ]
    counts = {verdict: verdicts.count(verdict) for verdict in VERDICTS}
    return {
        "name": name,
        "verdict": next((verdict for verdict in GRAVEST if verdict in verdicts), "not_run"),
        "summary": ", ".join(f"{n} {WORDS[verdict].lower()}" for verdict, n in counts.items() if n),
        "checks": checks,
        "concerns": concerns.items(),
        "latencies": groups,
        "curves": curves,
        "load_runs": runs,
        "folded": bool(groups) and len(checks) > MANY_CHECKS,
    }


def _is_search(run: Mapping[str, Any]) -> bool:
    """Return whether a load run went through rates, each once, rather than through stages of one event."""
    rates = [step["offered"] for step in run["steps"]]
    return len(rates) > 1 and len(set(rates)) == len(rates)


def _row(latency: Mapping[str, Any], check: Mapping[str, Any]) -> dict[str, Any]:
    """Return a latency with its own verdict, which may be better than its check's."""
    threshold = latency["threshold"]
    p95 = typical_p95(latency)
    over = threshold is not None and p95 > threshold
    wrong = over or (check["verdict"] == "failed" and latency["errors"] > 0)
    verdict = "failed" if wrong else "passed" if threshold is not None else "informs"
    if check["verdict"] == "invalid":
        verdict = "invalid"
    filled = min(100, round(100 * p95 / threshold)) if threshold else 0
    return dict(latency) | {"typical": p95, "over": over, "verdict": verdict, "filled": filled}
