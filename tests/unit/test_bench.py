"""The bench: what it makes of figures, and that an error is never taken for speed."""

import io
import json
import random
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from rich.console import Console

from tests.bench import growth, orders, output, plan, rounds, subjects, wrk
from tests.bench.shop import SIZES
from tests.bench.wrk import Figures

GOOD = "\nBENCH 500 2000000 3900.0 9100.5 0 0 0\nSAID \n"
CALLER = subjects.Caller({"Authorization": "Bearer a"}, {}, {}, 7, "secret", "pos", "en_US")
GOODS = [orders.Goods(number, 10.0 * number, (1,) if number % 2 else ()) for number in range(1, 9)]
COUNTER = orders.Counter(session=3, pricelist=1, user=7, method=4)


def figures(milliseconds: float, per_second: float, wrong: str = "") -> Figures:
    return Figures(milliseconds, milliseconds, per_second, 100, wrong)


def rows_of(ours: list[Figures], peer: list[Figures], concurrency: int = 1, **more: Any) -> rounds.Row:
    (row,) = rounds.rows(
        "list_uncached",
        "products",
        {rounds.OURS: "GET /products", plan.STOCK: "POST /web"},
        {rounds.OURS: ours, plan.STOCK: peer},
        tls=False,
        concurrency=concurrency,
        goals=plan.goals("list_uncached", concurrency),
        **more,
    )
    return row


def test_wrk_figures() -> None:
    """wrk's microseconds become milliseconds, and requests a second."""
    assert wrk.read(GOOD) == Figures(3.9, 9.1005, 250.0, 500)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("\nBENCH 500 2000000 3900.0 9100.5 1 0 0\nSAID \n", "1 of 500 had no answer"),
        ("\nBENCH 500 2000000 3900.0 9100.5 0 3 0\nSAID \n", "3 of 500 were answered by a status of 400"),
        ("\nBENCH 500 2000000 3900.0 9100.5 0 0 2\nSAID 200 Odoo Server Error\n", "Odoo Server Error"),
        ("\nBENCH 0 2000000 0.0 0.0 0 0 0\nSAID \n", "no request was answered"),
    ],
)
def test_wrk_errors_count(output: str, said: str) -> None:
    """Whatever is no good answer is told."""
    assert said in wrk.read(output).wrong


def test_wrk_without_figures() -> None:
    """Output without figures is an error, and no zero."""
    with pytest.raises(RuntimeError, match="no figures"):
        wrk.read("unable to connect")


def test_secrets_are_in_no_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens, cookies and bodies go to wrk by its environment."""
    seen: list[Any] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        seen.extend([command, options["env"]])
        return subprocess.CompletedProcess(command, 0, GOOD, "")

    monkeypatch.setattr(subprocess, "run", run)
    shot = subjects.xml_rpc_list(subjects.PRODUCTS, CALLER, fresh=True)
    wrk.load(wrk.Door("http://127.0.0.1:8069", "pos"), shot, 1, 1, 0)
    command, environment = seen
    assert "secret" not in " ".join(command)
    assert "secret" in environment["BENCH_BODY"]


def test_ratio_of_one_client_is_of_times() -> None:
    """With one client the times decide, with more the rates."""
    ours, peer = [figures(2.0, 100.0)] * 5, [figures(20.0, 90.0)] * 5
    assert rows_of(ours, peer).ratio == 10
    assert rows_of(ours, peer, concurrency=10).ratio == 1.111


@pytest.mark.parametrize("side", [0, 1])
def test_an_error_makes_the_row_invalid(side: int) -> None:
    """One bad round on either side leaves no ratio, however fast it was."""
    found = [[figures(2.0, 100.0)] * 5, [figures(20.0, 90.0)] * 5]
    found[side][3] = figures(0.1, 9000.0, "1 of 500 had no answer")
    row = rows_of(*found)
    assert row.ratio is None
    assert "had no answer" in row.wrong


def test_a_reason_of_the_whole_class_makes_the_row_invalid() -> None:
    """What was found wrong afterwards counts as well."""
    row = rows_of([figures(2.0, 100.0)] * 5, [figures(20.0, 90.0)] * 5, wrong="3 orders are not paid")
    assert (row.ratio, row.wrong) == (None, "3 orders are not paid")


def test_rounds_are_interleaved() -> None:
    """Each side has its turn in each round, after both were warmed up."""
    seen: list[tuple[str, int]] = []

    def side(name: str) -> Any:
        return lambda number: seen.append((name, number)) or figures(1.0, 1.0)

    found = rounds.in_turn({"ours": side("ours"), "peer": side("peer")}, 2)
    assert seen == [(name, number) for number in range(3) for name in ("ours", "peer")]
    assert {name: len(one) for name, one in found.items()} == {"ours": 2, "peer": 2}


def test_document_has_both_sides() -> None:
    """bench.json tells the peer's name from its figures."""
    found = rows_of([figures(2.0, 100.0)] * 5, [figures(20.0, 90.0)] * 5).document()
    assert (found["class"], found["against"]) == ("list_uncached", plan.STOCK)
    assert (found["ours"]["ms"], found["peer"]["ms"]) == (2.0, 20.0)
    json.dumps(found)


def test_every_class_has_a_goal_for_each_number_of_clients() -> None:
    """A class without a goal would be measured for nothing."""
    for name in plan.CLASSES:
        clients = (10,) if name == "order_batch" else plan.CLIENTS
        assert all(plan.goals(name, number) for number in clients), name


@pytest.mark.parametrize("subject", subjects.SUBJECTS, ids=lambda subject: subject.name)
@pytest.mark.parametrize(
    "shot",
    [subjects.stock_list, subjects.xml_rpc_list, subjects.plain_list, subjects.base_rest_list],
)
def test_peers_are_asked_for_as_much(subject: subjects.Subject, shot: Any) -> None:
    """Each peer is asked for the columns and the number that the API shows; its body can be read."""
    found = shot(subject, CALLER, fresh=True)
    filled = found.body.replace("@fresh@", "1000")
    if filled.startswith("{"):
        json.loads(filled)
    elif filled:
        ElementTree.fromstring(filled)
    asked = filled or dict(parse_qsl(urlsplit(found.path).query))["fields"]
    assert all(field in asked for field in subject.fields)


def test_amounts_of_a_basket_agree() -> None:
    """The order of the till's screen is worth what the API is paid, and its lines add up."""
    lines = orders.basket(GOODS, random.Random(1))
    screen = orders.screen_order(COUNTER, lines, "001-0001")["data"]
    api = orders.api_order(COUNTER, lines)
    assert api["payments"][0]["amount"] == screen["amount_total"] == screen["amount_paid"]
    whole = sum(line[2]["price_subtotal_incl"] for line in screen["lines"])
    bare = sum(line[2]["price_subtotal"] for line in screen["lines"])
    assert whole == screen["amount_total"]
    assert round(whole - bare, 2) == screen["amount_tax"]
    assert re.fullmatch(r"Order \d{5}-001-0001", screen["name"])


class Pages:
    """A server with so many records, whose pages are linked by offset or by cursor."""

    headers: dict[str, str] = {}

    def __init__(self, records: int, parameter: str) -> None:
        self.records, self.parameter, self.asked = records, parameter, 0

    def request(self, _method: str, path: str, headers: dict[str, str]) -> Any:
        query = dict(parse_qsl(urlsplit(path).query))
        self.asked += 1
        after = int(query.get(self.parameter, 0)) + int(query["limit"])
        link = {"Link": f'</api/v1/products?limit={query["limit"]}&{self.parameter}={after}>; rel="next"'}
        return type(
            "Answer", (), {"status": 200, "headers": link if after < self.records else {}, "data": b""}
        )


@pytest.mark.parametrize("parameter", ["offset", "after"])
@pytest.mark.parametrize("records", [0, 20, 21, 40, 41, 1000, 12345])
def test_deepest_page(parameter: str, records: int) -> None:
    """The last page is found by either kind of link, with few requests where they can be few."""
    pages: Any = Pages(records, parameter)
    found = growth.deepest_page(pages, {}, "/api/v1/products?limit=20")
    place = int(dict(parse_qsl(urlsplit(found).query)).get(parameter, 0))
    assert records - growth.GREATEST <= place < max(records, 1)
    assert dict(parse_qsl(urlsplit(found).query))["limit"] == "20"
    if parameter == "offset":
        assert pages.asked < 40


def test_page_and_tables_show_every_row(tmp_path: Path) -> None:
    """A row that is invalid is shown with its reason, and has no place in a chart."""
    good = rows_of([figures(2.0, 100.0)] * 5, [figures(20.0, 90.0)] * 5)
    bad = rows_of(
        [figures(2.0, 100.0, "1 of 9 had no answer")] * 5, [figures(20.0, 90.0)] * 5, concurrency=10
    )
    depths = [growth.Depth("/products", str(size), 1.0, 2.0, "/x", "") for size in SIZES]
    document = {
        "machine": {"began": "now", "processor": "one", "cpus": 2, "memory_gib": 1, "steal": 0.0, "note": ""}
        | {"versions": {"odoo": "15.0"}},
        "rounds": 5,
        "seconds": 2,
        "rows": [good.document(), bad.document()],
        "growth": [asdict(depth) for depth in depths],
        "classic": [],
        "left_out": ["OCA base_rest could not be had"],
    }
    output.write(tmp_path, document)
    page = (tmp_path / output.PAGE).read_text()
    assert page.count("<svg") == 3
    assert page.count("1 of 9 had no answer") == 1
    assert "could not be had" in page
    console = Console(record=True, width=160, file=io.StringIO())
    output.show(console, document)
    said = console.export_text()
    assert "10.0x" in said
    assert "invalid" in said
    assert said.count("/products") == 2
