"""Selling, refunding and invoicing."""

from ..frame.call import Reply, operation
from ..frame.problems import Problem
from ..invoicing import invoice
from ..records import find, listing, read, write
from ..refunds import refund
from ..resources.invoice import INVOICE
from ..resources.order import ORDER, ORDER_SUMMARY
from ..sale import sell
from ..selling import (
    add_lines,
    known_customer,
    need_draft,
    order_at_hand,
    selling_session,
    set_customer,
    take_off,
)

PATH = "/api/v1/orders"


def shown(order, status=200):
    """Return the reply with an order; with its place where it is new or has a new part."""
    body = read(order, ORDER)[0]
    return Reply(status, body, _place(order.id)) if status == 201 else Reply(status, body)


def sold(call, session, body, moment=None):
    """Sell, and return the reply with the order. For what it takes and raises see :func:`~..sale.sell`."""
    number, shown_order = sell(call, session, body, moment)
    return Reply(201, shown_order, _place(number))


def _place(number):
    return {"Location": f"{PATH}/{number}"}


def current(call):
    """Return the present representation of the order of the path, or raise the 404."""
    return read(find(call, ORDER, call.path["id"]), ORDER)[0]


@operation("listOrders", lean=ORDER_SUMMARY)
def list_orders(call):
    return listing(call, ORDER_SUMMARY)


@operation("createOrder")
def create_order(call):
    return sold(call, selling_session(call, call.body.get("session_id")), call.body)


@operation("getOrder", lean=ORDER)
def get_order(call):
    return Reply(200, current(call))


@operation("changeOrder", current=current)
def change_order(call):
    body, order = call.body, order_at_hand(call)
    need_draft(order)
    customer = known_customer(order.env, body["customer_id"]) if "customer_id" in body else order.partner_id
    if order.payment_ids and ("lines" in body or customer != order.partner_id):
        raise Problem(409, "The order has payments: void them before its total changes.", "has-payments")
    write(order, ORDER, {name: value for name, value in body.items() if name == "note"})
    if "lines" in body:
        take_off(order.lines)
    if customer != order.partner_id:
        set_customer(order, customer)
    if "lines" in body:
        add_lines(call, order, body["lines"])
    return shown(order)


@operation("deleteOrder", current=current)
def delete_order(call):
    order = order_at_hand(call, "unclosed")
    need_draft(order)
    take_off(order.lines)
    order.remove_from_ui(order.ids)  # with its payments, of which no account knows yet
    return Reply(204)


@operation("addOrderLine")
def add_order_line(call):
    order = order_at_hand(call)
    need_draft(order)
    add_lines(call, order, [call.body], at="")
    return shown(order, 201)


@operation("refundOrder")
def refund_order(call):
    return shown(refund(find(call, ORDER, call.path["id"]), call.body), 201)


@operation("invoiceOrder")
def invoice_order(call):
    order = order_at_hand(call)
    made = invoice(order, call.body.get("customer_id"))
    return Reply(201, read(made, INVOICE)[0], {"Location": f"{PATH}/{order.id}"})
