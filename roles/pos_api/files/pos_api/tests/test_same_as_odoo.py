"""The same baskets by Odoo's own point of sale and by the API leave the same records, field by field."""

import re
from unittest.mock import patch

from odoo.release import version_info
from odoo.tests import tagged

from .. import sale
from .common import new_product
from .screen import Screen
from .selling import SellingCase

# records of the one sale or the other: that there is one is compared, not which
OWN = {
    "pos.order", "pos.order.line", "pos.session", "pos.payment", "stock.picking", "stock.move",
    "stock.move.line", "account.move", "account.move.line", "account.full.reconcile", "procurement.group",
    "account.bank.statement", "account.bank.statement.line", "account.payment",
}  # fmt: skip
# what tells one record from the other; the screen counts a session's orders, the API does not
TELLING = {
    "id", "create_uid", "write_uid", "access_token", "sequence_number", "sequence_prefix", "pos_reference",
    "to_invoice", "secure_sequence_number", "inalterable_hash", "payment_reference",
    "matching_number",
}  # fmt: skip


def text(value):
    """Return a text without what numbers records."""
    return re.sub(r"\d{4,}", "#", (value or "").replace(" REFUND", ""))


def picture(records):
    """Return [{column: value}] of the columns of records that a sale decides."""
    shown = []
    for record in records.sudo():
        row = {}
        for name, field in record._fields.items():
            if not field.store or name in TELLING or field.type in ("datetime", "one2many", "binary"):
                continue
            value = record[name]
            if field.type in ("many2one", "many2many"):
                row[name] = len(value) if field.comodel_name in OWN else sorted(value.ids)
            elif field.type in ("char", "text", "html"):
                row[name] = text(value)
            else:
                row[name] = round(value, 6) if field.type in ("float", "monetary") else value
        shown.append(row)
    return shown


def ordered(records, *names):
    """Return records of a kind in an order that both ways share."""
    return records.sorted(lambda one: [str(one[name]) for name in names] + [one.id])


@tagged("post_install", "-at_install")
class TestSameAsOdoo(SellingCase):
    def setUp(self):
        super().setUp()
        self.till.module_account = True
        tax = self.tea.taxes_id

        def other(amount, **values):
            return tax.copy({"name": f"api {amount} {values}", "amount": amount, **values})

        self.two = new_product(self.env, "api two taxes", 1.99, type="product")
        self.two.taxes_id |= other(7)
        self.two.default_code = "TWO"
        self.included = new_product(self.env, "api included", 9.99)
        self.included.taxes_id = other(21, price_include=True)
        self.fixed = new_product(self.env, "api fixed", 0.35, type="service")
        self.fixed.taxes_id = other(5, price_include=True) | other(0.12, amount_type="fixed")
        self.untaxed = new_product(self.env, "api untaxed", 12.5, taxes_id=[(5,)])
        self.half.item_ids.percent_price = 33
        partners = self.env["res.partner"]
        self.regular = partners.create({"name": "api regular", "property_product_pricelist": self.half.id})
        home = self.position({self.fixed.taxes_id.sorted("amount")[-1]: other(8)})
        abroad = self.position({tax: None, self.included.taxes_id: other(10, price_include=True)})
        elsewhere = self.position({tax: other(1)})
        self.till.write(
            {
                "tax_regime": True,
                "default_fiscal_position_id": home.id,
                "tax_regime_selection": True,
                "fiscal_position_ids": [(6, 0, [home.id, abroad.id])],
            }
        )
        self.till._write({"module_pos_hr": True})  # past Odoo's check that no session is open
        self.env.cache.invalidate()
        self.foreigner, self.stranger = (
            partners.create({"name": position.name, "property_account_position_id": position.id})
            for position in (abroad, elsewhere)
        )
        self.env["hr.employee"].create({"name": "api employee", "user_id": self.cashier.id})

    def position(self, taxes):
        """Return a fiscal position that puts one tax, or none, in the place of another."""
        lines = [
            (0, 0, {"tax_src_id": source.id, "tax_dest_id": target.id if target else False})
            for source, target in taxes.items()
        ]
        return self.env["account.fiscal.position"].create({"name": "api position", "tax_ids": lines})

    def baskets(self):
        """Return [(lines, payments, customer, invoice)]: products and quantities, and what is tendered."""

        def basket(*lines, cash=0, card=0, customer=None, invoice=False):
            payments = [(self.card, card)] if card else []
            payments += [(self.cash, cash)] if cash else []
            return [dict(line) for line in lines], payments, customer, invoice

        def line(product, quantity=1, **more):
            return {"product": product, "quantity": quantity, **more}

        return [
            basket(line(self.tea), cash=2.3),
            basket(line(self.tea, 2), line(self.cake, discount=10), line(self.untaxed), cash=50),
            basket(line(self.two, 3), line(self.two, 7, discount=33), cash=20, card=5),
            basket(line(self.included, 3), line(self.fixed, 13), card=20, cash=20),
            basket(line(self.tea, 3), line(self.included, 7), cash=100, customer=self.regular),
            basket(line(self.tea), line(self.included, 3), line(self.two), cash=100, customer=self.foreigner),
            basket(line(self.tea), line(self.fixed, 3), cash=9, customer=self.stranger),
            basket(line(self.cake, 0.37, unit_price=4.44), line(self.tea, discount=100), cash=5),
            basket(line(self.tea, discount=100)),
            basket(
                line(self.tea, 2), line(self.two, 3, discount=5), cash=50, customer=self.regular, invoice=True
            ),
            basket(
                line(self.included),
                line(self.untaxed, 2),
                card=5,
                cash=60,
                customer=self.foreigner,
                invoice=True,
            ),
        ]

    def by_screen(self):
        """Sell the baskets, refund some and close, by Odoo's own methods; return the orders and session."""
        screen = Screen(self.session, self.cashier)
        orders = [
            screen.sell(lines, payments, customer, invoice)
            for lines, payments, customer, invoice in self.baskets()
        ]
        for order, takes in self.refunds(orders):
            lines = [
                {
                    "product": line.product_id,
                    "quantity": -quantity,
                    "discount": line.discount,
                    "unit_price": line.price_unit,
                    "sold": line,
                }
                for line, quantity in takes
            ]
            orders.append(screen.sell(lines, None, order.partner_id, bool(order.account_move)))
        return orders, self.closed()

    def refunds(self, orders):
        """Return [(order, [(line, quantity)])] of what is taken back."""
        return [
            (orders[1], [(line, line.qty) for line in orders[1].lines]),
            (orders[2], [(orders[2].lines.sorted("id")[1], 2)]),
            (orders[9], [(line, line.qty) for line in orders[9].lines]),
        ]

    def by_api(self, given_back):
        """Do the same by the API, giving back the amounts that the screen gave."""
        managers, orders = self.access(self.manager), []
        for lines, payments, customer, invoice in self.baskets():
            body = {
                "lines": [
                    {**{k: v for k, v in one.items() if k != "product"}, "product_id": one["product"].id}
                    for one in lines
                ],
                "payments": [self.payment(amount, method) for method, amount in payments],
                **({"customer_id": customer.id} if customer else {}),
            }
            _shown, order = self.sold(**body)
            if invoice:
                self.valid(self.post(f"/orders/{order.id}/invoices", {}), 201, "Invoice")
            orders.append(order)
        for (order, takes), amount in zip(self.refunds(orders), given_back):
            body = {
                "lines": [{"line_id": line.id, "quantity": quantity} for line, quantity in takes],
                "payments": [self.payment(amount)],
            }
            shown = self.valid(self.post(f"/orders/{order.id}/refunds", body, token=managers), 201, "Order")
            taken = self.env["pos.order"].browse(shown["id"])
            self.assertEqual(taken.user_id, self.manager)
            # who refunds is the one thing that is meant to differ
            taken.write({"user_id": self.cashier.id, "employee_id": self.cashier.employee_id.id})
            if order.account_move:
                self.valid(self.post(f"/orders/{taken.id}/invoices", {}), 201, "Invoice")
            orders.append(taken)
        return orders, self.closed()

    def closed(self):
        """Close the session by Odoo's own methods and return it."""
        session = self.session
        self.env["base"].flush()
        session.cash_register_id.balance_end_real = session.cash_register_balance_end
        session.with_user(self.cashier).action_pos_session_closing_control()
        if session.state != "closed":
            session.with_user(self.cashier).action_pos_session_validate()
        self.assertEqual(session.state, "closed")
        return session

    def assert_same(self, screen, api):
        """Compare records of a kind."""
        self.assertEqual(len(screen), len(api), screen._name)
        for one, other in zip(picture(screen), picture(api)):
            differing = {name: (one[name], other[name]) for name in one if one[name] != other[name]}
            self.assertEqual(differing, {}, f"{screen._name}: by the screen, by the API")

    def opened_with(self, cash):
        """Return the till's next session, opened with what the last one left in the drawer."""
        self.till.with_user(self.cashier).open_session_cb()
        session = self.env["pos.session"].search(
            [("config_id", "=", self.till.id), ("state", "!=", "closed")]
        )
        if version_info[0] >= 15:
            session.with_user(self.cashier).set_cashbox_pos(cash, "")
        elif session.state == "opening_control":
            session.with_user(self.cashier).action_pos_session_open()
        return session

    def both_ways(self):
        by_screen, first = self.by_screen()
        self.session = self.opened_with(first.cash_register_balance_end_real)
        by_api, second = self.by_api([-order.amount_paid for order in by_screen[len(self.baskets()) :]])
        for number, (screen, api) in enumerate(zip(by_screen, by_api)):
            with self.subTest(basket=number):
                self.assertEqual(screen.amount_paid and screen.state, api.amount_paid and api.state)
                self.assert_same(screen, api)
                for name in ("lines", "payment_ids"):
                    self.assert_same(ordered(screen[name]), ordered(api[name]))
                self.assert_same_stock(screen, api)
                self.assert_same_entries(screen.account_move, api.account_move)
                if version_info[0] >= 15:
                    self.assert_same_entries(
                        screen.payment_ids.sorted("id").account_move_id,
                        api.payment_ids.sorted("id").account_move_id,
                    )
        self.assert_same_entries(first.move_id, second.move_id)
        self.assert_same_entries(*(one.statement_ids.line_ids.move_id for one in (first, second)))
        if version_info[0] >= 15:
            self.assert_same_entries(*(one.bank_payment_ids.move_id for one in (first, second)))
            self.assertTrue(second.bank_payment_ids)
        self.assert_same_stock(first, second)
        self.assertTrue(second.picking_ids)
        self.assertEqual(first.cash_real_transaction, second.cash_real_transaction)

    def assert_same_stock(self, screen, api):
        """Compare the pickings and moves of orders or sessions."""
        screen, api = screen.picking_ids, api.picking_ids
        self.assert_same(ordered(screen, "picking_type_id"), ordered(api, "picking_type_id"))
        for moves in ("move_lines", "move_line_ids"):
            order = ("location_id", "product_id")
            self.assert_same(ordered(screen[moves], *order), ordered(api[moves], *order))

    def assert_same_entries(self, screen, api):
        self.assert_same(screen, api)
        names = ("account_id", "balance", "name", "partner_id")
        self.assert_same(ordered(screen.line_ids, *names), ordered(api.line_ids, *names))

    def test_taxes_rounded_by_line(self):
        self.env.company.tax_calculation_rounding_method = "round_per_line"
        self.both_ways()

    def test_taxes_rounded_globally(self):
        self.env.company.tax_calculation_rounding_method = "round_globally"
        self.both_ways()

    def test_stock_at_closing(self):
        self.env.company.point_of_sale_update_stock_quantities = "closing"
        self.session.update_stock_at_closing = True
        self.both_ways()


@tagged("post_install", "-at_install")
class TestSameByOdooSteps(TestSameAsOdoo):
    """The same where another module keeps sales from being inserted at once."""

    def setUp(self):
        super().setUp()
        patcher = patch.object(sale.rows, "stand_in", return_value=False)
        patcher.start()
        self.addCleanup(patcher.stop)
