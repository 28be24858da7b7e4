"""Paying."""

from ..frame.call import Reply, operation
from ..frame.problems import invalid
from ..paying import pay, void
from ..records import find, listing, read
from ..resources.order import ORDER, PAYMENT
from ..resources.payment import PAYMENT_DETAIL, PAYMENT_METHOD
from ..selling import claim, hold, in_company, need_draft, no_open_session, order_at_hand


@operation("listPaymentMethods", lean=PAYMENT_METHOD)
def list_payment_methods(call):
    return listing(call, PAYMENT_METHOD)


@operation("createPayment")
def create_payment(call):
    order = order_at_hand(call)
    need_draft(order)
    payment = pay(order, [call.body], at="")
    if not payment and order.state == "draft":
        raise invalid(("/amount", "must be greater than 0: something is due"))
    place = f"/api/v1/payments/{payment.id}" if payment else f"/api/v1/orders/{order.id}"
    body = {"payment": read(payment, PAYMENT)[0] if payment else None, "order": read(order, ORDER)[0]}
    return Reply(201, body, {"Location": place})


@operation("getPayment", lean=PAYMENT_DETAIL)
def get_payment(call):
    return Reply(200, read(find(call, PAYMENT_DETAIL, call.path["id"]), PAYMENT_DETAIL)[0])


@operation("deletePayment")
def delete_payment(call):
    payment = find(call, PAYMENT_DETAIL, call.path["id"])
    if not hold(payment.session_id, "state <> 'closed'"):
        raise no_open_session()
    claim(payment.pos_order_id)
    void(in_company(payment))
    return Reply(204)
