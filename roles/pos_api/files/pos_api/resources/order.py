"""Orders with their lines, payments and pickings."""

from odoo.release import version_info

from ..lean.readable import readable, unrestricted
from ..moments import SENT_MOMENT, read_moment
from ..records import (
    BOOLEAN,
    DECIMALS,
    ID,
    ID_SCHEMA,
    MOMENT,
    NAME,
    NUMBER,
    OPTIONAL_REFERENCE,
    REFERENCE,
    TEXT,
    Computed,
    Field,
    Filter,
    Resource,
    choice,
    listed,
    number,
)

STATES = ("draft", "cancel", "paid", "done", "invoiced")


def refunded_quantity(line):
    """Return how much of a line other orders have taken back."""
    return number(-sum(line.refund_orderline_ids.mapped("qty")))


def _refunded_sql(scope):
    unrestricted(scope.model.env["pos.order.line"])
    return (
        f"(SELECT trim_scale(round(coalesce(-sum(r.qty), 0)::numeric, {DECIMALS})) FROM pos_order_line r"
        f' WHERE r.refunded_orderline_id = "{scope.alias}".id)'
    )


def _lots_sql(scope):
    unrestricted(scope.model.env["pos.pack.operation.lot"])
    return (
        "(SELECT concat('[', string_agg(to_json(p.lot_name)::text, ', ' ORDER BY p.id), ']')"
        f' FROM pos_pack_operation_lot p WHERE p.pos_order_line_id = "{scope.alias}".id'
        " AND p.lot_name <> '')"
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
    computed=(
        Computed(
            "refunded_quantity",
            refunded_quantity,
            {"type": "number"},
            "What refunds have taken back of this line.",
            _refunded_sql,
        ),
        Computed(
            "lots",
            lambda line: [lot.lot_name for lot in line.pack_lot_ids if lot.lot_name],
            listed({"type": "string"}),
            "Names of lots or serial numbers.",
            _lots_sql,
        ),
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
    return rounded_total(order, order.amount_total, order.payment_ids.payment_method_id)


def rounded_total(order, total, methods):
    """Return a total as the point of sale rounds it for payments.

    Args:
        order: an order of the point of sale; an unsaved one is enough.
        total: its total.
        methods: what it is paid with.
    """
    config = order.config_id
    cash = any(method.is_cash_count for method in methods)
    # Odoo 14.0 has the option to round cash only, but its server rounds everything
    if config.cash_rounding and (cash or not config.only_round_cash_method or version_info[0] < 15):
        return order._get_rounded_amount(total)
    return order.currency_id.round(total)


def _due_sql(scope):
    scope.hard.append(
        f"coalesce({scope.follow('session_id').follow('config_id').column('cash_rounding')}, false)"
    )
    rounding, total = scope.follow("currency_id").column("rounding"), scope.column("amount_total")
    due = f"round({total} / {rounding}) * {rounding} - {scope.column('amount_paid')}"
    return f"trim_scale(round(greatest({due}, 0), {DECIMALS}))"


def _change(order):
    return number(-sum(order.payment_ids.filtered("is_change").mapped("amount")))


def _change_sql(scope):
    change = readable(
        scope.model.env["pos.payment"],
        [],
        f'"pos_payment".pos_order_id = "{scope.alias}".id AND "pos_payment".is_change',
        f'trim_scale(round(coalesce(-sum("pos_payment".amount), 0), {DECIMALS}))',
    )
    return f"({change})"


def _picking_policy(order):
    return "closing" if order.session_id.update_stock_at_closing else "payment"


def _policy_sql(scope):
    at_closing = scope.follow("session_id").column("update_stock_at_closing")
    return f"CASE WHEN {at_closing} THEN '\"closing\"' ELSE '\"payment\"' END"


def _refunded_orders(order):
    """Return the ids of the orders whose lines this one takes back."""
    return order.lines.refunded_orderline_id.order_id.ids


def _refunds(order):
    """Return the ids of the orders that take back lines of this one."""
    return order.lines.refund_orderline_ids.order_id.ids


def _orders_sql(scope, number, position, source):
    unrestricted(scope.model.env["pos.order.line"])
    return (
        "(SELECT concat('[', string_agg(found.id::text, ', ' ORDER BY found.first), ']') FROM ("
        f"SELECT {number} AS id, min({position}) AS first"
        f" FROM pos_order_line l JOIN pos_order_line r ON {source}"
        f' WHERE l.order_id = "{scope.alias}".id GROUP BY {number}) found)'
    )


def _refunded_orders_sql(scope):
    return _orders_sql(scope, "r.order_id", "l.id", "r.id = l.refunded_orderline_id")


def _refunds_sql(scope):
    return _orders_sql(scope, "r.order_id", "ARRAY[l.id, r.id]", "r.refunded_orderline_id = l.id")


def own_session(call, path=""):
    """Return the domain of what belongs to sessions that the caller may look into: a cashier's own, all for a
    manager.

    Args:
        call: :class:`~..frame.call.Call`.
        path: leads from the record to its session, for example ``session_id.``
    """
    return [] if call.principal.is_manager else [(f"{path}user_id", "=", call.env.uid)]


def _currency_sql(scope):
    return f"to_json({scope.follow('currency_id').column('name')})"


CURRENCY = Computed("currency", lambda record: record.currency_id.name, {"type": "string"}, sql=_currency_sql)
HEAD = (
    Field("id", "id", ID),
    Field("name", "name", NAME, description="Order reference; '/' while it is a draft."),
    Field("receipt_number", "pos_reference", TEXT),
    Field("state", "state", choice(*STATES)),
    Field("ordered_at", "date_order", MOMENT),
    Field("session", "session_id", REFERENCE),
    Field("user", "user_id", OPTIONAL_REFERENCE),
    Field("customer", "partner_id", OPTIONAL_REFERENCE),
    Field("note", "note", TEXT, writable=True),
    Field("pricelist", "pricelist_id", REFERENCE),
    Field("fiscal_position", "fiscal_position_id", OPTIONAL_REFERENCE),
    Field("total", "amount_total", NUMBER),
    Field("tax", "amount_tax", NUMBER),
    Field("paid", "amount_paid", NUMBER),
    Field("invoice", "account_move", OPTIONAL_REFERENCE),
    Field("updated_at", "write_date", MOMENT),
)
FILTERS = (
    Filter("session_id", ID_SCHEMA, lambda value: [("session_id", "=", value)], "Orders of a session."),
    Filter("state", {"type": "string", "enum": list(STATES)}, lambda value: [("state", "=", value)]),
    Filter("customer_id", ID_SCHEMA, lambda value: [("partner_id", "=", value)], "Orders of a customer."),
    Filter(
        "date_from",
        SENT_MOMENT,
        lambda value: [("date_order", ">=", read_moment(value))],
        "Ordered at this moment or later.",
    ),
    Filter(
        "date_to",
        SENT_MOMENT,
        lambda value: [("date_order", "<", read_moment(value))],
        "Ordered before this moment.",
    ),
)
ORDER_SUMMARY = Resource(
    name="OrderSummary",
    model="pos.order",
    fields=HEAD,
    computed=(CURRENCY,),
    filters=FILTERS,
    sorts={"id": "id", "-id": "id desc", "-ordered_at": "date_order desc, id desc"},
    scope=lambda call: own_session(call, "session_id."),
)
ORDER = Resource(
    name="Order",
    model="pos.order",
    fields=(
        *HEAD,
        Field("lines", "lines", nested=LINE),
        Field("payments", "payment_ids", nested=PAYMENT),
        Field("pickings", "picking_ids", nested=PICKING),
    ),
    scope=lambda call: own_session(call, "session_id."),
    computed=(
        CURRENCY,
        Computed("due", _due, {"type": "number"}, sql=_due_sql),
        Computed("change", _change, {"type": "number"}, sql=_change_sql),
        Computed(
            "stock_moves_at",
            _picking_policy,
            {"type": "string", "enum": ["payment", "closing"]},
            "When the company's setting moves the stock.",
            _policy_sql,
        ),
        Computed(
            "refund_of",
            _refunded_orders,
            listed(ID_SCHEMA),
            "Orders whose lines this one takes back.",
            _refunded_orders_sql,
        ),
        Computed(
            "refunds", _refunds, listed(ID_SCHEMA), "Orders that take back lines of this one.", _refunds_sql
        ),
    ),
)
