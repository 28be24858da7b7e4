from odoo.release import version_info
from odoo.tests import tagged

from .common import new_idempotency_key
from .selling import SellingCase


@tagged("post_install", "-at_install")
class TestInvoices(SellingCase):
    def setUp(self):
        super().setUp()
        self.till.module_account = True
        self.regular = self.env["res.partner"].create({"name": "api regular"})
        self.shown, self.sale = self.paid(self.line(quantity=2), customer_id=self.regular.id)

    def invoice(self, sale=None, token=None, headers=None, **body):
        return self.post(f"/orders/{(sale or self.sale).id}/invoices", body, token=token, headers=headers)

    def test_posted_and_reconciled(self):
        answer = self.invoice()
        body = self.valid(answer, 201, "Invoice")
        self.assertEqual(answer.headers["Location"], f"/api/v1/orders/{self.sale.id}")
        self.assertEqual(
            (body["type"], body["state"], body["total"], body["tax"]), ("out_invoice", "posted", 4.6, 0.6)
        )
        move = self.sale.account_move
        self.assertEqual((move.id, move.partner_id, move.state), (body["id"], self.regular, "posted"))
        if version_info[0] >= 15:
            self.assertEqual((body["payment_state"], body["residual"]), ("paid", 0))
        order = self.get(f"/orders/{self.sale.id}").json()
        self.assertEqual((order["state"], order["invoice"]["id"]), ("invoiced", body["id"]))

    def test_customer_of_the_call(self):
        _shown, sale = self.paid(self.line())
        self.assertEqual(self.pointers(self.invoice(sale), 422), ["/customer_id"])
        self.assertEqual(self.pointers(self.invoice(sale, customer_id=2147483647), 422), ["/customer_id"])
        self.assertFalse(sale.account_move or sale.partner_id)
        self.valid(self.invoice(sale, customer_id=self.regular.id), 201, "Invoice")
        self.assertEqual(sale.account_move.partner_id, self.regular)
        other = self.env["res.partner"].create({"name": "api other"})
        self.assertEqual(self.pointers(self.invoice(customer_id=other.id), 422), ["/customer_id"])

    def test_states(self):
        _shown, draft = self.sold(lines=[self.line()], customer_id=self.regular.id)
        self.assert_problem(self.invoice(draft), 409, "not-paid")
        self.invoice()
        self.assert_problem(self.invoice(), 409, "invoiced")
        _shown, second = self.paid(self.line(), customer_id=self.regular.id)
        self.till.module_account = False
        self.assert_problem(self.invoice(second), 409, "no-invoicing")
        self.session.state = "closing_control"
        self.assert_problem(self.invoice(second), 409, "no-open-session")
        self.assertFalse(second.account_move)

    def test_credit_note_of_a_refund(self):
        self.invoice()
        body = {"payments": [self.payment(4.6)]}
        made = self.post(f"/orders/{self.sale.id}/refunds", body, token=self.access(self.manager))
        refund = self.env["pos.order"].browse(made.json()["id"])
        body = self.valid(self.invoice(refund), 201, "Invoice")
        self.assertEqual((body["type"], body["total"]), ("out_refund", 4.6))
        if version_info[0] >= 15:
            self.assertEqual(refund.account_move.reversed_entry_id, self.sale.account_move)

    def test_session_with_invoices_closes(self):
        self.invoice()
        self.env["base"].flush()
        self.session.cash_register_id.balance_end_real = self.session.cash_register_balance_end
        self.session.action_pos_session_closing_control()
        if self.session.state != "closed":
            self.session.action_pos_session_validate()
        self.assertEqual((self.session.state, self.sale.state), ("closed", "invoiced"))
        self.assertIn(self.sale.account_move.payment_state, ("paid", "in_payment"))

    def test_once(self):
        key = new_idempotency_key()
        first, again = (self.invoice(headers=key) for _ in range(2))
        self.assertEqual((first.status_code, first.content), (201, again.content))
        self.assertEqual(again.headers["Idempotency-Replayed"], "true")

    def test_roles(self):
        path = f"/orders/{self.sale.id}/invoices"
        self.assert_problem(self.send("POST", path, json={}, headers=new_idempotency_key()), 401)
        self.assert_problem(self.invoice(token=self.other_cashier()), 404)
        self.assertFalse(self.cashier.has_group("account.group_account_invoice"))
        self.valid(self.invoice(token=self.access(self.manager)), 201, "Invoice")
