"""Classes of requests that sell, by a closed loop of Python's, since no two orders are alike."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import count

from tests.bench.host import Bench, BenchError
from tests.bench.orders import Counter
from tests.bench.plan import BATCH, CLIENTS, SCREEN, SCREEN_BATCH, Plan, goals
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
START_SECONDS = 120
_tills = count(1)  # 900 and more are the API's


def measured(bench: Bench, shop: Shop, name: str, plan: Plan) -> Iterator[Row]:
    """Yield the rows of a class: order_10k, order_200k or order_batch."""
    batches = name == "order_batch"
    for tls in (False, True):
        for clients in CLIENTS[-1:] if batches else CLIENTS:
            plan.say(f"{name}: {clients} at once, TLS {'on' if tls else 'off'}")
            ways = _ways(bench, shop, batches, tls)
            found, wrong = _sold(bench, shop, ways, tls, clients, plan)
            yield from rows(
                name,
                f"{BATCH} orders a call" if batches else "three lines, paid in cash",
                {way.name: f"POST /{way.url.split('/', 3)[3]}" for way in ways},
                found,
                tls=tls,
                concurrency=clients,
                goals=goals(name, clients),
                wrong=wrong,
            )


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
    ]


def _sold(
    bench: Bench, shop: Shop, ways: list[Way], tls: bool, clients: int, plan: Plan
) -> tuple[dict[str, list[Figures]], str]:
    """Run `tests.bench.selling`; return its rounds, and whether as many orders are paid as were acknowledged.

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
        "rounds": plan.rounds,
    }
    (before,) = bench.numbers(PAID.format(people.session_id))
    done = subprocess.run(
        [*(() if tls else bench.inside), sys.executable, "-m", "tests.bench.selling"],
        input=json.dumps(wanted),
        cwd=hosts.ROOT,
        env=playbook.environment(),
        capture_output=True,
        text=True,
        timeout=START_SECONDS + 2 * plan.seconds * (plan.rounds + 1) * len(ways),
        check=False,
    )
    if done.returncode:
        raise BenchError(f"the sellers ended with {done.returncode}: {done.stderr.strip()[-1000:]}")
    answer = json.loads(done.stdout)
    (after,) = bench.numbers(PAID.format(people.session_id))
    rounds = {name: [Figures(**one) for one in found] for name, found in answer["rounds"].items()}
    if after - before != answer["sold"]:
        return rounds, f"{answer['sold']} orders were acknowledged, {after - before} are paid in the database"
    return rounds, ""
