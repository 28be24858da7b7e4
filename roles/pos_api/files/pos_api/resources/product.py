"""Products of the point of sale."""

import re

from odoo.osv.expression import OR

from ..pricing import list_price, taxes_for
from ..records import (
    BOOLEAN,
    ID,
    ID_SCHEMA,
    MOMENT,
    NAME,
    NUMBER,
    OPTIONAL_REFERENCE,
    REFERENCE,
    REFERENCE_SCHEMA,
    TEXT,
    Computed,
    Field,
    Filter,
    Resource,
    choice,
    listed,
    nullable,
    number,
    record,
)
from . import product_sql
from .session import open_sessions

SOLD = [("available_in_pos", "=", True), ("sale_ok", "=", True)]
PRICE = {"type": "number", "minimum": 0, "maximum": 1000000000}
SEARCHED = {"type": "string", "minLength": 1, "maxLength": 100}
IDS = {"type": "array", "items": ID_SCHEMA, "minItems": 1, "maxItems": 100}
FIELDS = (
    Field("id", "id", ID),
    Field("name", "display_name", NAME),
    Field("code", "default_code", TEXT),
    Field("barcode", "barcode", TEXT),
    Field("price", "lst_price", NUMBER, writable=True, description="Public price, before pricelists."),
    Field("category", "pos_categ_id", OPTIONAL_REFERENCE),
    Field("uom", "uom_id", REFERENCE),
    Field("tracking", "tracking", choice("none", "lot", "serial")),
    Field("updated_at", "write_date", MOMENT),
)


def literal(text):
    """Return a text that stands for itself in a LIKE pattern."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _contains(text):
    return OR([[(column, "ilike", literal(text))] for column in ("name", "default_code", "barcode")])


FILTERS = (
    Filter("q", SEARCHED, _contains, "Part of the name, code or barcode."),
    Filter("barcode", SEARCHED, lambda value: [("barcode", "=", value)], "Exact barcode."),
    Filter(
        "category_id",
        ID_SCHEMA,
        lambda value: [("pos_categ_id", "child_of", value)],
        "Point of sale category, with those below it.",
    ),
    Filter("ids", IDS, lambda value: [("id", "in", value)], "Ids, separated by commas."),
    Filter(
        "price_min",
        PRICE,
        lambda value: [("list_price", ">=", value)],
        "Least public price, before what variants add.",
    ),
    Filter(
        "price_max",
        PRICE,
        lambda value: [("list_price", "<=", value)],
        "Greatest public price, before what variants add.",
    ),
)


def _company_taxes(product):
    return product.taxes_id.filtered(lambda tax: tax.company_id == product.env.company)


def _taxes(product):
    return [
        {
            "id": tax.id,
            "name": tax.name,
            "amount": number(tax.amount),
            "amount_type": tax.amount_type,
            "price_include": tax.price_include,
        }
        for tax in _company_taxes(product)
    ]


def _config(env):
    """Return the point of sale that prices are for: the caller's open one, or else the company's first."""
    session = open_sessions(env, env.uid)[:1]
    return session.config_id or env["pos.config"].search(
        [("company_id", "=", env.company.id)], order="id", limit=1
    )


def _pricing(product):
    env, config = product.env, _config(product.env)
    if not config.pricelist_id:
        return None
    # never saved; it stands for an order without a customer, so that the price is the one that is charged
    order = env["pos.order"].new(
        {
            "company_id": config.company_id.id,
            "pricelist_id": config.pricelist_id.id,
            "fiscal_position_id": (config.default_fiscal_position_id & config.fiscal_position_ids).id,
        }
    )
    price = list_price(order, product, 1.0)
    amounts = taxes_for(order, product).compute_all(
        price, config.pricelist_id.currency_id, 1.0, product=product
    )
    return {
        "pricelist": {"id": config.pricelist_id.id, "name": config.pricelist_id.name},
        "currency": config.pricelist_id.currency_id.name,
        "price": number(price),
        "price_without_tax": number(amounts["total_excluded"]),
        "price_with_tax": number(amounts["total_included"]),
    }


def _variants(product):
    return [
        {
            "id": variant.id,
            "name": variant.display_name,
            "attributes": {
                value.attribute_id.name: value.name for value in variant.product_template_attribute_value_ids
            },
        }
        for variant in product.product_tmpl_id.product_variant_ids.filtered_domain(SOLD)
    ]


def _known(call):
    """Return the domain of the products that a caller may read by id: those on sale, and for a manager, who
    takes products out and brings them back, also those that are not offered at the tills."""
    return [("sale_ok", "=", True)] if call.principal.is_manager else SOLD


NAMES = {"display_default_code": False}  # as the till shows them: the code stands beside the name
TAX = record(
    id=ID_SCHEMA,
    name={"type": "string"},
    amount={"type": "number"},
    amount_type={"type": "string"},
    price_include={"type": "boolean"},
)
PRICING = record(
    pricelist=REFERENCE_SCHEMA,
    currency={"type": "string"},
    price={"type": "number"},
    price_without_tax={"type": "number"},
    price_with_tax={"type": "number"},
)
VARIANT = record(
    id=ID_SCHEMA,
    name={"type": "string"},
    attributes={"type": "object", "additionalProperties": {"type": "string"}},
)
PRODUCT = Resource(
    name="Product",
    model="product.product",
    fields=FIELDS,
    filters=FILTERS,
    sorts={"id": "id", "-sales": None},
    scope=lambda call: SOLD,
    context=NAMES,
    kept=True,
)
PRODUCT_DETAIL = Resource(
    name="ProductDetail",
    model="product.product",
    fields=(
        *FIELDS,
        Field("description", "description_sale", TEXT),
        Field(
            "available_in_pos",
            "available_in_pos",
            BOOLEAN,
            writable=True,
            description="false is seen by managers only; to anyone else such a product is a 404.",
        ),
    ),
    computed=(
        Computed("taxes", _taxes, listed(TAX), sql=product_sql.taxes),
        Computed(
            "pricing",
            _pricing,
            nullable(PRICING),
            "Price for one unit at the caller's open point of sale, or the company's first.",
            product_sql.pricing,
        ),
        Computed("variants", _variants, listed(VARIANT), sql=product_sql.variants),
    ),
    scope=_known,
    context=NAMES,
    kept=True,
)


def _quantities(product, warehouse):
    """Return Odoo's own quantities of a product in a warehouse, in the product's unit."""
    there = product.with_context(warehouse=warehouse.id)
    return {
        "warehouse": {"id": warehouse.id, "name": warehouse.name},
        "on_hand": number(there.qty_available),
        "reserved": number(there.qty_available - there.free_qty),
        "available": number(there.free_qty),
        "incoming": number(there.incoming_qty),
        "outgoing": number(there.outgoing_qty),
        "forecast": number(there.virtual_available),
    }


def stock(product):
    """Return the stock of a product in each warehouse of the caller's companies."""
    stored = product.type == "product"
    warehouses = product.env["stock.warehouse"].search([]) if stored else ()
    return {
        "product": {"id": product.id, "name": product.display_name},
        "uom": {"id": product.uom_id.id, "name": product.uom_id.name},
        "stored": stored,
        "warehouses": [_quantities(product, warehouse) for warehouse in warehouses],
    }
