"""What Odoo's own point of sale sends: the payload of ``pos.order.create_from_ui``, worked out as its screen
does."""

import itertools
from collections import defaultdict

from odoo import fields
from odoo.release import version_info
from odoo.tools import float_round

_numbers = itertools.count(1)


class Screen:
    """A till's screen with one session."""

    def __init__(self, session, user):
        """Take over an open session as a user of the point of sale."""
        self.session, self.env = session.with_user(user), session.with_user(user).env
        self.config, self.currency = session.config_id, session.currency_id
        self.digits = session.env["decimal.precision"].precision_get("Product Price")
        self.globally = session.company_id.tax_calculation_rounding_method == "round_globally"

    def _terms(self, customer):
        pricelist, position = self.config.pricelist_id, self.config.default_fiscal_position_id
        if customer.property_product_pricelist in self.config.available_pricelist_ids:
            pricelist = customer.property_product_pricelist
        own = customer.property_account_position_id
        if own:  # also where the till does not have it: it then finds none
            position = own
        return pricelist, position if position in self.config.fiscal_position_ids else own.browse()

    def _mapped(self, position, taxes, product, customer):
        if version_info[0] < 15:
            return position.map_tax(taxes, product, customer)
        return position.map_tax(taxes)

    def _fixed_price(self, price, position, product, customer):
        """Take an included tax out of a price where the fiscal position maps it to another."""
        if not position:
            return price
        gone, new = self.env["account.tax"], self.env["account.tax"]
        for tax in product.taxes_id:
            mapped = self._mapped(position, tax, product, customer)
            if mapped[:1].price_include:
                new |= mapped
            if tax.price_include and tax not in mapped:
                gone |= tax
        if not gone:
            return price
        bare = gone.compute_all(price, self.currency, 1)["total_excluded"]
        if not new:
            return bare
        return new.compute_all(bare, self.currency, 1, handle_price_include=False)["total_included"]

    def _line(self, terms, customer, product, quantity, discount=0, unit_price=None, sold=None, lots=()):
        pricelist, position = terms
        price = unit_price
        if price is None:
            price = pricelist.get_product_price(product, quantity, customer)
            price = self._fixed_price(price, position, product, customer)
        price = float_round(price, precision_digits=self.digits)
        taxes = self._mapped(position, product.taxes_id, product, customer)
        amounts = taxes.compute_all(price * (1 - discount / 100), self.currency, quantity)
        values = {
            "id": next(_numbers),
            "qty": quantity,
            "price_unit": price,
            "price_subtotal": amounts["total_excluded"],
            "price_subtotal_incl": amounts["total_included"],
            "discount": discount,
            "product_id": product.id,
            "tax_ids": [(6, False, product.taxes_id.ids)],
            "pack_lot_ids": [(0, 0, {"lot_name": name}) for name in lots],
            # not display_name, which 14.0 caches whatever the context, so that invoices would show it too
            "full_product_name": product.with_context(display_default_code=False).name_get()[0][1],
            "price_extra": 0,
        }
        if sold:
            values["refunded_orderline_id"] = sold.id
        return values, amounts["taxes"]

    def _total_tax(self, taxes):
        if not self.globally:
            return self.currency.round(sum(tax["amount"] for tax in taxes))
        groups = defaultdict(float)
        for tax in taxes:
            groups[tax["id"]] += tax["amount"]
        return sum(self.currency.round(amount) for amount in groups.values())

    def sell(self, lines, payments, customer=None, invoice=False):
        """Sell and return the order.

        Args:
            lines: list of the arguments of a line: product, quantity, and optionally discount, unit_price
                and sold (the line taken back).
            payments: list of (method, amount tendered); None for the exact total in cash.
            customer: partner.
            invoice: whether the order is invoiced at once.
        """
        customer = customer or self.env["res.partner"]
        terms = self._terms(customer)
        worked_out = [self._line(terms, customer, **line) for line in lines]
        tax = self._total_tax([tax for _values, taxes in worked_out for tax in taxes])
        bare = self.currency.round(sum(values["price_subtotal"] for values, _taxes in worked_out))
        if payments is None:
            payments = [(self.config.payment_method_ids.filtered("is_cash_count"), bare + tax)]
        tendered = sum(amount for _method, amount in payments)
        change = self.currency.round(max(0, tendered - bare - tax))
        uid = f"{self.session.id:05d}-001-{next(_numbers):04d}"
        now = fields.Datetime.to_string(fields.Datetime.now())
        data = {
            "name": f"Order {uid}",
            "uid": uid,
            "amount_paid": tendered - change,
            "amount_total": bare + tax,
            "amount_tax": tax,
            "amount_return": change,
            "lines": [[0, 0, values] for values, _taxes in worked_out],
            "statement_ids": [
                [0, 0, {"name": now, "payment_method_id": method.id, "amount": amount}]
                for method, amount in payments
            ],
            "pos_session_id": self.session.id,
            "pricelist_id": terms[0].id,
            "partner_id": customer.id,
            "user_id": self.env.uid,
            "sequence_number": 1,
            "creation_date": now,
            "fiscal_position_id": terms[1].id,
            "server_id": False,
            "to_invoice": invoice,
        }
        if self.config.module_pos_hr:
            data["employee_id"] = self.env.user.sudo().employee_id.id
        (made,) = self.env["pos.order"].create_from_ui([{"id": uid, "to_invoice": invoice, "data": data}])
        return self.env["pos.order"].browse(made["id"]).sudo()
