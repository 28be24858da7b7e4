"""Classes of requests that read, by wrk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from tests.bench import subjects
from tests.bench.host import Bench
from tests.bench.plan import CLIENTS, PLAIN, REST, STOCK, WARM_SECONDS, XML, Plan, goals
from tests.bench.rounds import OURS, Row, in_turn, rows
from tests.bench.shop import Shop, caller
from tests.bench.subjects import CUSTOMERS, ORDERS, PRODUCTS, SUBJECTS, Subject
from tests.bench.wrk import Figures, Shot, load
from verify.clients.api import BASE

PEERS = {
    STOCK: subjects.stock_list,
    XML: subjects.xml_rpc_list,
    PLAIN: subjects.plain_list,
    REST: subjects.base_rest_list,
}
NUMBERS = 100_000  # that a round may use up; no two rounds have one in common
SAMPLE = 1000  # records that single reads take their turns over
IDS = {
    PRODUCTS.name: "SELECT p.id FROM product_product p JOIN product_template t ON t.id = p.product_tmpl_id"
    " WHERE p.default_code LIKE 'BENCH-%' AND t.company_id IS NULL",
    CUSTOMERS.name: "SELECT id FROM res_partner WHERE ref LIKE 'BENCH-%' AND company_id IS NULL",
    ORDERS.name: "SELECT o.id FROM pos_order o JOIN res_company c ON c.id = o.company_id"
    " WHERE o.name LIKE 'BENCH/%' AND c.id = (SELECT min(id) FROM res_company)",
}
Shots = Callable[[], Mapping[str, Shot]]


@dataclass(frozen=True)
class Reading:
    """A class of requests.

    Args:
        name: of the class.
        subject: what is read.
        server: which one of the host's answers ours: "api" or "odoo"; see `Bench.door`.
        shots: gives who is asked what, `OURS` among them, with tokens that are in force for some minutes.
    """

    name: str
    subject: str
    server: str
    shots: Shots


def readings(bench: Bench, shop: Shop, plan: Plan) -> list[Reading]:
    """Return all classes of reading."""

    def floor(path: str) -> Shots:
        def shots() -> Mapping[str, Shot]:
            who = caller(bench, shop, "cashier")
            return {
                OURS: Shot(f"{BASE}{path}", headers=dict(who.bearer)),
                PLAIN: Shot("/bench/floor", headers=dict(who.peer_bearer), wanted='"uid"'),
                STOCK: subjects.stock_floor(who),
            }

        return shots

    def listed(subject: Subject, peers: tuple[str, ...], *, fresh: bool) -> Shots:
        def shots() -> Mapping[str, Shot]:
            who = caller(bench, shop, subject.caller)
            ours = subjects.ours_list(subject, who, fresh=fresh)
            return {OURS: ours, **{peer: PEERS[peer](subject, who, fresh=fresh) for peer in peers}}

        return shots

    def single(subject: Subject) -> Shots:
        ids = bench.numbers(f"SELECT id FROM ({IDS[subject.name]}) a ORDER BY md5(id::text) LIMIT {SAMPLE}")

        def shots() -> Mapping[str, Shot]:
            who = caller(bench, shop, subject.caller)
            return {
                OURS: subjects.ours_record(subject, who, ids),
                STOCK: subjects.stock_record(subject, who, ids),
            }

        return shots

    every = tuple(peer for peer in PEERS if peer != REST or not plan.without_rest)
    found = [
        Reading("no_data", "a token checked", "api", floor("/auth/me")),
        Reading("no_data", "health", "api", floor("/health")),
        Reading("catalogue_cached", PRODUCTS.name, "api", listed(PRODUCTS, every, fresh=False)),
        Reading("list_uncached", PRODUCTS.name, "api", listed(PRODUCTS, every, fresh=True)),
        Reading("list_uncached", CUSTOMERS.name, "api", listed(CUSTOMERS, (STOCK,), fresh=True)),
        Reading("list_uncached", ORDERS.name, "api", listed(ORDERS, (STOCK,), fresh=True)),
        Reading("catalogue_cached_prefork", PRODUCTS.name, "odoo", listed(PRODUCTS, (STOCK,), fresh=False)),
        Reading("list_uncached_prefork", PRODUCTS.name, "odoo", listed(PRODUCTS, (STOCK,), fresh=True)),
        *(Reading("one_record", subject.name, "api", single(subject)) for subject in SUBJECTS),
    ]
    return [one for one in found if one.name in plan.classes]


def measured(bench: Bench, reading: Reading, plan: Plan) -> Iterator[Row]:
    """Yield a class's rows: by one client and by ten, straight to a server's port and by nginx with TLS.

    Nginx leads no call of the API to Odoo's own server where the API has one: such a class has no TLS.
    """
    ways = (False,) if reading.server == "odoo" and bench.has_server else (False, True)
    for tls in ways:
        for clients in CLIENTS:
            plan.say(f"{reading.name}: {reading.subject}, {clients} at once, TLS {'on' if tls else 'off'}")
            shots = reading.shots()
            sides = {who: _run(bench, reading, who, shot, tls, clients, plan) for who, shot in shots.items()}
            yield from rows(
                reading.name,
                reading.subject,
                {who: _what(shot) for who, shot in shots.items()},
                in_turn(sides, plan.rounds),
                tls=tls,
                concurrency=clients,
                goals=goals(reading.name, clients),
            )


_rounds = count(1)


def _run(
    bench: Bench, reading: Reading, who: str, shot: Shot, tls: bool, clients: int, plan: Plan
) -> Callable[[int], Figures]:
    door = bench.door(reading.server if who == OURS else "odoo", tls=tls)

    def run(number: int) -> Figures:
        seconds = plan.seconds if number else WARM_SECONDS
        return load(door, shot, clients, seconds, next(_rounds) * NUMBERS)

    return run


def _what(shot: Shot) -> str:
    path, _, query = shot.path.partition("?")
    return f"{shot.method} {path}{f'?{query}' if len(query) < 40 else ''}"
