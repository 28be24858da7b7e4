"""Charts of bench.json, in the style of verify's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from verify.reporting.charts import (
    BAD,
    BLUE,
    DASHES,
    DIM,
    GREEN,
    INK,
    ORANGE,
    SERIES,
    STYLE,
    TEXT,
    as_svg,
    legend,
    logarithmic,
    new_figure,
    short_number,
)


def ratios(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return how many times as fast the API is as its peers, class by class, with what is wanted.

    Args:
        rows: of bench.json, those with a ratio.
    """
    with matplotlib.rc_context(STYLE):
        figure = new_figure(70 + 20 * len(rows))
        axes = figure.add_subplot()
        axes.axvline(1, color=DIM, linewidth=1)
        for position, row in enumerate(reversed(rows)):
            short = row["goal"] is not None and row["ratio"] < row["goal"]
            colour = BAD if short else GREEN if row["goal"] is not None else DIM
            low, high = row["interval"] or (row["ratio"], row["ratio"])
            axes.plot([low, high], [position, position], color=colour, linewidth=2)
            axes.plot(row["ratio"], position, color=colour, marker="o", markersize=6)
            if row["goal"] is not None:
                axes.plot(row["goal"], position, color=INK, marker="|", markersize=13, markeredgewidth=2)
        axes.set_yticks(range(len(rows)), [_label(row) for row in reversed(rows)], fontsize=TEXT - 2)
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(visible=False, axis="y")
        axes.set_title("times as fast (bar: wanted)", color=DIM, fontsize=TEXT - 1)
        reached = sum(row["ratio"] >= row["goal"] for row in rows if row["goal"] is not None)
        of = sum(row["goal"] is not None for row in rows)
        return as_svg(figure, f"Ratios to the peers with intervals: {reached} of {of} goals reached.")


def rates(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return requests per second of the API and of its peer, class by class.

    Args:
        rows: of bench.json.
    """
    with matplotlib.rc_context(STYLE):
        figure = new_figure(70 + 24 * len(rows))
        axes = figure.add_subplot()
        for offset, side, colour in ((0.2, "ours", BLUE), (-0.2, "peer", ORANGE)):
            values = [row[side]["per_second"] for row in reversed(rows)]
            places = [position + offset for position in range(len(rows))]
            axes.barh(places, values, height=0.36, color=colour, label="API" if side == "ours" else "peer")
            for place, value in zip(places, values, strict=True):
                axes.annotate(
                    short_number(value),
                    (value, place),
                    xytext=(3, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=TEXT - 3,
                )
        axes.set_yticks(range(len(rows)), [_label(row) for row in reversed(rows)], fontsize=TEXT - 2)
        axes.set_xscale("log")
        axes.margins(x=0.12)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(visible=False, axis="y")
        axes.set_title("requests/s, or orders/s", color=DIM, fontsize=TEXT - 1)
        legend(axes, below=True)
        return as_svg(figure, "Requests per second of the API and of its peers.")


def growth(found: Sequence[Mapping[str, Any]], sizes: Sequence[str], page: str) -> str:
    """Return the lists' medians as the shop grows.

    Args:
        found: of bench.json.
        sizes: of the shop, rising.
        page: "first" or "deepest".
    """
    with matplotlib.rc_context(STYLE):
        figure = new_figure(270)
        axes = figure.add_subplot()
        for number, path in enumerate(dict.fromkeys(one["path"] for one in found)):
            own = {one["size"]: one[f"{page}_ms"] for one in found if one["path"] == path}
            axes.plot(
                sizes,
                [own.get(size, float("nan")) for size in sizes],
                color=SERIES[number % len(SERIES)],
                linestyle=DASHES[number // len(SERIES) % len(DASHES)],
                marker="o",
                markersize=4,
                label=path,
            )
        logarithmic(axes)
        axes.set_title(f"milliseconds, {page} page, by products/orders", color=DIM, fontsize=TEXT - 1)
        legend(axes, below=True)
        return as_svg(figure, f"Medians of the lists' {page} page as the shop grows.")


def _label(row: Mapping[str, Any]) -> str:
    subject = row["subject"] if row["goal"] is not None else row["against"]
    tls = ", TLS" if row["tls"] else ""
    return f"{row['class']} ({subject}), {row['concurrency']}{tls}"
