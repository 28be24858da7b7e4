"""Every operation that reads, as the administrator, without a trace in the database."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from verify.clients.api import BASE, Login
from verify.clients.contract import Contract, link
from verify.shop.calls import declared
from verify.shop.operations import OPERATIONS
from verify.shop.reads import FEW, KINDS, LISTS, READS, asked

CONCERN = "API"
CONDITIONAL = [
    name
    for name in READS
    if {"$ref": "#/components/parameters/IfNoneMatch"} in declared()[name][2].get("parameters", ())
]
# Of single records, what the database says of them, and the members of the answer that say the same.
STORED: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    "getOrder": (
        'SELECT state, amount_total AS total, amount_tax AS tax, session_id AS "session",'
        " (SELECT count(*) FROM pos_order_line WHERE order_id = o.id) AS lines,"
        " (SELECT coalesce(sum(amount), 0) FROM pos_payment WHERE pos_order_id = o.id) AS paid"
        " FROM pos_order o WHERE id = {id}",
        lambda body: {
            **{name: body[name] for name in ("state", "total", "tax")},
            "session": body["session"]["id"],
            "lines": len(body["lines"]),
            "paid": sum(payment["amount"] for payment in body["payments"]),
        },
    ),
    "getPayment": (
        'SELECT amount, pos_order_id AS "order", payment_method_id AS method'
        " FROM pos_payment WHERE id = {id}",
        lambda body: {
            "amount": body["amount"],
            "order": body["order"]["id"],
            "method": body["payment_method"]["id"],
        },
    ),
    "getSession": (
        'SELECT state, config_id AS config, user_id AS "user" FROM pos_session WHERE id = {id}',
        lambda body: {"state": body["state"], "config": body["config"]["id"], "user": body["user"]["id"]},
    ),
}
pytestmark = pytest.mark.explained_by("odoo", "nginx")


@pytest.mark.parametrize("name", READS)
def test_read(
    name: str,
    reader: Login,
    contract: Contract,
    known: dict[str, Any],
    stored: Callable[[str], dict[str, Any]],
) -> None:
    """The read answers as its document says, and with what is in the database."""
    path, query = asked(name, known)
    answer = reader.request("GET", path, params=query)
    assert answer.status_code == OPERATIONS[name].status, answer.text[:500]
    contract.check(name, answer)
    body = answer.json()
    if name in LISTS:
        assert len(body["items"]) <= FEW, "the list is longer than the limit that was asked for"
    if name in STORED:
        statement, said = STORED[name]
        wanted = stored(statement.format(id=known[KINDS[name]]))
        assert said(body) == pytest.approx(wanted), "the answer is not what the database has"


@pytest.mark.parametrize("name", CONDITIONAL)
def test_unchanged(name: str, reader: Login, contract: Contract, known: dict[str, Any]) -> None:
    """Who has the present representation gets 304 and no body, who has another one gets it."""
    path, query = asked(name, known)
    tag = reader.request("GET", path, params=query).headers.get("ETag")
    assert tag, "the answer has no ETag"
    same = reader.request("GET", path, params=query, headers={"If-None-Match": tag})
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers.get("ETag", "").removeprefix("W/") == tag.removeprefix("W/")
    contract.check(name, same)
    other = reader.request("GET", path, params=query, headers={"If-None-Match": '"other"'})
    assert other.status_code == OPERATIONS[name].status


@pytest.mark.parametrize("name", LISTS)
def test_pages(name: str, reader: Login, contract: Contract) -> None:
    """A list comes in pages that link to each other, and no item is on two of them."""
    path = OPERATIONS[name].path.removeprefix(BASE)
    first = reader.request("GET", path, params={"limit": 1})
    following = link(first, "next")
    assert link(first, "prev") is None, "the first page has one before it"
    second = reader.request("GET", path, params={"limit": 1, "offset": 1})
    contract.check(name, second)
    ids = [item["id"] for page in (first, second) for item in page.json()["items"]]
    assert len(set(ids)) == len(ids), f"an item is on two pages: {ids}"
    assert bool(following) == bool(second.json()["items"]), "next is not where a next page is"
    if following:
        query = parse_qs(urlsplit(following).query)
        assert (query["limit"], "after" in query, "offset" in query) == (["1"], True, False), following
        answer = reader.request("GET", following.removeprefix(BASE))
        contract.check(name, answer)
        assert answer.json()["items"] == second.json()["items"], "after and offset lead to different pages"
        assert link(answer, "prev") is None, "a cursor leads back"
        assert link(second, "prev"), "the page behind an offset has none before it"
