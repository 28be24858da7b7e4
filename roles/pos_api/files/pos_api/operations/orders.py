"""Selling."""

from ..frame.call import Reply, operation
from ..records import read
from ..resources.order import ORDER
from ..selling import draft, pay, selling_session


@operation("createOrder")
def create_order(call):
    body = call.body
    session = selling_session(call, body.get("session_id"))
    order = draft(call, session, body)
    if "payments" in body:
        pay(order, body["payments"])
    return Reply(201, read(order, ORDER)[0], {"Location": f"{call.operation.path}/{order.id}"})
