"""Orders with their lines, payments and pickings."""

from odoo.release import version_info

from ..records import (
    BOOLEAN,
    ID,
    MOMENT,
    NAME,
    NUMBER,
    OPTIONAL_REFERENCE,
    REFERENCE,
    TEXT,
    Computed,
    Field,
    Resource,
    choice,
    number,
)

LINE = Resource(
    name="Line",
    model="pos.order.line",
    fields=(
        Field("id", "id", ID),
        Field("product", "product_id", REFERENCE),
        Field("quantity", "qty", NUMBER, writable=True),
        Field("unit_price", "price_unit", NUMBER, writable=True),
        Field("discount", "discount", NUMBER, writable=True),
        Field("subtotal", "price_subtotal", NUMBER),
        Field("subtotal_with_tax", "price_subtotal_incl", NUMBER),
    ),
)
PAYMENT = Resource(
    name="Payment",
    model="pos.payment",
    fields=(
        Field("id", "id", ID),
        Field("payment_method", "payment_method_id", REFERENCE),
        Field("amount", "amount", NUMBER),
        Field("is_change", "is_change", BOOLEAN),
        Field("paid_at", "payment_date", MOMENT),
    ),
)
PICKING = Resource(
    name="Picking",
    model="stock.picking",
    fields=(Field("id", "id", ID), Field("name", "name", NAME), Field("state", "state", NAME)),
)


def _due(order):
    """Return what is still to be paid, after cash rounding where it applies, as Odoo counts it."""
    return number(max(amount_to_pay(order) - order.amount_paid, 0.0))


def amount_to_pay(order):
    """Return the order's total, rounded as the point of sale rounds it for the payments made so far."""
    config = order.config_id
    cash = any(payment.payment_method_id.is_cash_count for payment in order.payment_ids)
    # Odoo 14.0 has the option to round cash only, but its server rounds everything
    if config.cash_rounding and (cash or not config.only_round_cash_method or version_info[0] < 15):
        return order._get_rounded_amount(order.amount_total)
    return order.currency_id.round(order.amount_total)


def _change(order):
    return number(-sum(order.payment_ids.filtered("is_change").mapped("amount")))


def _picking_policy(order):
    return "closing" if order.session_id.update_stock_at_closing else "payment"


ORDER = Resource(
    name="Order",
    model="pos.order",
    fields=(
        Field("id", "id", ID),
        Field("name", "name", NAME, description="Order reference; '/' while it is a draft."),
        Field("receipt_number", "pos_reference", TEXT),
        Field("state", "state", choice("draft", "cancel", "paid", "done", "invoiced")),
        Field("ordered_at", "date_order", MOMENT),
        Field("session", "session_id", REFERENCE),
        Field("user", "user_id", OPTIONAL_REFERENCE),
        Field("customer", "partner_id", OPTIONAL_REFERENCE),
        Field("note", "note", TEXT, writable=True),
        Field("pricelist", "pricelist_id", REFERENCE),
        Field("total", "amount_total", NUMBER),
        Field("tax", "amount_tax", NUMBER),
        Field("paid", "amount_paid", NUMBER),
        Field("lines", "lines", nested=LINE),
        Field("payments", "payment_ids", nested=PAYMENT),
        Field("pickings", "picking_ids", nested=PICKING),
        Field("updated_at", "write_date", MOMENT),
    ),
    computed=(
        Computed("currency", lambda order: order.currency_id.name, {"type": "string"}),
        Computed("due", _due, {"type": "number"}),
        Computed("change", _change, {"type": "number"}),
        Computed(
            "stock_moves_at",
            _picking_policy,
            {"type": "string", "enum": ["payment", "closing"]},
            "When the company's setting moves the stock.",
        ),
    ),
)
