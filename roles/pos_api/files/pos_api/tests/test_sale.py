"""A sale that is inserted at once, and when Odoo's own steps are taken instead."""

from unittest.mock import patch

from odoo import fields
from odoo.release import version_info
from odoo.tests import tagged

from .. import sale, take_away
from ..models.indexes import INDEXES
from .common import new_product
from .selling import SellingCase


@tagged("post_install", "-at_install")
class TestSale(SellingCase):
    def setUp(self):
        super().setUp()
        if version_info[0] != 15:
            self.skipTest("14.0 takes Odoo's own steps")
        self.session.update_stock_at_closing = True

    def body(self, *products, **more):
        return {
            "lines": [self.line(product) for product in products],
            "payments": [self.payment(1000)],
            **more,
        }

    def steps(self):
        """Return a patch that counts the sales made by Odoo's own steps."""
        return patch.object(sale, "draft", side_effect=sale.draft)

    def statements(self, *products):
        """Return how many statements a sale takes."""
        before = self.env.cr.sql_log_count
        self.valid(self.order(**self.body(*products)), 201, "Order")
        return self.env.cr.sql_log_count - before

    def test_lines_cost_no_statements_of_their_own(self):
        same = {"type": "product", "taxes_id": [(6, 0, self.tea.taxes_id.ids)]}
        more = [new_product(self.env, f"api more {number}", 1.5, **same) for number in range(6)]
        self.statements(self.tea, *more)
        self.assertEqual(self.statements(self.tea), self.statements(self.tea, *more))

    def test_by_odoo_s_steps_where_a_module_has_changed_one(self):
        orders = type(self.env["pos.order"])
        paid, seen = orders.action_pos_order_paid, []

        def action_pos_order_paid(order):
            seen.append(order)
            return paid(order)

        with self.steps() as steps:
            self.sold(**self.body(self.tea))
            self.assertEqual((steps.call_count, seen), (0, []))
            with (
                patch.object(orders, "action_pos_order_paid", action_pos_order_paid),
                patch.object(sale.rows, "_worked_out", (None, {})),
            ):
                self.sold(**self.body(self.tea))
        self.assertEqual((steps.call_count, len(seen)), (1, 1))

    def test_the_same_by_both_ways(self):
        customer = self.env["res.partner"].create({"name": "x", "property_product_pricelist": self.half.id})
        body = self.body(self.tea, self.cake, customer_id=customer.id, note="both")
        shown = []
        for ways in (True, False):
            with patch.object(sale.rows, "stand_in", return_value=ways), self.steps() as steps:
                shown.append(self.sold(**body)[0])
                self.assertEqual(steps.call_count, 0 if ways else 1)
        for one in shown:
            for name in ("id", "name", "receipt_number", "ordered_at", "updated_at"):
                del one[name]
            for part in one["lines"] + one["payments"]:
                del part["id"]
                part.pop("paid_at", None)
        self.assertEqual(*shown)

    def test_what_is_answered_is_what_is_stored(self):
        for body in (self.body(self.tea, self.cake), {"lines": [self.line(self.cake)]}):
            shown, order = self.sold(**body)
            self.assertEqual(self.valid(self.get(f"/orders/{order.id}"), 200, "Order"), shown)

    def test_defaults_and_what_odoo_computes(self):
        self.env["ir.default"].set("pos.order", "note", "by default")
        shown, order = self.sold(**self.body(self.tea))
        self.assertEqual((shown["note"], order.note), ("by default", "by default"))
        self.assertEqual(order.sale_journal, self.till.journal_id)
        self.assertEqual(order.cashier, self.cashier.name)
        self.assertEqual(order.lines.company_id, self.env.company)
        self.assertEqual(order.payment_ids.session_id, self.session)
        self.assertEqual((order.create_uid, order.write_uid), (self.cashier, self.cashier))
        self.assertEqual(order.write_date, self.env.cr.now())
        self.assertLess(order.date_order, fields.Datetime.add(fields.Datetime.now(), seconds=1))

    def test_rules_on_new_orders(self):
        rule = {
            "name": "api none of these",
            "model_id": self.env.ref("point_of_sale.model_pos_order_line").id,
            "domain_force": "[('qty', '<', 5)]",
            "perm_read": False,
        }
        self.env["ir.rule"].create(rule)
        self.sold(**self.body(self.tea))
        answer = self.order(lines=[self.line(quantity=5)], payments=[self.payment(1000)])
        self.assert_problem(answer, 403, "forbidden")
        self.assertEqual(self.env["pos.order"].search_count([("session_id", "=", self.session.id)]), 1)

    def test_numbers_without_gaps(self):
        self.till.sequence_id.sudo().implementation = "no_gap"
        self.till.sequence_line_id.sudo().use_date_range = True
        orders = [self.sold(**self.body(self.tea))[1] for _ in range(2)]
        first, second = (int(order.name.rpartition("/")[2]) for order in orders)
        self.assertEqual(second, first + 1)

    def indexes(self):
        """Return the names of the module's indexes that are there."""
        self.env.cr.execute("SELECT indexname FROM pg_indexes WHERE indexname = ANY(%s)", (list(INDEXES),))
        return {name for (name,) in self.env.cr.fetchall()}

    def test_indexes_go_with_the_module(self):
        self.assertEqual(self.indexes(), set(INDEXES))
        take_away(self.env.cr, self.registry)
        self.assertEqual(self.indexes(), set())
