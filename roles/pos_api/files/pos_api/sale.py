"""A whole sale in one go: the order with its lines and payments is worked out, and then inserted at once.

It comes to what Odoo's own steps come to, each of which writes what the next one reads. Where another module
has changed a step that is left out here, or the sale is out of the ordinary, those steps are taken.
"""

from __future__ import annotations

from dataclasses import dataclass

from odoo import fields
from odoo.release import version_info
from odoo.tools import float_compare, float_is_zero

from . import rows, standing
from .paying import change_of, checked_methods, drawer, pay
from .pricing import line_amounts, order_totals
from .records import cached, columns, read, stored
from .resources.order import ORDER, rounded_total
from .selling import draft, known_customer, new_lines, receipt_number, seller, terms

ORDERS = "odoo.addons.point_of_sale.models.pos_order"
SEQUENCES = "odoo.addons.base.models.ir_sequence"
MODELS = "odoo.models"
IMPORTS = "odoo.addons.base.models.ir_fields"  # looks at what an import of files has put into the context
# the methods that are not called for a sale made here, and the modules whose ones come to the same
LEFT_OUT = {
    "pos.order": {
        "create": ORDERS,
        "_create": MODELS,
        "write": ORDERS,
        "_write": MODELS,
        "_compute_batch_amount_all": ORDERS,
        "_compute_order_name": ORDERS,
        "_compute_total_cost_in_real_time": ORDERS,
        "_create_order_picking": ORDERS,
        "_should_create_picking_real_time": ORDERS,
        "action_pos_order_paid": ORDERS,
        "add_payment": ORDERS,
    },
    "pos.order.line": {
        "create": ORDERS,
        "_create": MODELS,
        "write": ORDERS,
        "_write": MODELS,
        "_compute_amount_line_all": ORDERS,
        "_compute_total_cost": ORDERS,
        "_is_product_storable_fifo_avco": ORDERS,
    },
    "pos.payment": {"create": IMPORTS, "_create": MODELS, "write": MODELS, "_write": MODELS},
}
NUMBERED = {"_next": SEQUENCES, "_next_do": SEQUENCES, "next_by_code": SEQUENCES}


@dataclass(frozen=True)
class Sale:
    """A sale that is worked out.

    Attributes:
        terms: :class:`~.selling.Terms`.
        order, lines, payments: values in Odoo's names, without what tells one record from another.
        paid: whether nothing is left to pay.
        moment: when it was sold (UTC).
    """

    terms: object
    order: dict
    lines: list
    payments: list
    paid: bool
    moment: object


def _products(on, lines):
    """Return the products of lines, which are read together."""
    return on.env["product.product"].browse([line["product_id"] for line in lines])


def _summed(on, lines):
    """Return the lines with their amounts, and the order's total and tax."""
    env, summed, computed = on.env, [], []
    for values, product in zip(lines, _products(on, lines)):
        taxes = env["account.tax"].browse(values["tax_ids"][0][2])
        amounts = line_amounts(on, product, values["qty"], values["price_unit"], values["discount"], taxes)
        computed.append(amounts)
        summed.append(
            {
                **{name: value for name, value in values.items() if name != "pack_lot_ids"},
                "price_subtotal": amounts["total_excluded"],
                "price_subtotal_incl": amounts["total_included"],
            }
        )
    return summed, *order_totals(on, computed)


def _settled(on, total, payments, moment):
    """Return the values of the payments and of the change that is given, and what is left to pay.

    Raises:
        Problem: 422 for a payment that this session cannot take.
    """
    methods = checked_methods(on, payments)
    tendered = [(method, payment) for method, payment in zip(methods, payments) if payment["amount"]]
    due = rounded_total(on, total, [method for method, _payment in tendered])
    amounts = [on.currency_id.round(payment["amount"]) for _method, payment in tendered]
    change = change_of(on.currency_id, sum(amounts), due, methods, payments)
    common = {"name": False, "is_change": False, "payment_date": moment}
    made = [
        {**common, "amount": amount, "payment_method_id": method.id}
        for (method, _payment), amount in zip(tendered, amounts)
    ]
    if change:
        method = drawer(on.session_id)
        made.append(
            {**common, "name": "return", "is_change": True, "amount": -change, "payment_method_id": method.id}
        )
    return made, change, due


def plan(call, session, body, moment=None):
    """Work out a sale; return the :class:`Sale`, None where it has to go Odoo's own way.

    Args, Raises:
        As :func:`sell`.
    """
    env = session.env
    on = terms(session, known_customer(env, body.get("customer_id")))
    lines = new_lines(call, on, body["lines"], moment=moment)
    if any(line["pack_lot_ids"] for line in lines):
        return None
    lines, total, tax = _summed(on, lines)
    sold_at = moment or fields.Datetime.now()
    payments, change, due = (
        _settled(on, total, body["payments"], sold_at) if "payments" in body else ([], 0.0, None)
    )
    paid = sum(payment["amount"] for payment in payments)
    rounding = on.currency_id.rounding
    done = due is not None and float_compare(paid, due, precision_rounding=rounding) >= 0
    if done and not float_is_zero(paid - due, precision_rounding=rounding):
        return None
    order = {
        **columns(ORDER, body),
        **on.values(),
        **seller(env, session.config_id),
        "date_order": sold_at,
        "session_id": session.id,
        "company_id": session.company_id.id,
        "amount_total": total,
        "amount_tax": tax,
        "amount_paid": paid,
        "amount_return": change,
    }
    rate = type(env["pos.order"])._compute_currency_rate
    if rows.comes_from(rate, ORDERS) and on.company_id.currency_id == on.currency_id:
        order["currency_rate"] = 1.0  # without a look at the rates
    return Sale(on, order, lines, payments, done, sold_at)


def _costs(sale):
    """Return the values of the lines that Odoo works out when an order is paid and its stock moves later."""
    on, found = sale.terms, []
    for line, product in zip(sale.lines, _products(on, sale.lines)):
        if product.type == "product" and product.cost_method in ("fifo", "average"):
            found.append({"total_cost": 0.0, "is_total_cost_computed": False})  # known at the closing
            continue
        cost = product.cost_currency_id._convert(
            product.standard_price, on.currency_id, on.company_id, sale.moment, round=False
        )
        found.append({"total_cost": line["qty"] * cost, "is_total_cost_computed": True})
    return found


def _counted(sequence):
    """Return whether a sequence is nothing but PostgreSQL's with a prefix, a suffix and zeros."""
    plain = all(rows.comes_from(getattr(type(sequence), name), module) for name, module in NUMBERED.items())
    return plain and bool(sequence) and sequence.implementation == "standard" and not sequence.use_date_range


def _numbered(sale):
    """Return ({kind: ids}, names of the lines, name of the order, time of the transaction (UTC))."""
    env, config = sale.terms.env, sale.terms.config_id
    line_names, order_names = config.sequence_line_id, config.sequence_id
    wanted = {
        "order": (env["pos.order"]._sequence, 1),
        "lines": (env["pos.order.line"]._sequence, len(sale.lines)),
        "payments": (env["pos.payment"]._sequence, len(sale.payments)),
    }
    for name, sequence, count in (
        ("line_names", line_names, len(sale.lines)),
        ("order_name", order_names, int(sale.paid)),
    ):
        if _counted(sequence):
            wanted[name] = (f"ir_sequence_{sequence.id:03d}", count)
    numbers, moment = rows.reserve(env.cr, **wanted)
    if "line_names" in numbers:
        names = [line_names.get_next_char(number) for number in numbers["line_names"]]
    elif line_names:
        names = [line_names._next() for _line in sale.lines]
    else:
        names = [env["ir.sequence"].next_by_code("pos.order.line") for _line in sale.lines]
    if not sale.paid:
        name = "/"
    elif "order_name" in numbers:
        name = order_names.get_next_char(numbers["order_name"][0])
    else:
        name = order_names._next()
    return numbers, names, name, moment


def _related(records, values):
    """Return the values of stored related fields that are known already, where they are related to that.

    Args:
        records: model.
        values: {field: (path that it has to be related to, value)}.
    """
    return {name: value for name, (path, value) in values.items() if records._fields[name].related == path}


def _check_changes(records):
    """Refuse new records that the caller may make but not change, which Odoo's own steps do."""
    records.check_access_rights("write")
    rules = records.env["ir.rule"]
    making, changing = (rules._compute_domain(records._name, mode) for mode in ("create", "write"))
    if making != changing:
        records.check_access_rule("write")


def _insert(sale):
    """Insert a sale and return the order."""
    env, session = sale.terms.env, sale.terms.session_id
    company = session.company_id.id
    at_closing = session.update_stock_at_closing
    costs = _costs(sale) if sale.paid and at_closing else [{}] * len(sale.lines)
    numbers, names, name, moment = _numbered(sale)
    (number,) = numbers["order"]
    order, lines, payments = (
        env[model].browse(numbers[kind])
        for model, kind in (("pos.order", "order"), ("pos.order.line", "lines"), ("pos.payment", "payments"))
    )
    values = env["pos.order"]._complete_values_from_session(
        session, {**sale.order, "name": name, "pos_reference": receipt_number(session, number)}
    )
    journal = ("session_id.config_id.journal_id", session.config_id.journal_id.id)
    values.update(_related(order, {"sale_journal": journal}))
    values["state"] = "paid" if sale.paid else "draft"
    of_order = {"order_id": number, **_related(lines, {"company_id": ("order_id.company_id", company)})}
    paid = {
        "pos_order_id": number,
        **_related(
            payments,
            {
                "company_id": ("pos_order_id.company_id", company),
                "session_id": ("pos_order_id.session_id", session.id),
            },
        ),
    }
    rows.insert(
        moment,
        (order, [values]),
        (
            lines,
            [
                {**line, **cost, **of_order, "name": name}
                for line, cost, name in zip(sale.lines, costs, names)
            ],
        ),
        *([(payments, [{**payment, **paid} for payment in sale.payments])] if payments else []),
    )
    for records in (order, lines):
        _check_changes(records)
    if sale.paid and not at_closing:
        standing.keep(env)
        standing.let_go(env)
        order._create_order_picking()
        order._compute_total_cost_in_real_time()
    return order


def sell(call, session, body, moment=None):
    """Make an order with priced lines and pay it, where the body has payments; return (its id, its
    representation).

    Args:
        call: :class:`~.frame.call.Call`.
        session: open session, from :func:`~.selling.selling_session`.
        body: checked body: lines, and optionally payments, customer_id and note.
        moment: when it was sold (UTC); now, if not given.

    Raises:
        Problem: 403 for a price or discount that is not the caller's to set, 422 for unknown products or
            customers, and for payments that this session cannot take.
    """
    if version_info[0] == 15 and rows.stand_in(session.env, LEFT_OUT):
        sale = plan(call, session, body, moment)
        if sale:
            order = _insert(sale)
            if sale.paid and not session.update_stock_at_closing:
                return order.id, read(order, ORDER, stored)[0]
            shown = read(order, ORDER, cached)[0]
            standing.keep(session.env)
            return order.id, shown
    order = draft(call, session, body, moment)
    if "payments" in body:
        pay(order, body["payments"], moment=moment)
    return order.id, read(order, ORDER)[0]
