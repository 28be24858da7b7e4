"""What tills keep copies of, in the order in which it is sent: what others refer to comes first.

Within these copies, other records of them stand as ids, so that a new name of one makes no other one stale.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..records import (
    BOOLEAN,
    ID,
    ID_SCHEMA,
    INTEGER,
    MOMENT,
    MOMENT_SCHEMA,
    NAME,
    NUMBER,
    REFERENCE,
    TEXT,
    Computed,
    Field,
    Kind,
    Resource,
    choice,
    listed,
    moment,
    nullable,
)
from .customer import CUSTOMER
from .payment import PAYMENT_METHOD
from .product import NAMES, SOLD

KEY = Kind(lambda value: value[0], ID_SCHEMA)
OPTIONAL_KEY = Kind(lambda value: value[0] if value else None, nullable(ID_SCHEMA))
KEYS = Kind(sorted, listed(ID_SCHEMA))

SYNC_CATEGORY = Resource(
    name="SyncCategory",
    model="pos.category",
    fields=(
        Field("id", "id", ID),
        Field("name", "name", NAME),
        Field("parent_id", "parent_id", OPTIONAL_KEY),
        Field("sequence", "sequence", INTEGER),
        Field("updated_at", "write_date", MOMENT),
    ),
)
SYNC_TAX = Resource(
    name="SyncTax",
    model="account.tax",
    fields=(
        Field("id", "id", ID),
        Field("name", "name", NAME),
        Field("amount", "amount", NUMBER),
        Field("amount_type", "amount_type", NAME, description="group: the taxes of tax_ids, one by one."),
        Field("price_include", "price_include", BOOLEAN),
        Field("include_base_amount", "include_base_amount", BOOLEAN),
        Field("sequence", "sequence", INTEGER),
        Field("tax_ids", "children_tax_ids", KEYS),
        Field("company_id", "company_id", KEY),
        Field("updated_at", "write_date", MOMENT),
    ),
    scope=lambda call: [("type_tax_use", "in", ("sale", "none"))],  # none: parts of groups
)
SYNC_PRODUCT = Resource(
    name="SyncProduct",
    model="product.product",
    fields=(
        Field("id", "id", ID),
        Field("template_id", "product_tmpl_id", KEY, description="The same for variants of one product."),
        Field("name", "display_name", NAME),
        Field("code", "default_code", TEXT),
        Field("barcode", "barcode", TEXT),
        Field("price", "lst_price", NUMBER, description="Public price, before pricelists."),
        Field("category_id", "pos_categ_id", OPTIONAL_KEY),
        Field("uom", "uom_id", REFERENCE),
        Field("tracking", "tracking", choice("none", "lot", "serial")),
        Field("tax_ids", "taxes_id", KEYS),
    ),
    computed=(
        Computed(
            "updated_at",
            lambda product: moment(max(product.write_date, product.product_tmpl_id.write_date)),
            MOMENT_SCHEMA,
        ),
    ),
    scope=lambda call: SOLD,
    context=NAMES,
)


@dataclass(frozen=True)
class Section:
    """A part of GET /sync/changes.

    Attributes:
        name: its member in the answer, and its name in pos.api.tombstone.
        resource: what is shown of a record.
        sources: SQL queries, each giving ids of records that a change may concern; ``fresh(alias)`` stands
            for the condition on a row that it was written since the cursor.
    """

    name: str
    resource: Resource
    sources: tuple


def _translated(model, join="i.res_id", tables=""):
    """Return the source for translated names, which Odoo keeps apart from the records."""
    return (
        f"SELECT {join} FROM ir_translation i {tables}"
        f" WHERE i.type = 'model' AND i.name = '{model},name' AND fresh(i)"
    )


_COMBINATION = (
    "FROM product_variant_combination c"
    " JOIN product_template_attribute_value v ON v.id = c.product_template_attribute_value_id"
    " JOIN product_attribute_value a ON a.id = v.product_attribute_value_id"
)
SECTIONS = (
    Section(
        "categories",
        SYNC_CATEGORY,
        ("SELECT r.id FROM pos_category r WHERE fresh(r)", _translated("pos.category")),
    ),
    Section(
        "taxes",
        SYNC_TAX,
        ("SELECT r.id FROM account_tax r WHERE fresh(r)", _translated("account.tax")),
    ),
    Section(
        "payment_methods",
        PAYMENT_METHOD,
        (
            "SELECT r.id FROM pos_payment_method r WHERE fresh(r)",
            # a method taken from a point of sale leaves no row behind; there are few, so all are sent
            "SELECT r.id FROM pos_payment_method r WHERE EXISTS (SELECT FROM pos_config p WHERE fresh(p))"
            " OR EXISTS (SELECT FROM account_journal j WHERE fresh(j))",
            _translated("pos.payment.method"),
        ),
    ),
    Section(
        "products",
        SYNC_PRODUCT,
        (
            "SELECT r.id FROM product_product r JOIN product_template t ON t.id = r.product_tmpl_id"
            " WHERE fresh(r) OR fresh(t)",
            "SELECT r.id FROM product_product r JOIN product_taxes_rel x ON x.prod_id = r.product_tmpl_id"
            " WHERE fresh(x)",
            "SELECT r.id FROM product_product r JOIN product_template t ON t.id = r.product_tmpl_id"
            " JOIN uom_uom u ON u.id = t.uom_id WHERE fresh(u)",
            f"SELECT c.product_product_id {_COMBINATION} WHERE fresh(c) OR fresh(v) OR fresh(a)",
            _translated("product.template", "r.id", "JOIN product_product r ON r.product_tmpl_id = i.res_id"),
        ),
    ),
    Section(
        "customers",
        CUSTOMER,
        ("SELECT r.id FROM res_partner r WHERE fresh(r)",),
    ),
)
