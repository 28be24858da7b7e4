"""The catalogue."""

from ..frame.call import Reply, operation
from ..frame.pagination import page
from ..records import find, listing, matching, read
from ..resources.product import PRODUCT, PRODUCT_DETAIL


def _best_sellers(call):
    """Return a page of products by quantity sold, the unsold ones last by id."""
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


@operation("listProducts")
def list_products(call):
    return _best_sellers(call) if call.query["sort"] == "-sales" else listing(call, PRODUCT)


@operation("getProduct")
def get_product(call):
    return Reply(200, read(find(call, PRODUCT_DETAIL, call.path["id"]), PRODUCT_DETAIL)[0])
