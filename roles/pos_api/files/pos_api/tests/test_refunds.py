from odoo.release import version_info
from odoo.tests import tagged

from .common import new_idempotency_key, open_session
from .selling import SellingCase


@tagged("post_install", "-at_install")
class TestRefunds(SellingCase):
    def setUp(self):
        super().setUp()
        self.shown, self.sale = self.paid(self.line(quantity=3), self.line(self.cake, discount=10))
        self.managers = self.access(self.manager)

    def refund(self, *payments, sale=None, token=None, headers=None, **body):
        path = f"/orders/{(sale or self.sale).id}/refunds"
        body = {"payments": list(payments), **body}
        return self.post(path, body, token=token or self.managers, headers=headers)

    def refunded(self, *payments, **options):
        shown = self.valid(self.refund(*payments, **options), 201, "Order")
        return shown, self.env["pos.order"].browse(shown["id"])

    def back(self, index, quantity):
        return {"line_id": self.shown["lines"][index]["id"], "quantity": quantity}

    def on_hand(self):
        return self.env["stock.quant"]._get_available_quantity(
            self.tea, self.till.picking_type_id.default_location_src_id, allow_negative=True
        )

    def test_whole(self):
        before = self.on_hand()
        answer = self.refund(self.payment(5), self.payment(5.35, self.card))
        shown, taken = self.valid(answer, 201, "Order"), self.env["pos.order"].browse(answer.json()["id"])
        self.assertEqual(answer.headers["Location"], f"/api/v1/orders/{taken.id}")
        self.assertEqual((shown["state"], shown["total"], shown["tax"]), ("paid", -10.35, -1.35))
        self.assertEqual([line["quantity"] for line in shown["lines"]], [-3, -1])
        self.assertEqual([line["discount"] for line in shown["lines"]], [0, 10])
        self.assertEqual(sorted(payment["amount"] for payment in shown["payments"]), [-5.35, -5])
        self.assertEqual((shown["refund_of"], shown["change"], shown["due"]), ([self.sale.id], 0, 0))
        self.assertEqual(shown["name"], f"{self.sale.name} REFUND")
        self.assertNotEqual(shown["receipt_number"], self.shown["receipt_number"])
        self.assertEqual((taken.user_id, taken.session_id), (self.manager, self.session))
        self.assertEqual(taken.picking_ids.mapped("state"), ["done"])
        self.assertEqual(self.on_hand(), before + 3)
        sale = self.get(f"/orders/{self.sale.id}").json()
        self.assertEqual(sale["refunds"], [taken.id])
        self.assertEqual([line["refunded_quantity"] for line in sale["lines"]], [3, 1])
        self.assertEqual((sale["state"], sale["total"]), ("paid", 10.35))

    def test_by_line_until_nothing_is_left(self):
        shown, _taken = self.refunded(self.payment(2.3), lines=[self.back(0, 1)], note="cold")
        self.assertEqual((shown["total"], shown["note"], len(shown["lines"])), (-2.3, "cold", 1))
        answer = self.refund(self.payment(6.9), lines=[self.back(0, 3)])
        self.assertEqual(self.pointers(answer, 422), ["/lines/0/quantity"])
        shown, _taken = self.refunded(self.payment(8.05))
        self.assertEqual([line["quantity"] for line in shown["lines"]], [-2, -1])
        self.assert_problem(self.refund(self.payment(1)), 409, "nothing-to-refund")
        answer = self.refund(self.payment(2.3), lines=[self.back(0, 1)])
        self.assert_problem(answer, 409, "nothing-to-refund")

    def test_price_stays_that_of_the_sale(self):
        self.tea.list_price = 20
        shown, _taken = self.refunded(self.payment(2.3), lines=[self.back(0, 1)])
        self.assertEqual((shown["lines"][0]["unit_price"], shown["total"]), (2, -2.3))

    def test_customer_and_fiscal_position_stay(self):
        abroad = self.abroad(self.tea.taxes_id)
        shown, sale = self.paid(self.line(), customer_id=abroad.id)
        refund, _taken = self.refunded(self.payment(2), sale=sale)
        for name in ("customer", "fiscal_position", "pricelist"):
            self.assertEqual(refund[name], shown[name])
        self.assertEqual((refund["total"], refund["tax"]), (-2, 0))

    def test_lines_that_do_not_fit(self):
        _shown, other = self.paid(self.line())
        for lines, where in (
            ([{"line_id": other.lines.id, "quantity": 1}], "/lines/0/line_id"),
            ([{"line_id": 2147483647, "quantity": 1}], "/lines/0/line_id"),
            ([self.back(0, 1), self.back(0, 1)], "/lines/1/line_id"),
            ([self.back(1, 1.01)], "/lines/0/quantity"),
            ([self.back(0, 0.001)], "/lines/0/quantity"),
        ):
            with self.subTest(lines=lines):
                self.assertEqual(self.pointers(self.refund(self.payment(1), lines=lines), 422), [where])
        self.assertEqual(self.env["pos.order"].search_count([("session_id", "=", self.session.id)]), 2)

    def test_money_that_does_not_fit(self):
        for amount in (10.34, 10.36, 11):
            self.assertEqual(self.pointers(self.refund(self.payment(amount)), 422), ["/payments"])
        self.assertEqual(self.pointers(self.refund(), 422), ["/payments"])
        self.card.sudo()._write({"split_transactions": True})
        self.env.cache.invalidate()
        answer = self.refund(self.payment(10.35, self.card))
        self.assertEqual(self.pointers(answer, 422), ["/payments/0/payment_method_id"])

    def test_what_was_free_comes_back_for_nothing(self):
        _shown, free = self.sold(lines=[self.line(discount=100)], payments=[])
        shown, _taken = self.refunded(sale=free)
        self.assertEqual((shown["total"], shown["state"], shown["payments"]), (0, "paid", []))

    def test_orders_that_cannot_be_refunded(self):
        _shown, draft = self.sold(lines=[self.line()])
        self.assert_problem(self.refund(sale=draft), 409, "not-paid")
        _shown, taken = self.refunded(self.payment(10.35))
        self.assert_problem(self.refund(self.payment(10.35), sale=taken), 409, "nothing-to-refund")

    def close(self):
        self.env["base"].flush()
        register = self.session.cash_register_id
        register.balance_end_real = self.session.cash_register_balance_end
        self.session.action_pos_session_closing_control()
        if self.session.state != "closed":
            self.session.action_pos_session_validate()
        self.assertEqual(self.session.state, "closed")

    def test_sale_of_a_closed_session(self):
        self.close()
        self.assert_problem(self.refund(self.payment(10.35)), 409, "no-open-session")
        self.manager.email = "manager@example.com"  # Odoo logs the difference to the last closing by mail
        following = open_session(self.till, self.manager)
        shown, taken = self.refunded(self.payment(10.35))
        self.assertEqual((taken.session_id, shown["refund_of"]), (following, [self.sale.id]))

    def test_session_with_refunds_closes_and_posts(self):
        self.refunded(self.payment(2.3), lines=[self.back(0, 1)])
        self.close()
        credit = self.session.move_id.line_ids.filtered(lambda line: "refund" in (line.name or "").lower())
        self.assertTrue(credit)
        self.assertEqual(sum(self.session.move_id.line_ids.mapped("balance")), 0)
        self.assertEqual(self.session.cash_register_balance_end, 8.05)

    def test_stock_at_closing(self):
        self.session.update_stock_at_closing = True
        shown, _taken = self.refunded(self.payment(10.35))
        self.assertEqual((shown["stock_moves_at"], shown["pickings"]), ("closing", []))

    def test_once(self):
        key = new_idempotency_key()
        first, again = (self.refund(self.payment(10.35), headers=key) for _ in range(2))
        self.assertEqual((first.status_code, first.content), (201, again.content))
        self.assertEqual(len(self.sale.lines.refund_orderline_ids.order_id), 1)

    def test_refunds_that_odoo_s_screen_made_count(self):
        if version_info[0] < 15:
            self.skipTest("14.0 links no refund to its sale")
        self.sale.refund()
        self.assert_problem(self.refund(self.payment(10.35)), 409, "nothing-to-refund")

    def test_roles(self):
        body, path = {"payments": [self.payment(10.35)]}, f"/orders/{self.sale.id}/refunds"
        self.assert_problem(self.send("POST", path, json=body, headers=new_idempotency_key()), 401)
        for token in (self.token, self.other_cashier()):
            self.assert_problem(self.refund(self.payment(10.35), token=token), 403, "forbidden")
        self.assert_problem(self.post("/orders/2147483647/refunds", body, token=self.managers), 404)
        self.refunded(self.payment(10.35))
