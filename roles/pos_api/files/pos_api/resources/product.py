"""Products of the point of sale."""

from ..records import Field, Resource, moment, number, reference, text
from .session import open_sessions

SOLD = [("available_in_pos", "=", True), ("sale_ok", "=", True)]
FIELDS = (
    Field("id", "id"),
    Field("name", "display_name"),
    Field("code", "default_code", text),
    Field("barcode", "barcode", text),
    Field("price", "lst_price", number),
    Field("category", "pos_categ_id", reference),
    Field("uom", "uom_id", reference),
    Field("tracking", "tracking"),
    Field("updated_at", "write_date", moment),
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
    pricelist = _config(product.env).pricelist_id
    if not pricelist:
        return None
    price = pricelist.get_product_price(product, 1.0, None)
    amounts = _company_taxes(product).compute_all(price, pricelist.currency_id, 1.0, product=product)
    return {
        "pricelist": {"id": pricelist.id, "name": pricelist.name},
        "currency": pricelist.currency_id.name,
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


PRODUCT = Resource(model="product.product", fields=FIELDS)
PRODUCT_DETAIL = Resource(
    model="product.product",
    fields=(*FIELDS, Field("description", "description_sale", text)),
    computed=(("taxes", _taxes), ("pricing", _pricing), ("variants", _variants)),
)
