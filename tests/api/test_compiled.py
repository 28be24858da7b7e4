"""Lists give what Odoo's own search_read gives to the same user, whatever is in the records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.client import Caller
from tests.api.shop import Shop
from verify.clients import odoo_rpc

pytestmark = pytest.mark.hosts

EXAMPLES = 12
CALLS = 4  # of each list: the first ones teach each worker
LANGUAGES = ("en_US", "fr_FR")
Value = Callable[[Any], Any]


def text(value: Any) -> Any:
    """Return a text, null for none."""
    return value or None


def name(value: Any) -> str:
    """Return a text, an empty one for none."""
    return value or ""


def moment(value: Any) -> Any:
    """Return a moment of Odoo's as RFC 3339 has it."""
    return f"{value.replace(' ', 'T')}Z" if value else None


def reference(value: Any) -> Any:
    """Return a many2one."""
    return {"id": value[0], "name": value[1]} if value else None


def code(value: Any) -> str:
    """Return the name of a many2one."""
    return str(value[1])


def number(value: Any) -> float:
    """Return a number without binary noise."""
    return round(float(value), 6)


@dataclass(frozen=True)
class Listed:
    """A list, and how search_read gives the same.

    Args:
        model: Odoo's model.
        columns: By member: Odoo's field, and what makes the member of it.
        domain: What the API lists of the model.
        context: Odoo's context beside the language.
        own: Domain of what a cashier sees of it, with the user's id put in.
    """

    model: str
    columns: dict[str, tuple[str, Value]]
    domain: tuple[Any, ...] = ()
    context: tuple[tuple[str, Any], ...] = ()
    own: str = ""


def same(value: Any) -> Any:
    """Return the value."""
    return value


LISTS = {
    "listProducts": Listed(
        "product.product",
        {
            "id": ("id", same),
            "name": ("display_name", name),
            "code": ("default_code", text),
            "barcode": ("barcode", text),
            "price": ("lst_price", number),
            "category": ("pos_categ_id", reference),
            "uom": ("uom_id", reference),
            "tracking": ("tracking", same),
            "updated_at": ("write_date", moment),
        },
        (("available_in_pos", "=", True), ("sale_ok", "=", True)),
        (("display_default_code", False),),
    ),
    "listCategories": Listed(
        "pos.category",
        {
            "id": ("id", same),
            "name": ("name", name),
            "path": ("display_name", name),
            "parent": ("parent_id", reference),
            "sequence": ("sequence", same),
            "product_count": ("pos_api_count", same),
            "own_product_count": ("pos_api_own_count", same),
            "updated_at": ("write_date", moment),
        },
    ),
    "listCustomers": Listed(
        "res.partner",
        {
            "id": ("id", same),
            "name": ("display_name", name),
            "is_company": ("is_company", bool),
            **{column: (column, text) for column in ("email", "phone", "mobile", "barcode", "vat")},
            **{column: (column, text) for column in ("street", "street2", "zip", "city")},
            "state": ("state_id", reference),
            "country": ("country_id", reference),
            "updated_at": ("write_date", moment),
        },
    ),
    "listOrders": Listed(
        "pos.order",
        {
            "id": ("id", same),
            "name": ("name", name),
            "receipt_number": ("pos_reference", text),
            "state": ("state", same),
            "ordered_at": ("date_order", moment),
            "session": ("session_id", reference),
            "user": ("user_id", reference),
            "customer": ("partner_id", reference),
            "note": ("note", text),
            "pricelist": ("pricelist_id", reference),
            "fiscal_position": ("fiscal_position_id", reference),
            "total": ("amount_total", number),
            "tax": ("amount_tax", number),
            "paid": ("amount_paid", number),
            "invoice": ("account_move", reference),
            "currency": ("currency_id", code),
            "updated_at": ("write_date", moment),
        },
        own="session_id.user_id",
    ),
    "listSessions": Listed(
        "pos.session",
        {
            "id": ("id", same),
            "name": ("name", name),
            "state": ("state", same),
            "opened_at": ("start_at", moment),
            "closed_at": ("stop_at", moment),
            "user": ("user_id", reference),
            "currency": ("currency_id", code),
            "rescue": ("rescue", bool),
            "update_stock_at_closing": ("update_stock_at_closing", bool),
            "updated_at": ("write_date", moment),
        },
        own="user_id",
    ),
    "listEmployees": Listed(
        "hr.employee.public",
        {
            "id": ("id", same),
            "name": ("name", name),
            "job_title": ("job_title", text),
            "work_email": ("work_email", text),
            "work_phone": ("work_phone", text),
            "company": ("company_id", reference),
            "user": ("user_id", reference),
            "active": ("active", bool),
            "updated_at": ("write_date", moment),
        },
        (("active", "=", True),),
    ),
}


@dataclass(frozen=True)
class Reader:
    """A user by both ways: the API's, and Odoo's own web client."""

    caller: Caller
    odoo: odoo_rpc.OdooSession
    manager: bool


@pytest.fixture(scope="module")
def readers(shop: Shop) -> dict[str, Reader]:
    """A cashier and a manager of one company, and one of each of another."""
    company = shop["other"]["company"]
    values = {"login": "odd", "company_id": company, "company_ids": [[6, 0, [company]]]}
    other = odoo_rpc.call(shop.administrator, "res.users", "copy", shop["users"]["anna"], values)
    shop.passwords["odd"] = "odd-" + shop.passwords["anna"]
    odoo_rpc.call(shop.administrator, "res.users", "write", [other], {"password": shop.passwords["odd"]})
    database = shop.value("SELECT current_database()")
    return {
        login: Reader(
            shop.caller(login), odoo_rpc.log_in(shop.site, database, login, shop.passwords[login]), manager
        )
        for login, manager in (("anna", False), ("mona", True), ("odd", False), ("stranger", True))
    }


def in_all_companies(shop: Shop) -> dict[str, Any]:
    """Return the context of Odoo's client with every company chosen."""
    return {"allowed_company_ids": [shop["company"], shop["other"]["company"]]}


@pytest.fixture(scope="module")
def records(shop: Shop) -> dict[str, list[int]]:
    """Records that the examples change, and a second language for them."""
    admin = shop.administrator
    everywhere = {"company_ids": [[4, shop["other"]["company"]]]}
    odoo_rpc.call(admin, "res.users", "write", [admin.user_id], everywhere)
    wizard = odoo_rpc.call(admin, "base.language.install", "create", {"lang": "fr_FR", "overwrite": False})
    odoo_rpc.call(admin, "base.language.install", "lang_install", [wizard])
    return {
        "product.product": [
            odoo_rpc.call(
                admin, "product.product", "create",
                {"name": f"example {n}", "available_in_pos": True, "company_id": company},
                context=in_all_companies(shop),
            )
            for n, company in enumerate((False, False, shop["company"], shop["other"]["company"]))
        ],
        "res.partner": [
            odoo_rpc.call(admin, "res.partner", "create", {"name": f"example {n}"}) for n in range(3)
        ],
        "pos.category": [
            odoo_rpc.call(admin, "pos.category", "create", {"name": f"example {n}"}) for n in range(3)
        ],
    }  # fmt: skip


TEXTS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\0"), min_size=1, max_size=30
).filter(lambda found: found.strip() == found)
PRICES = st.integers(0, 10**9).map(lambda cents: cents / 100)


def written(shop: Shop, records: dict[str, list[int]], data: st.DataObject) -> None:
    """Change the records as Odoo's own client does."""
    admin = shop.administrator

    def put(model: str, number: int, values: dict[str, Any], lang: str = "en_US") -> None:
        context = {"lang": lang, **in_all_companies(shop)}
        odoo_rpc.call(admin, model, "write", [number], values, context=context)

    for number in records["pos.category"]:
        put("pos.category", number, {"name": data.draw(TEXTS), "sequence": data.draw(st.integers(0, 3))})
        put("pos.category", number, {"name": data.draw(TEXTS)}, "fr_FR")
    for number in records["product.product"]:
        categories = st.sampled_from([False, *records["pos.category"]])
        values = {
            "name": data.draw(TEXTS),
            "list_price": data.draw(PRICES),
            "default_code": data.draw(st.one_of(st.just(False), TEXTS)),
            "pos_categ_id": data.draw(categories),
            "sale_ok": data.draw(st.booleans()),
        }
        put("product.product", number, values)
        put("product.product", number, {"name": data.draw(TEXTS)}, "fr_FR")
    for number in records["res.partner"]:
        put(
            "res.partner", number,
            {"name": data.draw(TEXTS), "street": data.draw(st.one_of(st.just(False), TEXTS))},
        )  # fmt: skip


def expected(reader: Reader, listed: Listed, lang: str) -> list[dict[str, Any]]:
    """Return what the list has to show, by search_read with the reader's own rights."""
    domain = [list(leaf) for leaf in listed.domain]
    if listed.own and not reader.manager:
        domain.append([listed.own, "=", reader.odoo.user_id])
    rows = odoo_rpc.call(
        reader.odoo,
        listed.model,
        "search_read",
        domain,
        sorted({column for column, _value in listed.columns.values()}),
        order="id",
        limit=100,
        context={"lang": lang, "active_test": listed.model != "hr.employee.public", **dict(listed.context)},
    )
    return [
        {member: value(row[column]) for member, (column, value) in listed.columns.items()} for row in rows
    ]


def test_lists_are_what_search_read_gives(
    shop: Shop, readers: dict[str, Reader], records: dict[str, list[int]]
) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        written(shop, records, data)
        lang = data.draw(st.sampled_from(LANGUAGES))
        for reader in readers.values():
            odoo_rpc.call(shop.administrator, "res.users", "write", [reader.odoo.user_id], {"lang": lang})
            for operation, listed in LISTS.items():
                wanted = expected(reader, listed, lang)
                for _ in range(CALLS):
                    page = reader.caller.get(operation, query={"limit": 100, "sort": "id"})
                    shown = [{member: item[member] for member in listed.columns} for item in page["items"]]
                    assert shown == wanted, (operation, reader.caller.login, lang)

    holds()
