"""Classes of requests that sell, by a closed loop of Python's, since no two orders are alike."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import count

from tests.bench.host import Bench, BenchError
from tests.bench.orders import Counter
from tests.bench.plan import BATCH, CLIENTS, SCREEN, SCREEN_BARE, SCREEN_BATCH, Plan, goals
from tests.bench.rounds import OURS, Row, rows
from tests.bench.selling import Way
from tests.bench.shop import Shop, caller, picked
from tests.bench.wrk import Figures
from tests.harness import hosts, playbook
from verify.clients.api import BASE

PICKED = 300  # products that the orders are made of
SCREEN_PATH = "/web/dataset/call_kw/pos.order/create_from_ui"
GOODS = "SELECT p.id FROM product_product p JOIN product_template t ON t.id = p.product_tmpl_id"
GOODS += (
    f" WHERE p.default_code LIKE 'BENCH-%' AND t.company_id IS NULL ORDER BY md5(p.id::text) LIMIT {PICKED}"
)
PAID = "SELECT count(*) FROM pos_order WHERE session_id = {} AND state = 'paid'"
# An index that is not valid is kept up to date and planned without (PostgreSQL manual, 52.26 pg_index).
VALID = """
    UPDATE pg_index SET indisvalid = {} FROM pg_class i, pg_class t
     WHERE i.oid = indexrelid AND t.oid = indrelid
       AND i.relname LIKE 'pos\\_api\\_%' AND t.relname NOT LIKE 'pos\\_api\\_%'
"""
ROUND_SECONDS = 300
_tills = count(1)  # 900 and more are the API's


def measured(bench: Bench, shop: Shop, name: str, plan: Plan) -> Iterator[Row]:
    """Yield the rows of a class: order_10k, order_200k or order_batch."""
    batches = name == "order_batch"
    for tls in (False, True):
        for clients in CLIENTS[-1:] if batches else CLIENTS:
            plan.say(f"{name}: {clients} at once, TLS {'on' if tls else 'off'}")
            found: dict[str, list[Figures]] = {}
            whats: dict[str, str] = {}
            wrong = ""
            for _ in range(plan.rounds):
                ways = _ways(bench, shop, batches, tls)
                whats |= {way.name: f"POST /{way.url.split('/', 3)[3]}" for way in ways}
                bare = [way for way in ways if way.name == SCREEN_BARE]
                wrong = (
                    _round(bench, shop, [way for way in ways if way not in bare], found, tls, clients, plan)
                    or wrong
                )
                if bare:
                    with _odoos_indexes(bench):
                        wrong = _round(bench, shop, bare, found, tls, clients, plan) or wrong
            yield from rows(
                name,
                f"{BATCH} orders a call" if batches else "three lines, paid in cash",
                whats,
                found,
                tls=tls,
                concurrency=clients,
                goals=goals(name, clients),
                wrong=wrong,
            )


@contextmanager
def _odoos_indexes(bench: Bench) -> Iterator[None]:
    """Let PostgreSQL plan without the indexes that the API has put on Odoo's tables."""
    bench.sql(VALID.format("false"))
    try:
        yield
    finally:
        bench.sql(VALID.format("true"))


def _ways(bench: Bench, shop: Shop, batches: bool, tls: bool) -> list[Way]:
    who = caller(bench, shop, "cashier")
    api, odoo = bench.door("api", tls=tls), bench.door("odoo", tls=tls)
    shared = {"Content-Type": "application/json", "Host": odoo.name}
    server_name = bench.site.name if tls else None
    screen = odoo.url + SCREEN_PATH
    ours = {**shared, **who.bearer}
    stock = {**shared, **who.cookie}
    if batches:
        return [
            Way(OURS, "batch", f"{api.url}{BASE}/sync/orders", server_name, ours, BATCH),
            Way(SCREEN, "screen", screen, server_name, stock),
            Way(SCREEN_BATCH, "screen", screen, server_name, stock, BATCH),
        ]
    return [
        Way(OURS, "order", f"{api.url}{BASE}/orders", server_name, ours),
        Way(SCREEN, "screen", screen, server_name, stock),
        Way(SCREEN_BARE, "screen", screen, server_name, stock),
    ]


def _round(
    bench: Bench,
    shop: Shop,
    ways: list[Way],
    found: dict[str, list[Figures]],
    tls: bool,
    clients: int,
    plan: Plan,
) -> str:
    """Run `tests.bench.selling` for a round and add its figures to what was found.

    Returns:
        Whether other orders are paid in the database than were acknowledged, or nothing.

    Raises:
        BenchError: it failed.
    """
    people = shop.people
    user = shop.sessions["cashier"].user_id
    config = bench.numbers(f"SELECT pricelist_id FROM pos_config WHERE id = {people.config_id}")
    wanted = {
        "counter": asdict(Counter(people.session_id, config[0], user, people.method_id)),
        "goods": [asdict(one) for one in picked(shop.odoo, bench.numbers(GOODS))],
        "ways": [asdict(way) for way in ways],
        "ca": str(bench.site.ca) if bench.site.ca else None,
        "till": next(_tills),
        "clients": clients,
        "seconds": plan.seconds,
    }
    (before,) = bench.numbers(PAID.format(people.session_id))
    done = subprocess.run(
        [*(() if tls else bench.inside), sys.executable, "-m", "tests.bench.selling"],
        input=json.dumps(wanted),
        cwd=hosts.ROOT,
        env=playbook.environment(),
        capture_output=True,
        text=True,
        timeout=ROUND_SECONDS,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"the sellers ended with {done.returncode}: {done.stderr.strip()[-1000:]}")
    answer = json.loads(done.stdout)
    (after,) = bench.numbers(PAID.format(people.session_id))
    for name, figures in answer["figures"].items():
        found.setdefault(name, []).append(Figures(**figures))
    if after - before != answer["sold"]:
        return f"{answer['sold']} orders were acknowledged, {after - before} are paid in the database"
    return ""
