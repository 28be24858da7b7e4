"""Measures the API against its peers on a copy of a disposable host; see docs/performance.md.

Exit status: 0 all classes are valid, 1 one is not, 2 the bench could not run. Ratios decide nothing here.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import requests
from rich.console import Console

from tests.bench import classic, database, growth, host, machine, output, reading, sales, shop
from tests.bench.plan import CLASSES, Plan
from tests.bench.rounds import Row
from tests.harness import stack
from verify.clients.odoo_rpc import OdooError
from verify.clients.pool import open_pool
from verify.estate.described import EstateError, UnreachableError
from verify.estate.shell import CommandError
from verify.shop.callers import LoginRefusedError

SMALL, GREAT = shop.SIZES[0], shop.SIZES[-1]
FAILURES = (
    AssertionError,  # a deadline that passed, or an answer that is none
    RuntimeError,
    CommandError,
    EstateError,
    UnreachableError,
    OdooError,
    LoginRefusedError,
    host.BenchError,
    requests.RequestException,
    subprocess.TimeoutExpired,
)
console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def measure(bench: host.Bench, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Measure, writing what is there after each class; return the document.

    Args:
        bench: the host.
        options: of the command line.
        folder: for results.
    """
    steal = machine.Steal()
    document: dict[str, Any] = {
        "machine": {**machine.described(bench), "steal": 0.0},
        "rounds": options.rounds,
        "seconds": options.seconds,
        "rows": [],
        "growth": [],
        "classic": [],
        "left_out": [],
    }
    console.print("placing the peers")
    bench.sql(f"UPDATE res_lang SET active = true WHERE code = '{shop.LANGUAGE}'")
    without_rest = host.place_peers(bench, options.cache)
    if without_rest:
        document["left_out"].append(without_rest)
    people = shop.prepare(bench)
    plan = Plan(options.rounds, options.seconds, options.classes, without_rest, console.print)

    def take(rows: Iterator[Row]) -> None:
        for row in rows:
            document["rows"].append(row.document())
        document["machine"]["steal"] = steal.share()
        output.write(folder, document)

    def grow(size: shop.Size) -> None:
        console.print(f"filling the shop: {size}")
        shop.grow(bench, people, size)
        for path in growth.PATHS if options.growth else ():
            console.print(f"growth: {path} at {size}")
            bearer = shop.caller(bench, people, "manager").bearer
            with open_pool(bench.site, 1) as pool:
                found = growth.measured(pool, dict(bearer), path, str(size))
            document["growth"].append(asdict(found))
            output.write(folder, document)
            if found.wrong:
                document["left_out"].append(f"growth of {path}: {found.wrong}")

    grow(SMALL)
    for one in reading.readings(bench, people, plan):
        take(reading.measured(bench, one, plan))
    for name in ("order_10k", "order_batch"):
        if name in plan.classes:
            take(sales.measured(bench, people, name, plan))
    if "database" in plan.classes:
        try:
            take(database.measured(bench, people, plan))
        except host.BenchError as error:
            document["left_out"].append(f"database: {error}")
    if options.classic:
        document["classic"] = classic.measured(bench, people)
    if options.growth or "order_200k" in plan.classes:
        for size in shop.SIZES[1:] if options.growth else (GREAT,):
            grow(size)
        if "order_200k" in plan.classes:
            take(sales.measured(bench, people, "order_200k", plan))
    output.write(folder, document)
    return document


@contextmanager
def chosen(options: argparse.Namespace) -> Iterator[stack.Target]:
    """Give the host: one that runs and may be changed, or a copy of the inventory's."""
    if options.host:
        yield host.running(options.host)
        return
    console.print(f"copying the host of {options.inventory}")
    with host.copied(options.inventory) as copy:
        yield copy


def main() -> int:
    """Read the command line and act on it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--inventory", type=Path, default=Path("build/demo/inventory"), help="of a disposable host"
    )
    parser.add_argument("--host", help="RUN:NAME:INVENTORY, a disposable host to fill and measure as it is")
    parser.add_argument("--rounds", type=int, default=5, help="of each side in a class")
    parser.add_argument("--seconds", type=int, default=2, help="of a round")
    parser.add_argument("--classes", help=f"comma-separated, of {', '.join(CLASSES)}")
    parser.add_argument("--no-growth", dest="growth", action="store_false", help="without the greater shops")
    parser.add_argument(
        "--no-classic", dest="classic", action="store_false", help="without the classic shape"
    )
    parser.add_argument("--folder", type=Path, default=Path("build"), help="for bench.json and bench.html")
    options = parser.parse_args()
    options.cache = options.folder / "bench-peers"
    options.classes = frozenset(options.classes.split(",") if options.classes else CLASSES)
    if unknown := options.classes - set(CLASSES):
        parser.error(f"--classes {', '.join(sorted(unknown))}: the classes are {', '.join(CLASSES)}")
    try:
        with chosen(options) as target, host.opened(target) as bench:
            document = measure(bench, options, options.folder)
    except FAILURES as error:
        console.print(f"the bench could not run: {error}", style="bold red", soft_wrap=True)
        return 2
    output.show(console, document)
    console.print(f"{options.folder / output.JSON}, {options.folder / output.PAGE}")
    return 1 if any(row["wrong"] for row in document["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
