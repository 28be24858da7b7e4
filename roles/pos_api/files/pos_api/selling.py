"""How an order is rung up and paid, by Odoo's own methods. Totals, taxes and prices are the server's."""

from odoo.tools import float_compare

from .frame.problems import Problem, invalid
from .records import columns, write
from .resources.order import LINE, ORDER, amount_to_pay
from .resources.product import SOLD
from .resources.session import open_sessions

RECEIPT_LANE = 900  # middle part of our receipt numbers; the till's own are its login numbers, counted from 1


def selling_session(call, session_id=None):
    """Return the session to sell in: the named one, or else the caller's only open one.

    A cashier sells in own sessions, a manager in any. The session's row is locked against closing until the
    end of the transaction; other sales share the lock.

    Raises:
        Problem: 409 where no session (or not this one) is open, 422 where the session has to be named or is
            unknown.
    """
    if session_id is not None:
        sessions = call.env["pos.session"].search([("id", "=", session_id)])
        if not sessions or (sessions.user_id != call.env.user and not call.principal.is_manager):
            raise invalid(("/session_id", "is not a session in which you may sell"))
    else:
        sessions = open_sessions(call.env, call.env.uid).filtered(lambda session: session.state == "opened")
        if len(sessions) > 1:
            raise invalid(("/session_id", "is required: you have more than one session open"))
    call.env.cr.execute(
        "SELECT id FROM pos_session WHERE id IN %s AND state = 'opened' FOR SHARE",
        (tuple(sessions.ids) or (0,),),
        log_exceptions=False,  # a session closed since the snapshot is a serialization failure, and foreseen
    )
    if not call.env.cr.fetchone():
        raise Problem(
            409,
            "No session is open: open the point of sale, with its opening cash, and try again.",
            "no-open-session",
        )
    company = sessions.company_id
    return sessions.with_context(allowed_company_ids=company.ids).with_company(company)


def _customer(env, customer_id):
    if customer_id is None:
        return env["res.partner"]
    customer = env["res.partner"].search([("id", "=", customer_id)])
    if not customer:
        raise invalid(("/customer_id", "is not a known customer"))
    return customer


def _check_products(env, lines):
    """Refuse lines whose product is not sold here (422)."""
    wanted = {line["product_id"] for line in lines}
    products = env["product.product"].search([*SOLD, ("id", "in", list(wanted))])
    errors = [
        (f"/lines/{index}/product_id", "is not a product of the point of sale")
        for index, line in enumerate(lines)
        if line["product_id"] not in products.ids
    ]
    errors += [
        (
            f"/lines/{index}/product_id",
            "is tracked by lot or serial number, which this operation does not take",
        )
        for index, line in enumerate(lines)
        if line["product_id"] in products.filtered(lambda product: product.tracking != "none").ids
    ]
    if errors:
        raise invalid(*errors)


def _check_price_control(call, config, lines):
    """Refuse a client's price or discount where the point of sale keeps them to managers or has none."""
    for index, line in enumerate(lines):
        if "unit_price" in line and config.restrict_price_control and not call.principal.is_manager:
            raise Problem(
                403,
                f"/lines/{index}/unit_price: this point of sale leaves prices to managers.",
                "price-control",
            )
        if line.get("discount") and not config.manual_discount:
            raise Problem(
                403, f"/lines/{index}/discount: this point of sale has no discounts by line.", "price-control"
            )


def _pricelist(config, customer):
    """Return the customer's pricelist where the point of sale offers it, as its screen does, or else its
    own."""
    preferred = customer.property_product_pricelist
    offered = config.use_pricelist and preferred and preferred in config.available_pricelist_ids
    return preferred if offered else config.pricelist_id


def _fiscal_position(config, customer):
    preferred = customer.property_account_position_id
    return (
        preferred
        if preferred and preferred in config.fiscal_position_ids
        else config.default_fiscal_position_id
    )


def _receipt_number(session, number):
    """Return a receipt number in the form that the till reads (14 digits and dashes), unique within the
    session."""
    return f"Order {session.id:05d}-{RECEIPT_LANE + number // 10000 % 100:03d}-{number % 10000:04d}"


def draft(call, session, body):
    """Create a draft order with priced and taxed lines.

    Args:
        call: :class:`~.frame.call.Call`.
        session: open session, from :func:`selling_session`.
        body: checked body: lines, and optionally customer_id and note.

    Raises:
        Problem: 403 for a price or discount that is not the caller's to set, 422 for unknown products or
            customers.
    """
    env, config = session.env, session.config_id
    customer = _customer(env, body.get("customer_id"))
    _check_products(env, body["lines"])
    _check_price_control(call, config, body["lines"])
    lines = [
        (
            0,
            0,
            {
                **columns(LINE, line),
                "product_id": line["product_id"],
                "price_subtotal": 0,
                "price_subtotal_incl": 0,
            },
        )
        for line in body["lines"]
    ]
    order = write(
        env["pos.order"],
        ORDER,
        body,
        session_id=session.id,
        user_id=env.uid,
        partner_id=customer.id,
        pricelist_id=_pricelist(config, customer).id,
        fiscal_position_id=_fiscal_position(config, customer).id,
        company_id=session.company_id.id,
        lines=lines,
        amount_total=0,
        amount_tax=0,
        amount_paid=0,
        amount_return=0,
    )
    order.pos_reference = _receipt_number(session, order.id)
    for line, sent in zip(order.lines.sorted("id"), body["lines"]):
        line._onchange_product_id()
        if "unit_price" in sent:
            line.price_unit = sent["unit_price"]
        line.update({**line._compute_amount_line_all(), "full_product_name": line.product_id.display_name})
    order._compute_batch_amount_all()
    return order


def _check_payments(order, payments):
    """Return the payment methods of the payments.

    Raises:
        Problem: 422 for a method that is not the session's, or on account without a customer.
    """
    allowed = {method.id: method for method in order.session_id.payment_method_ids}
    errors = []
    for index, payment in enumerate(payments):
        method = allowed.get(payment["payment_method_id"])
        if not method:
            errors.append((f"/payments/{index}/payment_method_id", "is not a payment method of this session"))
        elif method.split_transactions and not order.partner_id:
            errors.append((f"/payments/{index}/payment_method_id", "needs an order with a customer"))
    if errors:
        raise invalid(*errors)
    return [allowed[payment["payment_method_id"]] for payment in payments]


def _give_change(order, methods, payments):
    """Book what was tendered above the amount to pay as change from the cash drawer.

    Raises:
        Problem: 422 where more than the cash tendered would have to be given back.
    """
    rounding = order.currency_id.rounding
    excess = order.currency_id.round(order.amount_paid - amount_to_pay(order))
    if float_compare(excess, 0.0, precision_rounding=rounding) <= 0:
        return
    cash = [(method, payment["amount"]) for method, payment in zip(methods, payments) if method.is_cash_count]
    if float_compare(excess, sum(amount for _, amount in cash), precision_rounding=rounding) > 0:
        raise invalid(("/payments", "are more than the amount to pay; change is given from cash only"))
    order.add_payment(
        {
            "name": "return",
            "pos_order_id": order.id,
            "amount": -excess,
            "payment_method_id": cash[0][0].id,
            "is_change": True,
        }
    )
    order.amount_return = excess


def pay(order, payments):
    """Add payments to a draft order. With nothing left to pay it becomes paid, and its stock moves as Odoo
    does it: now, or at the session's closing, by the company's setting.

    Args:
        order: draft order whose session is open and locked by :func:`selling_session`.
        payments: list of {payment_method_id, amount}.

    Raises:
        Problem: 422 for a payment that this order or session cannot take.
    """
    methods = _check_payments(order, payments)
    for payment in payments:
        order.add_payment({"pos_order_id": order.id, **payment})
    _give_change(order, methods, payments)
    rounding = order.currency_id.rounding
    if float_compare(order.amount_paid, amount_to_pay(order), precision_rounding=rounding) < 0:
        return
    order.action_pos_order_paid()
    order._create_order_picking()
    if hasattr(order, "_compute_total_cost_in_real_time"):  # since 15.0
        order._compute_total_cost_in_real_time()
