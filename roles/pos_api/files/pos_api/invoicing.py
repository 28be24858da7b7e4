"""Invoices of orders, by Odoo's own methods."""

from odoo.release import version_info

from .frame.problems import Problem, invalid
from .selling import known_customer


def _move_stock(order):
    """Move the stock of an order that is to be invoiced now, not with the session's closing, where the
    invoice books its cost: 14.0 does so for those that its screen invoices at the sale, 15.0 for all."""
    at_closing = order.company_id.anglo_saxon_accounting and order.session_id.update_stock_at_closing
    if at_closing and not order.to_invoice:  # a refund of what was invoiced has moved its stock already
        order.to_invoice = True
        order._create_order_picking()


def invoice(order, customer_id=None):
    """Post the invoice of a paid order, reconcile it with the order's payments as Odoo does it, and return
    it (with elevated rights, to be read only).

    Args:
        order: order whose session is held open.
        customer_id: who it is for, where the order has no customer.

    Raises:
        Problem: 409 where the order is a draft, has an invoice, or its point of sale makes none; 422 without
            a customer.
    """
    if order.account_move:
        raise Problem(409, "The order has an invoice already.", "invoiced")
    if order.state != "paid":
        raise Problem(409, "Only a paid order of an open session can be invoiced.", "not-paid")
    if not order.config_id.module_account:
        raise Problem(409, "Invoicing is switched off for this point of sale.", "no-invoicing")
    customer = known_customer(order.env, customer_id)
    if customer and order.partner_id and customer != order.partner_id:
        raise invalid(("/customer_id", "is not the customer of the order"))
    if not customer and not order.partner_id:
        raise invalid(("/customer_id", "is required: the order has no customer"))
    if not order.partner_id:
        order.partner_id = customer
    if version_info[0] < 15:
        _move_stock(order)
    # cashiers have no rights in accounting; Odoo elevates the same steps, but reads some of them back without
    order.sudo().action_pos_order_invoice()
    return order.account_move.sudo()
