"""Orders with their lines, payments and pickings."""

from odoo.release import version_info

from ..records import Field, Resource, moment, number, reference, text

LINE = Resource(
    model="pos.order.line",
    fields=(
        Field("id", "id"),
        Field("product", "product_id", reference),
        Field("quantity", "qty", number, writable=True),
        Field("unit_price", "price_unit", number, writable=True),
        Field("discount", "discount", number, writable=True),
        Field("subtotal", "price_subtotal", number),
        Field("subtotal_with_tax", "price_subtotal_incl", number),
    ),
)
PAYMENT = Resource(
    model="pos.payment",
    fields=(
        Field("id", "id"),
        Field("payment_method", "payment_method_id", reference),
        Field("amount", "amount", number),
        Field("is_change", "is_change"),
        Field("paid_at", "payment_date", moment),
    ),
)
PICKING = Resource(
    model="stock.picking",
    fields=(Field("id", "id"), Field("name", "name"), Field("state", "state")),
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
    model="pos.order",
    fields=(
        Field("id", "id"),
        Field("name", "name"),
        Field("receipt_number", "pos_reference", text),
        Field("state", "state"),
        Field("ordered_at", "date_order", moment),
        Field("session", "session_id", reference),
        Field("user", "user_id", reference),
        Field("customer", "partner_id", reference),
        Field("note", "note", text, writable=True),
        Field("pricelist", "pricelist_id", reference),
        Field("total", "amount_total", number),
        Field("tax", "amount_tax", number),
        Field("paid", "amount_paid", number),
        Field("lines", "lines", nested=LINE),
        Field("payments", "payment_ids", nested=PAYMENT),
        Field("pickings", "picking_ids", nested=PICKING),
        Field("updated_at", "write_date", moment),
    ),
    computed=(
        ("currency", lambda order: order.currency_id.name),
        ("due", _due),
        ("change", _change),
        ("stock_moves_at", _picking_policy),
    ),
)
