"""Charts of a report as SVG that stands inside the page.

matplotlib draws; colours are custom properties of the page (`COLOURS`), so that one picture reads well on
light and on dark paper. The same figures give the same bytes.
"""

import html
import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedFormatter,
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
)

# What matplotlib draws in, and the custom property that the page gives the colour by. No two look the same to
# colour-blind eyes; lines differ by their dashes too. After Okabe and Ito, Color Universal Design.
COLOURS = {
    "#010101": "--ink",
    "#020202": "--dim",
    "#030303": "--line",
    "#040404": "--bad",
    "#050505": "--blue",
    "#060606": "--orange",
    "#070707": "--green",
    "#080808": "--purple",
    "#090909": "--paper",
}
INK, DIM, LINE, BAD, BLUE, ORANGE, GREEN, PURPLE, PAPER = COLOURS
SERIES = (BLUE, ORANGE, GREEN, PURPLE)
DASHES = ("-", (0, (5, 1.5)), (0, (2, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
# Units of the picture; a phone shows it at about nine tenths, so that text stays above 10 pixels.
WIDTH = 380
TEXT = 11.5
STYLE = {
    "svg.fonttype": "none",  # text stays text: small, sharp, selectable, and in the page's own font
    "svg.hashsalt": "verify",
    "font.family": "DejaVu Sans",
    "font.size": TEXT,
    "axes.edgecolor": LINE,
    "axes.labelcolor": DIM,
    "axes.titlecolor": INK,
    "axes.titlesize": TEXT,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": DIM,
    "ytick.color": DIM,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": TEXT - 1,
}
QUANTILES = {0.5: "50 %", 0.95: "95 %", 0.99: "99 %", 0.999: "99.9 %"}
# Beyond this share of answers a thousand samples say nothing; fewer samples say less.
LAST_QUANTILE = 0.999
LEAST = 0.01  # milliseconds; a logarithmic axis has no zero


def latencies(group: str, found: Sequence[Mapping[str, Any]]) -> str:
    """Return the quantile curves of a class of endpoints: one line for each endpoint and number of clients.

    The slowest endpoint of each number of clients is drawn strong and named; thresholds are dashed.

    Args:
        group: the class.
        found: its latencies, as the report has them.
    """
    with matplotlib.rc_context(STYLE):
        figure = new_figure(250)
        axes = figure.add_subplot()
        numbers = sorted({latency["clients"] for latency in found})
        notes = []
        for clients, colour, dashes in zip(numbers, SERIES, DASHES, strict=False):
            same = [latency for latency in found if latency["clients"] == clients]
            slowest = max(same, key=lambda latency: latency["p95"])
            for latency in same:
                strong = latency is slowest
                last = min(LAST_QUANTILE, 1 - 1 / max(latency["count"], 2))
                points = [(q, max(ms, LEAST)) for q, ms in latency["distribution"] if 0 < q <= last]
                axes.plot(
                    [_stretched(q) for q, _ in points],
                    [ms for _, ms in points],
                    color=colour,
                    linestyle=dashes,
                    linewidth=2.2 if strong else 0.9,
                    alpha=1 if strong else 0.45,
                    label=f"{_clients(clients)}: {slowest['target']}" if strong else None,
                )
            for threshold in sorted({latency["threshold"] for latency in same} - {None}):
                axes.axhline(threshold, color=BAD, linestyle=(0, (4, 3)), linewidth=1.2)
                axes.annotate(
                    f"at most {short_number(threshold)} ms, {_clients(clients)}",
                    (_stretched(0.03), threshold),
                    xytext=(0, 3),
                    textcoords="offset points",
                    color=BAD,
                    fontsize=TEXT - 2,
                    bbox={"facecolor": PAPER, "alpha": 0.8, "linewidth": 0, "pad": 0.6},
                )
            notes.append(
                f"{_clients(clients)}: slowest {slowest['target']}, p95 {short_number(slowest['p95'])} ms"
            )
        axes.margins(y=0.09)
        logarithmic(axes)
        axes.set_xlim(_stretched(0.03), _stretched(LAST_QUANTILE))
        axes.xaxis.set_major_locator(FixedLocator([_stretched(q) for q in QUANTILES]))
        axes.xaxis.set_major_formatter(FixedFormatter(list(QUANTILES.values())))
        axes.set_title("milliseconds, by share of answers", color=DIM, fontsize=TEXT - 1)
        legend(axes, below=True)
        return as_svg(figure, f"Response times of class {group}. {'; '.join(notes)}.")


def steps(run: Mapping[str, Any]) -> str:
    """Return latency and answered requests against the offered rate, with the knee marked.

    Args:
        run: a load run, as the report has it.
    """
    found = sorted(run["steps"], key=lambda step: step["offered"])
    offered = [step["offered"] for step in found]
    with matplotlib.rc_context(STYLE):
        figure = new_figure(330)
        upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 2))
        for name, colour, dashes in zip(("p50", "p95", "p99"), SERIES, DASHES, strict=False):
            upper.plot(
                offered,
                [step[name] for step in found],
                color=colour,
                linestyle=dashes,
                linewidth=2,
                label=name,
            )
            for held, fill in ((True, colour), (False, PAPER)):
                chosen = [step for step in found if step["held"] is held]
                upper.plot(
                    [step["offered"] for step in chosen],
                    [max(step[name], LEAST) for step in chosen],
                    color=colour,
                    linestyle="none",
                    marker="o",
                    markersize=5.5,
                    markerfacecolor=fill,
                )
        logarithmic(upper)
        upper.set_title("milliseconds (hollow: an objective broke)", color=DIM, fontsize=TEXT - 1)
        lower.plot(offered, offered, color=DIM, linestyle=(0, (2, 2)), linewidth=1, label="offered")
        lower.plot(
            offered,
            [step["achieved"] for step in found],
            color=GREEN,
            marker="o",
            markersize=4.5,
            linewidth=2,
            label="answered with success",
        )
        lower.set_title("requests/s", color=DIM, fontsize=TEXT - 1)
        lower.set_xlabel("offered requests/s")
        lower.set_ylim(bottom=0)
        lower.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        if run["knee"] is not None:
            for axes in (upper, lower):
                axes.axvline(run["knee"], color=INK, linewidth=1.4, linestyle=(0, (1, 1)))
            upper.annotate(
                f"knee {short_number(run['knee'])}/s",
                (run["knee"], 1),
                xycoords=("data", "axes fraction"),
                xytext=(-4, -2),
                textcoords="offset points",
                ha="right",
                va="top",
                weight="bold",
            )
        legend(upper)
        legend(lower)
        knee = (
            "no step held"
            if run["knee"] is None
            else f"the knee is at {short_number(run['knee'])} requests/s"
        )
        return as_svg(figure, f"Latency and throughput of the load run {run['name']}: {knee}.")


# Title, and for each line its field of the timeline and its name; none where the title says it.
PANELS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("requests/s", (("offered", "offered"), ("achieved", "answered"), ("errors", "errors"))),
    ("p95, milliseconds", (("p95", ""),)),
    ("cpu of the busiest host, %", (("cpu", ""),)),
    ("Odoo's workers", (("workers", "all"), ("workers_busy", "busy"), ("queued", "queued"))),
    ("pooler's clients", (("pool_active", "active"), ("pool_waiting", "waiting"))),
    ("sessions that wait", (("lock_waits", "for a lock"), ("io_waits", "for the disk"))),
)
BOUNDS = ("offered", "workers")  # drawn as what the other lines of the panel are measured by


def timeline(run: Mapping[str, Any]) -> str:
    """Return what the hosts did during a load run, second by second, below its rate and latency.

    What was never seen has no line, and a panel without lines is left out.

    Args:
        run: a load run, as the report has it.
    """
    found = run["timeline"]
    panels = [
        (title, [(field, name) for field, name in lines if _seen(found, field)]) for title, lines in PANELS
    ]
    panels = [(title, lines) for title, lines in panels if lines]
    with matplotlib.rc_context(STYLE):
        figure = new_figure(24 + 96 * max(len(panels), 1))
        every = figure.subplots(max(len(panels), 1), sharex=True, squeeze=False)[:, 0]
        for axes, (title, lines) in zip(every, panels, strict=False):
            alone = f": {lines[0][1]}" if len(lines) == 1 and lines[0][1] else ""
            axes.set_title(title + alone, color=DIM, fontsize=TEXT - 1)
            _panel(axes, found, lines)
        every[-1].set_xlabel("seconds since the start")
        limit = f"limit: {run['limit']}" if run["limit"] else "no limit found"
        return as_svg(figure, f"Load run {run['name']}, second by second; {limit}. {run['evidence']}")


def _panel(axes: Axes, found: Sequence[Mapping[str, Any]], lines: Sequence[tuple[str, str]]) -> None:
    seconds = [entry["second"] for entry in found]
    free = iter(zip(SERIES, DASHES, strict=True))
    for field, name in lines:
        scale = 100 if field == "cpu" else 1
        values = [float("nan") if entry.get(field) is None else entry[field] * scale for entry in found]
        bound = field in BOUNDS
        colour, dashes = (DIM, (0, (2, 2))) if bound else next(free)
        axes.plot(
            seconds,
            values,
            color=colour,
            linestyle=dashes,
            linewidth=1.3,
            drawstyle="steps-post" if bound else "default",
            label=name,
        )
    if lines[0][0] == "p95":
        logarithmic(axes, 3)
    else:
        axes.set_ylim(bottom=0, top=105 if lines[0][0] == "cpu" else None)
        axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    if len(lines) > 1:
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1, 0.97),
            ncols=3,
            borderpad=0,
            handlelength=1.6,
            columnspacing=1,
            handletextpad=0.4,
        )


def ratios(rows: Sequence[Mapping[str, Any]], tolerance: float) -> str:
    """Return how much slower or faster each target became, with its interval.

    Args:
        rows: ``label``, ``ratio``, ``low``, ``high`` and ``verdict`` (slower, faster, same), worst first.
        tolerance: the change that doesn't count, as a share.
    """
    colours = {"slower": BAD, "faster": GREEN, "same": DIM}
    marks = {"slower": ">", "faster": "<", "same": "o"}
    with matplotlib.rc_context(STYLE):
        figure = new_figure(60 + 20 * len(rows))
        axes = figure.add_subplot()
        axes.axvspan(1 / (1 + tolerance), 1 + tolerance, color=LINE, alpha=0.6, linewidth=0)
        axes.axvline(1, color=DIM, linewidth=1)
        for position, row in enumerate(reversed(rows)):
            colour = colours[row["verdict"]]
            axes.plot([row["low"], row["high"]], [position, position], color=colour, linewidth=2)
            axes.plot(row["ratio"], position, color=colour, marker=marks[row["verdict"]], markersize=6)
        axes.set_yticks(range(len(rows)), [row["label"] for row in reversed(rows)], fontsize=TEXT - 1)
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.2g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(visible=False, axis="y")
        axes.set_title("p95, B over A: right of 1 is slower", color=DIM, fontsize=TEXT - 1)
        slower = sum(row["verdict"] == "slower" for row in rows)
        return as_svg(
            figure, f"Ratio of 95th percentiles with intervals: {slower} of {len(rows)} are slower."
        )


def new_figure(height: float) -> Figure:
    """Return a figure of `WIDTH` by height, in units of its picture."""
    figure = Figure(figsize=(WIDTH / 72, height / 72), layout="constrained")
    FigureCanvasSVG(figure)
    return figure


def logarithmic(axes: Axes, ticks: int = 6) -> None:
    """Give the upright axis a logarithmic scale with labels that can be read."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high / low < 8:  # or else there may be no more than one label
        axes.set_ylim(low / 1.6, high * 1.6)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 200 else (1,), numticks=ticks))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(which="minor", length=0)


def legend(axes: Axes, *, below: bool = False) -> None:
    """Name the lines inside the axes, or below all of the figure's."""
    if below:
        axes.figure.legend(loc="outside lower left", ncols=1, handlelength=2.4, borderaxespad=0.2)
    else:
        axes.legend(loc="upper left", handlelength=2.4, borderpad=0.2)


def as_svg(figure: Figure, label: str) -> str:
    """Return a figure as an element that scales with its box and says what it shows."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'(<g|<text) id="[^"]*"', r"\1", text)
    text = re.sub(r"font: ([^;\"]*?)'DejaVu Sans'[^;\"]*", r"font: \1var(--font)", text)
    for drawn, name in COLOURS.items():
        text = text.replace(drawn, f"var({name})")
    said = html.escape(label)
    box = re.search(r'viewBox="[^"]*"', text)
    assert box
    start = f'<svg class="chart" role="img" aria-label="{said}" {box[0]} xmlns="http://www.w3.org/2000/svg"'
    text = re.sub(r"<svg[^>]*>", f'{start} xmlns:xlink="http://www.w3.org/1999/xlink">', text, count=1)
    return text.replace(">", f">\n<title>{said}</title>", 1)


def _stretched(quantile: float) -> float:
    """Return a quantile's place on an axis that gives each further nine the same width."""
    return -math.log10(1 - quantile)


def _seen(found: Sequence[Mapping[str, Any]], field: str) -> bool:
    return any(entry.get(field) is not None for entry in found)


def _clients(number: int) -> str:
    return "1 client" if number == 1 else f"{number} clients"


def short_number(value: float) -> str:
    """Return a number as short as its size allows."""
    return f"{value:,.0f}".replace(",", " ") if value >= 10 else f"{value:.2g}"
