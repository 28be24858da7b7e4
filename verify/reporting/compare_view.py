"""A comparison of two reports on a terminal, and as a page."""

from collections.abc import Sequence

from markupsafe import Markup
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from verify.reporting import compare
from verify.reporting.compare import Comparison, LatencyChange
from verify.reporting.findings import number, typical_p95, with_unit
from verify.reporting.render import environment

COLOURS = {"slower": "red", "faster": "green", "same": "", "unknown": "yellow"}
# A chart with more rows is read by nobody.
MOST_ROWS = 40
MOST_MEASURES = 15


def show(found: Comparison, names: tuple[str, str], console: Console) -> None:
    """Print a comparison.

    Args:
        found: the comparison.
        names: where A and B come from.
    """
    console.print(f"A: {escape(names[0])}\nB: {escape(names[1])}")
    if found.latencies:
        _print(console, "Latencies in ms", _latencies(found.latencies))
    for title, rows in (
        ("Verdicts that changed", found.verdicts),
        ("Load", found.loads),
        ("Hosts and settings that differ", found.hosts),
    ):
        if rows:
            table = _table(title, "", "A", "B")
            for row in rows:
                table.add_row(
                    *map(escape, (row.name, row.before, row.after)), style="red" if row.worse else ""
                )
            console.print(table)
    if found.measures:
        left = len(found.measures) - MOST_MEASURES
        table = _table("", "A", "B", "B/A")
        for measure in found.measures[:MOST_MEASURES]:
            values = (with_unit(value, measure.unit) for value in (measure.before, measure.after))
            table.add_row(escape(f"{measure.check}: {measure.name}"), *values, _times(measure.ratio))
        _print(console, "Figures that changed (one measurement each, so no interval)", table)
        if left > 0:
            console.print(f"and {left} more: see the page of --html")
    if found.incomparable:
        console.print(Text(f"Not comparable: {found.incomparable}", style="bold yellow"))
    if caution := compare.caution(found):
        console.print(Text(caution, style="dim"))
    colour = ("green", "red", "yellow")[compare.exit_status(found)]
    console.print(Text(f"{compare.headline(found)}.", style=f"bold {colour}"))


def page(found: Comparison, names: tuple[str, str]) -> str:
    """Return a comparison as one self-contained page."""
    # Late, since matplotlib takes a second that the terminal's tables need not wait for.
    from verify.reporting import charts

    rows = [
        {
            "label": latency.name,
            "ratio": latency.ratio.value,
            "low": latency.ratio.interval[0],
            "high": latency.ratio.interval[1],
            "verdict": latency.change,
        }
        for latency in found.latencies
        if latency.ratio and latency.ratio.interval and latency.change != "unknown"
    ]
    flagged = [row for row in rows if row["verdict"] != "same"]
    rest = sorted(
        (row for row in rows if row["verdict"] == "same"), key=lambda row: abs(row["ratio"] - 1), reverse=True
    )
    charted = sorted([*flagged, *rest][:MOST_ROWS], key=lambda row: row["ratio"], reverse=True)
    return (
        environment()
        .get_template("compare.html.j2")
        .render(
            found=found,
            names=names,
            verdict=("passed", "failed", "invalid")[compare.exit_status(found)],
            headline=compare.headline(found),
            caution=compare.caution(found),
            times=_times,
            interval=_interval,
            chart=Markup(charts.ratios(charted, found.tolerance)) if charted else "",
            charted=len(charted),
            all_rows=len(rows),
        )
    )


def _print(console: Console, title: str, table: Table) -> None:
    console.print(Text(f"\n{title}", style="bold"))
    console.print(table)


def _table(*columns: str) -> Table:
    """Return a table with names on the left and figures on the right."""
    table = Table(box=None, pad_edge=False)
    for position, column in enumerate(columns):
        table.add_column(column, justify="left" if position == 0 else "right", no_wrap=position > 0)
    return table


def _latencies(found: Sequence[LatencyChange]) -> Table:
    table = _table("", "p50 A", "p50 B", "p95 A", "interval", "p95 B", "interval", "B/A", "interval", "")
    for latency in found:
        one, other = latency.before, latency.after
        table.add_row(
            escape(latency.name),
            number(one["p50"]),
            number(other["p50"]),
            number(typical_p95(one)),
            _interval(one["interval"]),
            number(typical_p95(other)),
            _interval(other["interval"]),
            _times(latency.ratio.value if latency.ratio else None),
            _interval(latency.ratio.interval) if latency.ratio and latency.ratio.interval else "–",
            latency.note or latency.change,
            style=COLOURS[latency.change],
        )
    return table


def _interval(values: Sequence[float]) -> str:
    low, high = values
    return f"{number(low)}–{number(high)}"


def _times(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}"
