"""Runs in Odoo's shell on a test host, behind lines that set PLANS, TILLS, SHOP and NOTE: the day done by
Odoo's own methods, as its screen calls them; prints the sessions."""

# ruff: noqa: B905, F821  Python 3.9 has no strict zip; what is set before comes with it, env is Odoo's shell's
import json

from odoo.addons.pos_api.tests.screen import Screen
from odoo.tools import float_round


def typed(product, quantity):
    """Return a quantity as the screen takes it: rounded to the unit, and to what the column holds."""
    digits = product.env["decimal.precision"].precision_get("Product Unit of Measure")
    return float_round(quantity, precision_rounding=max(product.uom_id.rounding, 10**-digits))


def total(screen, lines, customer):
    """Return what a basket costs, as the screen works it out, since what is tendered depends on it."""
    terms = screen._terms(customer)
    worked_out = [screen._line(terms, customer, **line) for line in lines]
    bare = screen.currency.round(sum(values["price_subtotal"] for values, _taxes in worked_out))
    taxes = [tax for _values, taxes in worked_out for tax in taxes]
    return screen.currency.round(bare + screen._total_tax(taxes))


class Till:
    """One till with its cashier and the manager."""

    def __init__(self, env, names, plan):
        self.env, self.plan = env, plan
        user = env["res.users"]
        self.cashier = user.search([("login", "=", plan["cashier"])])
        self.manager = user.search([("login", "=", plan["manager"])])
        self.methods = {
            name: env["pos.payment.method"].browse(names[name]) for name in ("cash", "card", "account")
        }
        config = env["pos.config"].browse(names["id"]).with_user(self.cashier)
        config.open_session_cb()
        self.session = env["pos.session"].search([("config_id", "=", config.id), ("state", "!=", "closed")])
        self.session.with_user(self.cashier).set_cashbox_pos(plan["opening"], "")
        env.cr.commit()

    def tenders(self, tender, total):
        """Return the payments."""
        if tender == "note":
            return [(self.methods["cash"], NOTE)]
        if tender == "split":
            part = round(total * 0.4, 2)
            cash = (self.methods["cash"], round(total - part, 2))
            return [(self.methods["card"], part), cash] if part else [cash]
        return [(self.methods[tender], total)]

    def sell(self, sale):
        """Sell, and return the order."""
        screen = Screen(self.session, self.cashier)
        products = self.env["product.product"]
        lines = [
            {
                **line,
                "product": products.browse(SHOP["products"][line["product"]]),
                "quantity": typed(products.browse(SHOP["products"][line["product"]]), line["quantity"]),
            }
            for line in sale["lines"]
        ]
        customer = self.env["res.partner"].browse(SHOP["customers"].get(sale["customer"]) or [])
        payments = self.tenders(sale["tender"], total(screen, lines, customer))
        order = screen.sell(lines, payments, customer, sale["invoice"])
        self.env.cr.commit()
        assert order.state == ("invoiced" if sale["invoice"] else "paid"), (order.state, sale)
        return order

    def refund(self, refund, sold):
        """Take a sale back, or its first line, as the manager."""
        order = sold[refund["sale"]]
        taken = order.lines.sorted("id")
        taken = taken if refund["whole"] else taken[:1]
        lines = [
            {
                "product": line.product_id,
                "quantity": -line.qty,
                "discount": line.discount,
                "unit_price": line.price_unit,
                "sold": line,
            }
            for line in taken
        ]
        screen = Screen(self.session, self.manager)
        payments = [(self.methods[refund["method"]], total(screen, lines, order.partner_id))]
        made = screen.sell(lines, payments, order.partner_id)
        self.env.cr.commit()
        assert made.state == "paid", (made.state, refund)

    def move(self, user, direction):
        """Put cash in or take it out."""
        amount = self.plan[f"cash {direction}"]
        extras = {"translatedType": direction, "formattedAmount": str(amount)}
        self.session.with_user(user).try_cash_in_out(direction, amount, f"Change {direction}", extras)
        self.env.cr.commit()

    def close(self):
        """Count and close."""
        session = self.session.with_user(self.cashier)
        expected = session.get_closing_control_data()["default_cash_details"]["amount"]
        session.post_closing_cash_details(round(expected + self.plan["difference"], 2))
        session.update_closing_control_state_session("")
        session.close_session_from_ui([])
        self.env.cr.commit()
        assert session.state == "closed", session.state


def main(env):
    """Do the day till by till."""
    sessions = []
    for names, plan in zip(TILLS, PLANS):
        till = Till(env, names, plan)
        sold = [till.sell(sale) for sale in plan["sales"]]
        till.move(till.cashier, "in")
        for refund in plan["refunds"]:
            till.refund(refund, sold)
        till.move(till.manager, "out")
        for sale in plan["offline"]:
            till.sell(sale)
        till.close()
        sessions.append(till.session.id)
    print("SESSIONS", json.dumps(sessions))


main(env)
