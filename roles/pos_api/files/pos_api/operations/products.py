"""The catalogue."""

import re

from odoo.osv.expression import AND, OR

from ..frame.call import Reply, operation
from ..frame.pagination import page
from ..frame.problems import Problem
from ..records import read
from ..resources.product import PRODUCT, PRODUCT_DETAIL, SOLD


def _literal(text):
    """Return a text that stands for itself in a LIKE pattern."""
    return re.sub(r"([\\%_])", r"\\\1", text)


# parameter: the domain it stands for
FILTERS = {
    "q": lambda text: OR(
        [[(column, "ilike", _literal(text))] for column in ("name", "default_code", "barcode")]
    ),
    "barcode": lambda barcode: [("barcode", "=", barcode)],
    "category_id": lambda category: [("pos_categ_id", "child_of", category)],
    "ids": lambda ids: [("id", "in", ids)],
    "price_min": lambda price: [("list_price", ">=", price)],
    "price_max": lambda price: [("list_price", "<=", price)],
}


def _catalogue(env):
    """Return the product model, with names as the till shows them (the code stands beside the name)."""
    return env["product.product"].with_context(display_default_code=False)


def _best_sellers(env, domain, limit, offset):
    """Return a page of products by quantity sold, the unsold ones last by id."""
    ids = _catalogue(env).search(domain, order="id").ids
    sold = {
        group["product_id"][0]: group["product_qty"]
        for group in env["report.pos.order"].read_group(
            [("product_id", "in", ids)], ["product_id", "product_qty"], ["product_id"]
        )
    }
    ranked = sorted(ids, key=lambda number: (-sold.get(number, 0), number))
    return _catalogue(env).browse(ranked[offset : offset + limit])


@operation("listProducts")
def list_products(call):
    query = call.query
    domain = AND([SOLD, *(FILTERS[name](query[name]) for name in FILTERS if name in query)])
    limit, offset = query["limit"] + 1, query["offset"]
    if query["sort"] == "-sales":
        products = _best_sellers(call.env, domain, limit, offset)
    else:
        products = _catalogue(call.env).search(domain, limit=limit, offset=offset, order="id")
    return page(call, read(products, PRODUCT))


@operation("getProduct")
def get_product(call):
    product = _catalogue(call.env).search([*SOLD, ("id", "=", call.path["id"])])
    if not product:
        raise Problem(404, "There is no such product in the point of sale.")
    return Reply(200, read(product, PRODUCT_DETAIL)[0])
