"""The shop that is measured: verify's own users and till, and around them a shop that has grown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt

from tests.bench.host import Bench
from tests.bench.orders import Counter, Goods, screen_order
from tests.bench.subjects import Caller
from verify.clients.odoo_rpc import OdooSession, call, log_in
from verify.shop.callers import Caller as ApiCaller
from verify.shop.ledger import Ledger
from verify.shop.people import People, close_session, gather, open_session
from verify.shop.records import ensure, reference

DATA = Path(__file__).with_name("data.sql")
LANGUAGE = "fr_FR"
PER_SESSION = 200
NAME = "Bench"
TOKEN_SECONDS = 24 * 3600  # of the peers' tokens


@dataclass(frozen=True)
class Size:
    """How much the shop has grown: numbers of products, customers and orders."""

    products: int
    customers: int
    orders: int

    def __str__(self) -> str:
        return f"{self.products // 1000}k/{self.orders // 1000}k"


SIZES = (Size(1_000, 1_000, 10_000), Size(10_000, 5_000, 50_000), Size(100_000, 20_000, 200_000))


@dataclass(frozen=True)
class Shop:
    """Who calls and what is sold.

    Args:
        people: verify's users and till.
        odoo: the administrator's web session.
        sessions: web sessions of cashier and manager, by name.
        prototypes: variables of data.sql.
    """

    people: People
    odoo: OdooSession
    sessions: Mapping[str, OdooSession]
    prototypes: Mapping[str, int | str]


def prepare(bench: Bench) -> Shop:
    """Make users, till and prototypes on the host, by Odoo's own methods.

    Raises:
        OdooError: Odoo refused something.
    """
    password = str(bench.estate.variable("odoo_admin_password"))
    series = str(bench.estate.variable("odoo_series"))
    odoo = log_in(bench.site, bench.database, "admin", password)
    people = gather(odoo, bench.site, series, Ledger())
    sessions = {
        name: log_in(bench.site, bench.database, caller.login, caller.password)
        for name, caller in (("cashier", people.cashier), ("manager", people.manager))
    }
    company = _second_company(odoo)
    goods, service = (
        call(odoo, "product.product", "read", [number], ["product_tmpl_id"])[0]["product_tmpl_id"][0]
        for number in (people.product_id, people.service_id)
    )
    here = int(call(odoo, "res.users", "read", [odoo.user_id], ["company_id"])[0]["company_id"][0])
    prototypes: dict[str, int | str] = {
        "goods": goods,
        "service": service,
        "customer": people.customer_id,
        "company": company,
        "lang": LANGUAGE,
        "order_a": _sold(odoo, series, here, people.product_id),
        "order_b": _sold(odoo, series, company, people.service_id),
    }
    return Shop(people, odoo, sessions, prototypes)


def grow(bench: Bench, shop: Shop, size: Size) -> None:
    """Bring the shop to a size; what is there already stays."""
    numbers = {"products": size.products, "customers": size.customers, "orders": size.orders}
    bench.sql(DATA.read_text(), **shop.prototypes, **numbers, per_session=PER_SESSION)


def caller(bench: Bench, shop: Shop, name: str) -> Caller:
    """Return one of the shop's users as the API and its peers know them."""
    user: ApiCaller = getattr(shop.people, name)
    session = shop.sessions[name]
    until = int(datetime.now(UTC).timestamp()) + TOKEN_SECONDS
    token = jwt.encode({"uid": session.user_id, "exp": until}, bench.peer_secret, "HS256")
    return Caller(
        bearer=user.bearer(),
        peer_bearer={"Authorization": f"Bearer {token}"},
        cookie={"Cookie": f"session_id={session.client.cookies['session_id']}"},
        user_id=session.user_id,
        password=user.password,
        database=bench.database,
        lang="en_US",
    )


def _second_company(odoo: OdooSession) -> int:
    """Return the id of a second company with accounts, into which the administrator may look."""
    company = ensure(odoo, "res.company", f"{NAME} two", {})
    call(odoo, "res.users", "write", [odoo.user_id], {"company_ids": [[4, company]]})
    if not call(odoo, "account.account", "search", [["company_id", "=", company]], limit=1):
        chart = reference(odoo, "l10n_generic_coa.configurable_chart_template")
        call(
            odoo,
            "account.chart.template",
            "try_loading",
            [chart],
            context={"allowed_company_ids": [company]},
        )
    return company


def _sold(odoo: OdooSession, series: str, company: int, product: int) -> int:
    """Return the id of an order of a company, sold for cash in a session that is closed since.

    Its stock has moved when the session was closed, as Odoo does unless told otherwise, so that a copy of the
    order needs no pickings of its own.
    """
    inside = {"allowed_company_ids": [company]}
    mark = f"{NAME} {company}"

    def made(model: str, values: dict[str, Any]) -> int:
        return ensure(odoo, model, mark, values, context=inside)

    drawer = made("account.journal", {"type": "cash", "code": f"BN{company}"})
    method = made("pos.payment.method", {"journal_id": drawer})
    books = ensure(
        odoo,
        "account.journal",
        f"{mark} books",
        {"type": "general", "code": f"BG{company}"},
        context=inside,
    )
    values = {"payment_method_ids": [[6, 0, [method]]], "journal_id": books, "module_pos_hr": False}
    till = made("pos.config", values)
    if found := call(odoo, "pos.order", "search", [["config_id", "=", till], ["state", "=", "done"]]):
        return int(found[0])
    session = open_session(odoo, till, odoo.user_id)
    (config,) = call(odoo, "pos.config", "read", [till], ["pricelist_id"])
    counter = Counter(session, config["pricelist_id"][0], odoo.user_id, method)
    order = screen_order(counter, [(goods, 1) for goods in picked(odoo, [product])], "900-0001")
    (sold,) = call(odoo, "pos.order", "create_from_ui", [order])
    close_session(odoo, series, session)
    return int(sold["id"])


def picked(odoo: OdooSession, products: Sequence[int]) -> list[Goods]:
    """Return products with what they cost."""
    rows = call(odoo, "product.product", "read", list(products), ["lst_price", "taxes_id"])
    return [Goods(row["id"], row["lst_price"], tuple(row["taxes_id"])) for row in rows]
