"""What a run leaves: bench.json, a page with charts, and a table on the terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from rich.console import Console
from rich.table import Table

from tests.bench import charts
from tests.bench.plan import GROWTH, STOCK
from verify.reporting import render
from verify.reporting.charts import short_number

HERE = Path(__file__).parent
JSON, PAGE = "bench.json", "bench.html"


def write(folder: Path, document: Mapping[str, Any]) -> None:
    """Write bench.json and the page."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / JSON).write_text(json.dumps(document, indent=1) + "\n")
    made = Environment(
        loader=FileSystemLoader([HERE, Path(render.__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["number"] = short_number
    drawn = [(title, Markup(chart)) for title, chart in _charts(document)]
    text = made.get_template("page.html.j2").render(**document, charts=drawn)
    (folder / PAGE).write_text(text)


def _charts(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    valid = [row for row in document["rows"] if row["ratio"] is not None]
    judged = [row for row in valid if row["goal"] is not None]
    stock = [row for row in valid if row["concurrency"] == 10 and not row["tls"] and row["goal"] is not None]
    sizes = list(dict.fromkeys(one["size"] for one in document["growth"]))
    found = []
    if judged:
        found.append(("Against the goals", charts.ratios(judged)))
    if stock:
        found.append(("Ten at once, without TLS", charts.rates(stock)))
    if others := [row for row in valid if row["goal"] is None and row["against"] != STOCK]:
        found.append(("Against the other peers", charts.ratios(others)))
    for page in ("first", "deepest") if len(sizes) > 1 else ():
        found.append((f"Growth: the {page} page", charts.growth(document["growth"], sizes, page)))
    return found


def show(console: Console, document: Mapping[str, Any]) -> None:
    """Print the tables."""
    table = Table("class", "against", "TLS", "at once", box=None, header_style="bold")
    for name in ("API ms", "peer ms", "API /s", "peer /s", "ratio", "wanted", "spread"):
        table.add_column(name, justify="right")
    for row in document["rows"]:
        table.add_row(
            f"{row['class']}: {row['subject']}",
            row["against"],
            "on" if row["tls"] else "off",
            str(row["concurrency"]),
            *(f"{row[side]['ms']:.2f}" for side in ("ours", "peer")),
            *(f"{row[side]['per_second']:.0f}" for side in ("ours", "peer")),
            _ratio(row),
            "" if row["goal"] is None else f"{row['goal']:g}x",
            " / ".join(f"{row['spread'][side]:.0%}" for side in ("ours", "peer")),
        )
    console.print(table)
    if document["growth"]:
        console.print(_growth(document["growth"]))
    if document["classic"]:
        console.print(_classic(document["classic"]))
    wrong = dict.fromkeys(_place(row) + row["wrong"] for row in document["rows"] if row["wrong"])
    for reason in [*document["left_out"], *wrong]:
        console.print(reason, style="bold red", soft_wrap=True)


def _place(row: Mapping[str, Any]) -> str:
    tls = "on" if row["tls"] else "off"
    return f"{row['class']} against {row['against']}, {row['concurrency']} at once, TLS {tls}: "


def _ratio(row: Mapping[str, Any]) -> str:
    if row["ratio"] is None:
        return "[red]invalid[/red]" if row["wrong"] else "?"
    colour = "default" if row["goal"] is None else "green" if row["ratio"] >= row["goal"] else "red"
    return f"[{colour}]{row['ratio']:.1f}x[/{colour}]"


def _growth(found: Sequence[Mapping[str, Any]]) -> Table:
    sizes = list(dict.fromkeys(one["size"] for one in found))
    table = Table("list", "page", *(f"{size} ms" for size in sizes), "growth", box=None, header_style="bold")
    for path in dict.fromkeys(one["path"] for one in found):
        for page in ("first", "deepest"):
            own = {one["size"]: one[f"{page}_ms"] for one in found if one["path"] == path}
            smallest, greatest = own[sizes[0]], own[sizes[-1]]
            grown = greatest / smallest if smallest else 0.0
            colour = "green" if grown <= GROWTH else "red"
            figures = (f"{own[size]:.2f}" for size in sizes)
            table.add_row(path, page, *figures, f"[{colour}]{grown:.2f}x[/{colour}]")
    return table


def _classic(found: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("classic shape", "TLS", "mean ms", "least", "greatest", "answers", box=None)
    for row in found:
        tls = "" if row["tls"] is None else "on" if row["tls"] else "off"
        figures = ("-" if row[name] is None else f"{row[name]:.2f}" for name in ("mean", "least", "greatest"))
        table.add_row(row["shape"], tls, *figures, row["wrong"] or str(row["answers"]))
    return table
