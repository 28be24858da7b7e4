"""What is read, as the API and as its peers are asked for it: the same records with the same columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode
from xmlrpc.client import dumps

from tests.bench.wrk import Shot
from verify.clients.api import BASE

LIMIT = 20
JSON = {"Content-Type": "application/json"}
RESULT = '"result":'  # JSON-RPC says 200 for errors too


@dataclass(frozen=True)
class Subject:
    """Records that are listed.

    Args:
        name: in the result.
        path: of the API's list, below `BASE`.
        model: Odoo's.
        domain: what the API's list is restricted to, for a caller who may see all of it.
        fields: the columns that the API shows.
        caller: which of verify's users may see enough of them.
        fresh: a filter that lets everything through, with a value that no request had before: query of the
            API, and the condition in Odoo's domain.
    """

    name: str
    path: str
    model: str
    domain: tuple[Any, ...]
    fields: tuple[str, ...]
    caller: str
    fresh: tuple[str, tuple[str, str, Any]]


PRODUCTS = Subject(
    name="products",
    path="/products",
    model="product.product",
    domain=(("available_in_pos", "=", True), ("sale_ok", "=", True)),
    fields=(
        "display_name",
        "default_code",
        "barcode",
        "lst_price",
        "pos_categ_id",
        "uom_id",
        "tracking",
        "write_date",
    ),
    caller="cashier",
    fresh=("price_max=@fresh@", ("list_price", "<=", "@fresh@")),
)
CUSTOMERS = Subject(
    name="customers",
    path="/customers",
    model="res.partner",
    domain=(),
    fields=(
        "display_name",
        "is_company",
        "email",
        "phone",
        "mobile",
        "barcode",
        "vat",
        "street",
        "street2",
        "zip",
        "city",
        "state_id",
        "country_id",
        "write_date",
    ),
    caller="cashier",
    fresh=("", ("id", ">", 0)),
)
ORDERS = Subject(
    name="orders",
    path="/orders",
    model="pos.order",
    domain=(),
    fields=(
        "name",
        "pos_reference",
        "state",
        "date_order",
        "session_id",
        "user_id",
        "partner_id",
        "note",
        "pricelist_id",
        "fiscal_position_id",
        "amount_total",
        "amount_tax",
        "amount_paid",
        "account_move",
        "write_date",
        "currency_id",
    ),
    caller="manager",
    fresh=("", ("id", ">", 0)),
)
SUBJECTS = (PRODUCTS, CUSTOMERS, ORDERS)


@dataclass(frozen=True)
class Caller:
    """One user as each of the ways in knows them.

    Args:
        bearer: the API's header.
        peer_bearer: the header of the peers with a token of their own.
        cookie: header with the web session.
        user_id: in Odoo.
        password: for XML-RPC.
        database: for XML-RPC.
        lang: the user's.
    """

    bearer: Mapping[str, str]
    peer_bearer: Mapping[str, str]
    cookie: Mapping[str, str]
    user_id: int
    password: str
    database: str
    lang: str


def ours_list(subject: Subject, caller: Caller, *, fresh: bool) -> Shot:
    """Return the API's list, as the same request each time or with a filter that is new each time."""
    more = f"&{subject.fresh[0]}" if fresh and subject.fresh[0] else ""
    return Shot(f"{BASE}{subject.path}?limit={LIMIT}{more}", headers=dict(caller.bearer))


def ours_record(subject: Subject, caller: Caller, ids: tuple[int, ...]) -> Shot:
    """Return the API's read of one record, another one each time."""
    return Shot(f"{BASE}{subject.path}/@id@", headers=dict(caller.bearer), ids=ids)


def domain_of(subject: Subject, fresh: bool) -> list[Any]:
    """Return Odoo's domain of a subject's list."""
    return [*map(list, subject.domain), *([list(subject.fresh[1])] if fresh else [])]


def json_rpc(model: str, method: str, arguments: list[Any], keywords: dict[str, Any], caller: Caller) -> Shot:
    """Return a call of a method by Odoo's own JSON-RPC, as its web client sends it."""
    keywords = {**keywords, "context": {"lang": caller.lang, "tz": "UTC", "uid": caller.user_id}}
    parameters = {"model": model, "method": method, "args": arguments, "kwargs": keywords}
    body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": parameters})
    return Shot(
        f"/web/dataset/call_kw/{model}/{method}",
        "POST",
        {**JSON, **caller.cookie},
        _numbers(body),
        wanted=RESULT,
    )


def stock_floor(caller: Caller) -> Shot:
    """Return a call of Odoo's own that reads no records: the session's user."""
    return json_rpc("res.users", "has_group", ["base.group_user"], {}, caller)


def stock_list(subject: Subject, caller: Caller, *, fresh: bool) -> Shot:
    """Return the stock server's list of the same records."""
    keywords = {
        "domain": domain_of(subject, fresh),
        "fields": list(subject.fields),
        "limit": LIMIT,
        "order": "id",
    }
    return json_rpc(subject.model, "search_read", [], keywords, caller)


def stock_record(subject: Subject, caller: Caller, ids: tuple[int, ...]) -> Shot:
    """Return the stock server's read of one record."""
    shot = json_rpc(subject.model, "read", [["@id@"]], {"fields": list(subject.fields)}, caller)
    return Shot(shot.path, shot.method, shot.headers, shot.body, shot.wanted, ids)


def xml_rpc_list(subject: Subject, caller: Caller, *, fresh: bool) -> Shot:
    """Return the same list by XML-RPC, which asks for the password each time."""
    keywords = {
        "fields": list(subject.fields),
        "limit": LIMIT,
        "order": "id",
        "context": {"lang": caller.lang},
    }
    arguments = (
        caller.database,
        caller.user_id,
        caller.password,
        subject.model,
        "search_read",
        [domain_of(subject, fresh)],
        keywords,
    )
    body = dumps(arguments, "execute_kw").replace("<string>@fresh@</string>", "<double>@fresh@</double>")
    return Shot("/xmlrpc/2/object", "POST", {"Content-Type": "text/xml"}, body, wanted="<params>")


def plain_list(subject: Subject, caller: Caller, *, fresh: bool) -> Shot:
    """Return the same list by the plain route of peer_addon/bench_peer."""
    asked = {
        "model": subject.model,
        "domain": domain_of(subject, fresh),
        "fields": list(subject.fields),
        "limit": LIMIT,
        "lang": caller.lang,
    }
    # As application/json Odoo would take it for JSON-RPC.
    headers = {"Content-Type": "text/plain", **caller.peer_bearer}
    return Shot("/bench/read", "POST", headers, _numbers(json.dumps(asked)), wanted='[{"id":')


def base_rest_list(subject: Subject, caller: Caller, *, fresh: bool) -> Shot:
    """Return the same list by the service of peer_addon/bench_peer_rest."""
    asked = {
        "model": subject.model,
        "domain": _numbers(json.dumps(domain_of(subject, fresh))),
        "fields": ",".join(subject.fields),
        "limit": LIMIT,
        "lang": caller.lang,
    }
    path = f"/bench/rest/read/list?{urlencode(asked, quote_via=quote, safe='@')}"
    return Shot(path, headers=dict(caller.cookie), wanted='"values":')


def _numbers(body: str) -> str:
    """Return a body whose places to fill stand for numbers, and no text."""
    return body.replace('"@fresh@"', "@fresh@").replace('"@id@"', "@id@")
