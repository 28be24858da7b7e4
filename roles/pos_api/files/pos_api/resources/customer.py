"""Customers: the contacts that Odoo's own till loads, which are all that the user may read."""

from odoo.osv.expression import OR

from ..frame.principal import MANAGER, role_of
from ..lean.readable import readable
from ..records import (
    BOOLEAN,
    ID,
    MOMENT,
    NAME,
    OPTIONAL_REFERENCE,
    TEXT,
    Computed,
    Field,
    Filter,
    Resource,
)
from .product import IDS, SEARCHED, literal

SEARCHED_COLUMNS = ("display_name", "email", "phone", "mobile", "barcode")
FIELDS = (
    Field("id", "id", ID),
    Field("name", "display_name", NAME, description="Of a company's contact: the company's too."),
    Field("is_company", "is_company", BOOLEAN, writable=True),
    Field("email", "email", TEXT, writable=True),
    Field("phone", "phone", TEXT, writable=True),
    Field("mobile", "mobile", TEXT, writable=True),
    Field("barcode", "barcode", TEXT, writable=True, description="Of the card; each company's own."),
    Field("vat", "vat", TEXT, writable=True, description="Tax number."),
    Field("street", "street", TEXT, writable=True),
    Field("street2", "street2", TEXT, writable=True),
    Field("zip", "zip", TEXT, writable=True),
    Field("city", "city", TEXT, writable=True),
    Field("state", "state_id", OPTIONAL_REFERENCE),
    Field("country", "country_id", OPTIONAL_REFERENCE),
    Field("updated_at", "write_date", MOMENT),
)


def _contains(text):
    return OR([[(column, "ilike", literal(text))] for column in SEARCHED_COLUMNS])


def _order_count(customer):
    """Return how many orders the caller may see that are the customer's or one of its contacts', as Odoo
    counts them since 15.0."""
    env = customer.env
    theirs = customer.with_context(active_test=False).search([("id", "child_of", customer.id)])
    own = [] if role_of(env.user) == MANAGER else [("session_id.user_id", "=", env.uid)]
    return env["pos.order"].search_count([("partner_id", "in", theirs.ids), *own])


def _order_count_sql(scope):
    env = scope.model.env
    own = [] if role_of(env.user) == MANAGER else [("session_id.user_id", "=", env.uid)]
    partners = env["res.partner"].with_context(active_test=False)
    theirs = readable(partners, [], '"res_partner".id IN (SELECT id FROM down)', '"res_partner".id')
    orders = readable(env["pos.order"], own, f'"pos_order".partner_id IN ({theirs})', "count(*)")
    return (
        f'(WITH RECURSIVE down(id) AS (SELECT "{scope.alias}".id UNION ALL'
        f" SELECT c.id FROM res_partner c JOIN down ON c.parent_id = down.id) {orders})"
    )


CUSTOMER = Resource(
    name="Customer",
    model="res.partner",
    fields=FIELDS,
    filters=(
        Filter("q", SEARCHED, _contains, "Part of the name, e-mail address, phone number or barcode."),
        Filter("barcode", SEARCHED, lambda value: [("barcode", "=", value)], "Exact barcode."),
        Filter("ids", IDS, lambda value: [("id", "in", value)], "Ids, separated by commas."),
    ),
    sorts={"id": "id", "name": "display_name, id"},
)
CUSTOMER_DETAIL = Resource(
    name="CustomerDetail",
    model="res.partner",
    fields=(
        *FIELDS,
        Field("company", "parent_id", OPTIONAL_REFERENCE, description="Whose contact it is."),
        Field("language", "lang", TEXT),
        Field("pricelist", "property_product_pricelist", OPTIONAL_REFERENCE),
        Field("fiscal_position", "property_account_position_id", OPTIONAL_REFERENCE),
    ),
    computed=(
        Computed(
            "order_count",
            _order_count,
            {"type": "integer"},
            "Orders of the point of sale, those of its contacts too: a manager's count has all, a cashier's"
            " those of own sessions.",
            _order_count_sql,
        ),
    ),
)
