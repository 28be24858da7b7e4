"""How an order is paid, by Odoo's own methods."""

from odoo.tools import float_compare

from . import standing
from .frame.problems import Problem, invalid
from .resources.order import amount_to_pay


def checked_methods(order, payments, at="/payments/{}"):
    """Return the payment methods of the payments of an order, or of its :class:`~.selling.Terms`.

    Raises:
        Problem: 422 for a method that is not the session's, one that needs a customer where there is none,
            and an amount that the currency does not have.
    """
    allowed = {method.id: method for method in order.session_id.payment_method_ids}
    errors = []
    for index, payment in enumerate(payments):
        method, place = allowed.get(payment["payment_method_id"]), at.format(index)
        if not method:
            errors.append((f"{place}/payment_method_id", "is not a payment method of this session"))
        elif method.split_transactions and not order.partner_id:
            errors.append((f"{place}/payment_method_id", "needs an order with a customer"))
        amount = payment["amount"]
        if float_compare(amount, order.currency_id.round(amount), precision_digits=6):
            errors.append((f"{place}/amount", "has more decimals than the currency"))
    if errors:
        raise invalid(*errors)
    return [allowed[payment["payment_method_id"]] for payment in payments]


def change_of(currency, paid, due, methods, payments, where="/payments"):
    """Return what was tendered above the amount to pay, which is given back as change from the cash drawer.

    Raises:
        Problem: 422 where more than the cash tendered would have to be given back.
    """
    excess = currency.round(paid - due)
    if float_compare(excess, 0.0, precision_rounding=currency.rounding) <= 0:
        return 0.0
    cash = sum(payment["amount"] for method, payment in zip(methods, payments) if method.is_cash_count)
    if float_compare(excess, cash, precision_rounding=currency.rounding) > 0:
        raise invalid((where, "comes to more than the amount to pay; change is given from cash only"))
    return excess


def drawer(session):
    """Return the payment method that change is booked on, as Odoo's import chooses it."""
    return session.payment_method_ids.filtered("is_cash_count")[:1]


def _give_change(order, methods, payments, values, where):
    """Book the change of an order that is paid for.

    Raises:
        Problem: as :func:`change_of`.
    """
    excess = change_of(order.currency_id, order.amount_paid, amount_to_pay(order), methods, payments, where)
    if excess:
        method = drawer(order.session_id).id
        order.add_payment(
            {"name": "return", "amount": -excess, "payment_method_id": method, "is_change": True, **values}
        )
        order.amount_return = excess


def _complete(order):
    """Make an order paid and move its stock as Odoo does it: now, or at the session's closing, by the
    company's setting."""
    order.action_pos_order_paid()
    standing.let_go(order.env)
    order._create_order_picking()
    if hasattr(order, "_compute_total_cost_in_real_time"):  # since 15.0
        order._compute_total_cost_in_real_time()


def pay(order, payments, at="/payments/{}", moment=None):
    """Add payments to a draft order. With nothing left to pay it becomes paid.

    Args:
        order: draft order whose session is held open.
        payments: list of {payment_method_id, amount}; amount is what was tendered, 0 where nothing is due.
        at: place of a payment in the body, for refusals.
        moment: when it was paid (UTC); now, if not given.

    Returns:
        The payments tendered, without the change.

    Raises:
        Problem: 422 for a payment that this order or session cannot take.
    """
    methods = checked_methods(order, payments, at)
    values = {"pos_order_id": order.id, **({"payment_date": moment} if moment else {})}
    before = order.payment_ids
    for payment in payments:
        if payment["amount"]:
            order.add_payment({**payment, **values})
    tendered = order.payment_ids - before
    tendered.flush()  # their company, by which the rule on payments goes, is written late
    _give_change(order, methods, payments, values, at.rpartition("/")[0] or "/amount")
    rounding = order.currency_id.rounding
    if float_compare(order.amount_paid, amount_to_pay(order), precision_rounding=rounding) >= 0:
        _complete(order)
    return tendered


def pay_back(order, payments):
    """Give back the whole of a refund order's negative total, and make it paid.

    Args:
        order: draft order with a negative total whose session is held open.
        payments: list of {payment_method_id, amount}; amount is what the customer gets.

    Raises:
        Problem: 422 for a method that this order or session cannot take, and where the amounts do not add up
            to what the customer has to get.
    """
    checked_methods(order, payments)
    for payment in payments:
        order.add_payment({**payment, "amount": -payment["amount"], "pos_order_id": order.id})
    owed = -amount_to_pay(order)
    if float_compare(-order.amount_paid, owed, precision_rounding=order.currency_id.rounding):
        raise invalid(("/payments", f"must add up to {owed:.{order.currency_id.decimal_places}f}"))
    _complete(order)


def void(payment):
    """Take a payment of a draft order back.

    Raises:
        Problem: 409 where the order is paid.
    """
    order = payment.pos_order_id
    if order.state != "draft":
        raise Problem(409, "The order is paid: its payments stay; refund it instead.", "not-a-draft")
    payment.unlink()
    order.amount_paid = sum(order.payment_ids.mapped("amount"))
