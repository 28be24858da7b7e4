"""Refunds: an order of its own that takes lines of a sale back."""

from odoo.release import version_info
from odoo.tools import float_compare

from .frame.problems import Problem, invalid
from .lots import commands, returned_lots
from .paying import pay_back
from .pricing import in_steps, sum_line, sum_order
from .resources.order import refunded_quantity
from .selling import claim, hold, in_company, no_open_session, receipt_number, seller

REFUNDABLE = ("paid", "done", "invoiced")


def _more(quantity, other):
    return float_compare(quantity, other, precision_digits=6) > 0


def _refund_session(order):
    """Return the session to refund in, held open: the open one of the point of sale that sold.

    Raises:
        Problem: 409 where there is none.
    """
    session = order.env["pos.session"].search(
        [("config_id", "=", order.config_id.id), ("state", "=", "opened"), ("rescue", "=", False)]
    )
    if not hold(session):
        raise no_open_session()
    return session


def _remaining(order):
    """Return {line: what can still be taken back of it}."""
    left = {line: line.qty - refunded_quantity(line) for line in order.lines if line.qty > 0}
    return {line: quantity for line, quantity in left.items() if _more(quantity, 0.0)}


def _named_lines(order, remaining, wanted):
    """Return {line: quantity} and {line: names of lots} of the lines that a body names.

    Raises:
        Problem: 422 for a line that is not the order's, is named twice, or of which less is left, and for
            lots that are not the line's.
    """
    lines, errors, named, lots = {line.id: line for line in order.lines}, [], {}, {}
    for index, one in enumerate(wanted):
        line = lines.get(one["line_id"])
        if not line or line in named:
            sentence = "is named twice" if line else "is not a line of this order"
            errors.append((f"/lines/{index}/line_id", sentence))
            continue
        named[line] = in_steps(line.product_id, one["quantity"])
        if _more(named[line], remaining.get(line, 0.0)):
            errors.append((f"/lines/{index}/quantity", "is more than what is left of this line"))
        elif not _more(named[line], 0.0):
            errors.append((f"/lines/{index}/quantity", "is less than the product's unit can tell"))
        lots[line], wrong = returned_lots(line, named[line], one.get("lots"))
        if wrong:
            errors.append((f"/lines/{index}/lots", wrong))
    if errors:
        raise invalid(*errors)
    return named, lots


def _take_back(refund, line, quantity, names):
    """Add the line that takes a quantity of a sold line back, at its price, discount and taxes."""
    values = {
        **line._prepare_refund_data(refund, line.env["pos.pack.operation.lot"]),
        "qty": -quantity,
        "refunded_orderline_id": line.id,
        "pack_lot_ids": commands(names),
    }
    taken = line.copy(values)
    if _more(line.qty, quantity):  # otherwise the amounts are the sale's own
        sum_line(taken)


def refund(order, body):
    """Make the paid order that takes an order back, whole or by line, and gives the money back.

    Args:
        order: the sale.
        body: checked body: payments, and optionally lines and note.

    Raises:
        Problem: 409 where the sale is not paid, nothing is left of it, or its point of sale has no open
            session; 422 for lines and amounts that do not fit.
    """
    if order.state not in REFUNDABLE:
        raise Problem(409, "Only an order that is paid can be refunded.", "not-paid")
    order = in_company(order)
    session = _refund_session(order)
    claim(order)
    remaining = _remaining(order)
    if not remaining:
        raise Problem(409, "Nothing is left of this order to be refunded.", "nothing-to-refund")
    if "lines" in body:
        lines, lots = _named_lines(order, remaining, body["lines"])
    else:
        lines, lots = (
            remaining,
            {line: returned_lots(line, left, None)[0] for line, left in remaining.items()},
        )
    values = {
        **order._prepare_refund_values(session),
        **seller(order.env, order.config_id),
        "note": body.get("note", False),
        "amount_return": 0,
    }
    if version_info[0] >= 15:
        values["name"] = "/"  # named after the sale by Odoo when it is paid
    taken_back = order.copy(values)
    taken_back.pos_reference = receipt_number(session, taken_back.id)
    for line, quantity in lines.items():
        _take_back(taken_back, line, quantity, lots[line])
    sum_order(taken_back)
    pay_back(taken_back, body["payments"])
    return taken_back
