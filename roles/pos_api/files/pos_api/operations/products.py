"""The catalogue."""

from ..frame import keyset
from ..frame.call import Reply, operation
from ..frame.pagination import page
from ..frame.problems import invalid
from ..records import find, listing, matching, read, write
from ..resources.product import PRODUCT, PRODUCT_DETAIL, stock


def _best_sellers(call):
    """Return a page of products by quantity sold, the unsold ones last by id."""
    keyset.refuse(call, PRODUCT.sorts["-sales"])
    model, domain = matching(call, PRODUCT)
    ids = model.search(domain, order="id").ids
    sold = {
        group["product_id"][0]: group["product_qty"]
        for group in call.env["report.pos.order"].read_group(
            [("product_id", "in", ids)], ["product_id", "product_qty"], ["product_id"]
        )
    }
    ranked = sorted(ids, key=lambda number: (-sold.get(number, 0), number))
    offset = call.query["offset"]
    return page(call, read(model.browse(ranked[offset : offset + call.query["limit"] + 1]), PRODUCT))


@operation("listProducts", lean=PRODUCT)
def list_products(call):
    return _best_sellers(call) if call.query["sort"] == "-sales" else listing(call, PRODUCT)


def _shown(call):
    return read(find(call, PRODUCT_DETAIL, call.path["id"]), PRODUCT_DETAIL)[0]


@operation("getProduct", lean=PRODUCT_DETAIL)
def get_product(call):
    return Reply(200, _shown(call))


@operation("changeProduct", current=_shown)
def change_product(call):
    product, body, values = find(call, PRODUCT_DETAIL, call.path["id"]), call.body, {}
    # Odoo would give the product a negative price, to which the variant's extra is added
    if body.get("price", product.price_extra) < product.price_extra:
        raise invalid(("/price", f"must be at least what this variant adds: {product.price_extra:g}"))
    if "category_id" in body:
        category = call.env["pos.category"].search([("id", "=", body["category_id"])])
        if body["category_id"] and not category:
            raise invalid(("/category_id", "is no category of the point of sale"))
        values["pos_categ_id"] = category.id
    if body:
        write(product, PRODUCT_DETAIL, body, **values)
    return Reply(200, read(product, PRODUCT_DETAIL)[0])


@operation("getProductStock")
def get_product_stock(call):
    return Reply(200, stock(find(call, PRODUCT_DETAIL, call.path["id"])))
