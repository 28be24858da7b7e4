"""Categories of the point of sale."""

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
from .product import SEARCHED, literal

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
        ),
        Field("own_product_count", "pos_api_own_count", INTEGER, description="Without those below."),
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
