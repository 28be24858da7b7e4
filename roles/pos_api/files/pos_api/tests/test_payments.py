from odoo.release import version_info
from odoo.tests import tagged

from .common import new_idempotency_key, new_till
from .selling import SellingCase


@tagged("post_install", "-at_install")
class TestPayments(SellingCase):
    def setUp(self):
        super().setUp()
        _made, self.draft = self.sold(lines=[self.line()])
        self.path = f"/orders/{self.draft.id}/payments"

    def pay(self, amount, method=None, **options):
        return self.post(self.path, self.payment(amount, method), **options)

    def test_in_two_parts_with_change(self):
        answer = self.pay(1, self.card)
        body = self.valid(answer, 201, "Paid")
        self.assertEqual((body["order"]["state"], body["order"]["due"]), ("draft", 1.3))
        self.assertEqual((body["payment"]["amount"], body["payment"]["is_change"]), (1, False))
        self.assertEqual(answer.headers["Location"], f"/api/v1/payments/{body['payment']['id']}")
        self.assertFalse(self.draft.picking_ids)
        body = self.valid(self.pay(5), 201, "Paid")
        self.assertEqual((body["order"]["state"], body["order"]["due"]), ("paid", 0))
        self.assertEqual((body["payment"]["amount"], body["order"]["change"]), (5, 3.7))
        self.assertEqual(sum(self.draft.payment_ids.mapped("amount")), 2.3)
        self.assertEqual(self.draft.picking_ids.mapped("state"), ["done"])

    def test_paid_order_takes_no_more(self):
        self.pay(2.3)
        self.assert_problem(self.pay(1), 409, "not-a-draft")
        self.assertEqual(self.draft.payment_ids.mapped("amount"), [2.3])

    def test_what_cannot_be_taken(self):
        other = new_till(self.env, "APIU").payment_method_ids[:1]
        for amount, method, where in (
            (1, other, "/payment_method_id"),
            (2.31, self.card, "/amount"),
            (1.005, self.cash, "/amount"),
            (0, self.cash, "/amount"),
        ):
            with self.subTest(amount=amount, method=method.name):
                self.assertEqual(self.pointers(self.pay(amount, method), 422), [where])
        self.card.sudo()._write({"split_transactions": True})
        self.env.cache.invalidate()
        self.assertEqual(self.pointers(self.pay(1, self.card), 422), ["/payment_method_id"])
        self.assertFalse(self.draft.payment_ids)

    def test_change_never_comes_from_an_earlier_payment(self):
        self.pay(2)
        self.assertEqual(self.pointers(self.pay(1, self.card), 422), ["/amount"])

    def test_nothing_due(self):
        _made, free = self.sold(lines=[self.line(discount=100)])
        answer = self.post(f"/orders/{free.id}/payments", self.payment(0))
        body = self.valid(answer, 201, "Paid")
        self.assertEqual((body["payment"], body["order"]["state"]), (None, "paid"))
        self.assertEqual(answer.headers["Location"], f"/api/v1/orders/{free.id}")
        self.assertFalse(free.payment_ids)

    def test_session_that_is_being_closed(self):
        self.session.state = "closing_control"
        self.assert_problem(self.pay(2.3), 409, "no-open-session")

    def test_paid_once(self):
        key = new_idempotency_key()
        first, again = (self.pay(1, headers=key) for _ in range(2))
        self.assertEqual(first.content, again.content)
        self.assertEqual(self.draft.payment_ids.mapped("amount"), [1.0])
        self.assert_problem(self.pay(1.1, headers=key), 422, "idempotency-key-reused")
        self.assert_problem(self.post(self.path, self.payment(1), headers={"X": "y"}), 400)

    def test_one_with_its_tag(self):
        number = self.pay(1).json()["payment"]["id"]
        answer = self.get(f"/payments/{number}")
        body = self.valid(answer, 200, "PaymentDetail")
        self.assertEqual((body["amount"], body["order"]["id"]), (1, self.draft.id))
        self.assertEqual(body["session"]["id"], self.session.id)
        tag = {"If-None-Match": answer.headers["ETag"]}
        self.assertEqual(self.get(f"/payments/{number}", headers=tag).status_code, 304)
        self.assert_problem(self.get("/payments/2147483647"), 404)

    def void(self, number, token=None):
        return self.send("DELETE", f"/payments/{number}", token=token or self.token)

    def test_void(self):
        number = self.pay(1).json()["payment"]["id"]
        self.assertEqual(self.void(number).status_code, 204)
        self.assertFalse(self.draft.payment_ids)
        body = self.get(f"/orders/{self.draft.id}").json()
        self.assertEqual((body["paid"], body["due"]), (0, 2.3))
        self.assert_problem(self.void(number), 404)

    def test_payment_of_a_paid_order_stays(self):
        number = self.pay(2.3).json()["payment"]["id"]
        self.assert_problem(self.void(number), 409, "not-a-draft")
        self.assertAlmostEqual(self.draft.amount_paid, 2.3)

    def test_void_in_a_closed_session(self):
        number = self.pay(1).json()["payment"]["id"]
        self.session.state = "closed"
        self.assert_problem(self.void(number), 409, "no-open-session")

    def test_roles(self):
        body = self.payment(1)
        self.assert_problem(self.send("POST", self.path, json=body, headers=new_idempotency_key()), 401)
        other, manager = self.other_cashier(), self.access(self.manager)
        self.assert_problem(self.pay(1, token=other), 404)
        number = self.pay(1).json()["payment"]["id"]
        for method in ("GET", "DELETE"):
            self.assert_problem(self.send(method, f"/payments/{number}"), 401)
            self.assert_problem(self.send(method, f"/payments/{number}", token=other), 404)
        self.valid(self.get(f"/payments/{number}", token=manager), 200, "PaymentDetail")
        self.assertEqual(self.void(number, token=manager).status_code, 204)
        self.assertEqual(self.pay(2.3, token=manager).json()["order"]["state"], "paid")


@tagged("post_install", "-at_install")
class TestPaymentMethods(SellingCase):
    def methods(self, **query):
        answer = self.get("/payment-methods", params={"limit": 100, **query})
        return {one["name"]: one for one in self.valid(answer, 200, "PaymentMethodPage")["items"]}

    def test_methods_of_a_till(self):
        new_till(self.env, "APIU")
        found = self.methods(config_id=self.till.id)
        self.assertEqual(
            {name: method["type"] for name, method in found.items()},
            {"APIT cash": "cash", "APIT card": "bank"},
        )
        self.assertEqual(found["APIT cash"]["journal"]["name"], "APIT cash")
        self.assertEqual(found["APIT cash"]["configs"], [self.till.id])
        others = self.env["pos.payment.method"].search_count([]) - 10  # of a database with many tills
        self.assertIn("APIU cash", self.methods(sort="id", offset=max(0, others)))

    def test_customer_s_account(self):
        if version_info[0] < 15:
            self.skipTest("14.0 has no such methods")
        later = {"name": "api later", "split_transactions": True, "journal_id": False}
        self.env["pos.payment.method"].create(later)
        method = self.methods()["api later"]
        self.assertEqual(
            (method["type"], method["journal"], method["needs_customer"]), ("account", None, True)
        )

    def test_roles(self):
        self.assert_problem(self.send("GET", "/payment-methods"), 401)
        for token in (self.other_cashier(), self.access(self.manager)):
            self.assertEqual(self.get("/payment-methods", token=token).status_code, 200)
