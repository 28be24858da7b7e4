"""Categories of the point of sale."""

from ..lean.readable import NotCompilable, narrow
from ..records import (
    ID,
    ID_SCHEMA,
    INTEGER,
    MOMENT,
    NAME,
    OPTIONAL_REFERENCE,
    Field,
    Filter,
    Resource,
)
from .product import SEARCHED, SOLD, literal


def _sold(scope):
    """Join {category: number of products on sale in it} into the query, and return its SQL."""
    products = scope.model.env["product.product"]
    products.check_access_rights("read")
    query = products._where_calc(SOLD)
    narrow(products, query)
    category = products._inherits_join_calc(products._table, "pos_categ_id", query)
    text, parameters = query.select(f"{category} AS id", "count(*) AS n")
    counts = (
        "SELECT coalesce(jsonb_object_agg(f.id, f.n) FILTER (WHERE f.id IS NOT NULL), '{}') AS counts"
        f" FROM ({text} GROUP BY 1) f"
    )
    scope.query._joins["sold"] = ("LEFT JOIN", counts, "TRUE", parameters)
    return '"sold".counts'


def _own_count(scope):
    return f"coalesce({_sold(scope)} ->> \"{scope.alias}\".id::text, '0')"


def _count(scope):
    if scope.model.env["ir.rule"]._compute_domain("pos.category", "read"):
        raise NotCompilable("some of the categories below may be hidden")
    return (
        "(WITH RECURSIVE down(id) AS ("
        f'SELECT "{scope.alias}".id'
        " UNION ALL SELECT c.id FROM pos_category c JOIN down ON c.parent_id = down.id"
        f") SELECT coalesce(sum(({_sold(scope)} ->> down.id::text)::integer), 0) FROM down)"
    )


CATEGORY = Resource(
    name="Category",
    model="pos.category",
    fields=(
        Field("id", "id", ID),
        Field("name", "name", NAME),
        Field("path", "display_name", NAME, description="Names from the top down to this category."),
        Field("parent", "parent_id", OPTIONAL_REFERENCE, description="null at the top."),
        Field("sequence", "sequence", INTEGER, description="Place in the till's own order."),
        Field(
            "product_count",
            "pos_api_count",
            INTEGER,
            description="Products of it and of those below, as GET /products?category_id= lists them.",
            sql=_count,
        ),
        Field(
            "own_product_count",
            "pos_api_own_count",
            INTEGER,
            description="Without those below.",
            sql=_own_count,
        ),
        Field("updated_at", "write_date", MOMENT),
    ),
    filters=(
        Filter("q", SEARCHED, lambda value: [("name", "ilike", literal(value))], "Part of the name."),
        Filter(
            "parent_id", ID_SCHEMA, lambda value: [("parent_id", "=", value)], "One level: those right below."
        ),
        Filter(
            "top",
            {"type": "boolean"},
            lambda value: [("parent_id", "=" if value else "!=", False)],
            "Whether to list the categories at the top, or all but them.",
        ),
    ),
    sorts={"sequence": "sequence, name, id", "name": "name, id", "id": "id"},
    kept=True,
)
