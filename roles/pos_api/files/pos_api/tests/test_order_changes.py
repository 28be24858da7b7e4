from odoo.tests import tagged

from .common import new_idempotency_key, new_till, open_session
from .selling import SellingCase


@tagged("post_install", "-at_install")
class TestOrderReads(SellingCase):
    def listed(self, token=None, **query):
        answer = self.get("/orders", token=token, params=query)
        return [order["id"] for order in self.valid(answer, 200, "OrderSummaryPage")["items"]]

    def test_list(self):
        first, _order = self.paid(self.line())
        second, _order = self.sold(lines=[self.line()])
        self.assertEqual(self.listed(), [first["id"], second["id"]])
        for sort in ("-id", "-ordered_at"):
            self.assertEqual(self.listed(sort=sort), [second["id"], first["id"]])
        self.assertEqual(self.listed(limit=1, offset=1), [second["id"]])

    def test_filters(self):
        customer = self.env["res.partner"].create({"name": "api regular"})
        one, order = self.paid(self.line(), customer_id=customer.id)
        two, _order = self.sold(lines=[self.line()])
        self.assertEqual(self.listed(session_id=self.session.id), [one["id"], two["id"]])
        self.assertEqual(self.listed(session_id=self.session.id + 1000), [])
        self.assertEqual(self.listed(state="paid"), [one["id"]])
        self.assertEqual(self.listed(state="draft"), [two["id"]])
        self.assertEqual(self.listed(customer_id=customer.id), [one["id"]])
        order.date_order = "2026-03-01 09:30:00"
        self.assertEqual(self.listed(date_to="2026-03-01T09:30:00Z"), [])
        self.assertEqual(self.listed(date_to="2026-03-01T09:30:01Z"), [one["id"]])
        self.assertEqual(self.listed(date_to="2026-03-01T10:30:01+01:00"), [one["id"]])
        self.assertEqual(self.listed(date_from="2026-03-01T09:30:00Z"), [one["id"], two["id"]])
        self.assertEqual(self.listed(date_from="2026-03-01T09:30:01Z"), [two["id"]])

    def test_moments_that_are_none(self):
        none = ("2026-02-30T00:00:00Z", "2026-03-01", "2026-03-01T00:00:00", "0001-01-01T00:00:00+01:00")
        for name in ("date_from", "date_to"):
            for text in none:
                with self.subTest(name=name, text=text):
                    self.assertEqual(self.pointers(self.get("/orders", params={name: text}), 422), [name])

    def test_roles(self):
        mine, _order = self.sold(lines=[self.line()])
        self.assert_problem(self.send("GET", "/orders"), 401)
        self.assert_problem(self.send("GET", f"/orders/{mine['id']}"), 401)
        other = self.other_cashier()
        self.assertEqual(self.listed(token=other), [])
        self.assert_problem(self.get(f"/orders/{mine['id']}", token=other), 404)
        manager = self.access(self.manager)
        self.assertEqual(self.listed(token=manager, session_id=self.session.id), [mine["id"]])
        self.valid(self.get(f"/orders/{mine['id']}", token=manager), 200, "Order")

    def test_one_with_its_tag(self):
        made = self.order(lines=[self.line()])
        path = f"/orders/{made.json()['id']}"
        answer = self.get(path)
        self.assertEqual(self.valid(answer, 200, "Order"), made.json())
        self.assertEqual(answer.headers["ETag"], made.headers["ETag"])
        tag = {"If-None-Match": answer.headers["ETag"]}
        self.assertEqual(self.get(path, headers=tag).status_code, 304)
        self.post(f"{path}/payments", self.payment(1))
        self.assertEqual(self.get(path, headers=tag).status_code, 200)
        self.assert_problem(self.get("/orders/2147483647"), 404)


@tagged("post_install", "-at_install")
class TestOrderChanges(SellingCase):
    def setUp(self):
        super().setUp()
        self.regular = self.env["res.partner"].create(
            {"name": "api regular", "property_product_pricelist": self.half.id}
        )

    def tag(self, number, token=None):
        return {"If-Match": self.get(f"/orders/{number}", token=token).headers["ETag"]}

    def change(self, number, token=None, headers=None, **body):
        token = token or self.token
        headers = self.tag(number, token) if headers is None else headers
        return self.send("PATCH", f"/orders/{number}", token=token, json=body, headers=headers)

    def delete(self, number, token=None, headers=None):
        headers = self.tag(number, token) if headers is None else headers
        return self.send("DELETE", f"/orders/{number}", token=token or self.token, headers=headers)

    def changed(self, number, **body):
        return self.valid(self.change(number, **body), 200, "Order")

    def test_note(self):
        made, order = self.sold(lines=[self.line()], note="no sugar")
        self.assertEqual(self.changed(order.id, note="two sugars")["note"], "two sugars")
        self.assertEqual(self.changed(order.id)["note"], "two sugars")
        self.assertIsNone(self.changed(order.id, note=None)["note"])
        self.assertEqual(order.lines.ids, [line["id"] for line in made["lines"]])

    def test_customer_brings_pricelist_and_goes_with_it(self):
        _made, order = self.sold(lines=[self.line(), self.line(self.cake, unit_price=3)])
        body = self.changed(order.id, customer_id=self.regular.id)
        self.assertEqual([line["unit_price"] for line in body["lines"]], [1.0, 3.0])
        self.assertEqual((body["customer"]["id"], body["pricelist"]["id"]), (self.regular.id, self.half.id))
        self.assertEqual((body["total"], body["tax"]), (4.6, 0.6))
        body = self.changed(order.id, customer_id=None)
        self.assertEqual([line["unit_price"] for line in body["lines"]], [2.0, 3.0])
        self.assertEqual((body["customer"], body["pricelist"]["id"]), (None, self.till.pricelist_id.id))
        self.assertEqual(body["total"], 5.75)

    def test_customer_brings_fiscal_position(self):
        abroad = self.abroad(self.tea.taxes_id)
        _made, order = self.sold(lines=[self.line(unit_price=2.5)])
        body = self.changed(order.id, customer_id=abroad.id)
        self.assertEqual((body["total"], body["tax"]), (2.5, 0))
        self.assertEqual(body["fiscal_position"]["id"], abroad.property_account_position_id.id)

    def test_lines_take_the_place_of_the_old_ones(self):
        made, order = self.sold(lines=[self.line(quantity=2)])
        body = self.changed(order.id, lines=[self.line(self.cake)], customer_id=self.regular.id)
        self.assertEqual([line["product"]["id"] for line in body["lines"]], [self.cake.id])
        self.assertEqual(body["lines"][0]["unit_price"], 1.67)
        self.assertEqual(len(order.lines), 1)
        self.assertFalse(self.env["pos.order.line"].browse(made["lines"][0]["id"]).exists())

    def test_what_is_refused_changes_nothing(self):
        made, order = self.sold(lines=[self.line()])
        answer = self.change(order.id, note="x", customer_id=2147483647)
        self.assertEqual(self.pointers(answer, 422), ["/customer_id"])
        answer = self.change(order.id, lines=[self.line(), {"product_id": 2147483647, "quantity": 1}])
        self.assertEqual(self.pointers(answer, 422), ["/lines/1/product_id"])
        self.till.manual_discount = False
        self.assert_problem(self.change(order.id, lines=[self.line(discount=5)]), 403, "price-control")
        self.assertEqual(self.get(f"/orders/{order.id}").json(), made)

    def test_draft_with_payments_keeps_its_total(self):
        _made, order = self.sold(lines=[self.line()], payments=[self.payment(1)])
        for body in ({"lines": [self.line()]}, {"customer_id": self.regular.id}):
            self.assert_problem(self.change(order.id, **body), 409, "has-payments")
        self.assertEqual(self.changed(order.id, note="x", customer_id=None)["note"], "x")

    def test_paid_order_stays(self):
        _made, order = self.paid(self.line())
        self.assert_problem(self.change(order.id, note="x"), 409, "not-a-draft")
        self.assert_problem(self.delete(order.id), 409, "not-a-draft")
        self.assert_problem(self.post(f"/orders/{order.id}/lines", self.line()), 409, "not-a-draft")
        self.assertEqual((order.note, len(order.lines)), (False, 1))

    def test_tags_are_asked_for(self):
        _made, order = self.sold(lines=[self.line()])
        old = self.tag(order.id)
        self.changed(order.id, note="x")
        for call in (self.change, self.delete):
            self.assert_problem(call(order.id, headers={}), 428, "precondition-required")
            self.assert_problem(call(order.id, headers=old), 412, "precondition-failed")
            self.assert_problem(call(2147483647, headers=old), 404)
        self.assertEqual((order.note, order.state), ("x", "draft"))

    def test_draft_goes_with_its_payments(self):
        _made, order = self.sold(lines=[self.line()], payments=[self.payment(1)])
        number, payment = order.id, order.payment_ids
        moves = self.env["account.move"].search_count([])
        self.assertEqual(self.delete(number).status_code, 204)
        self.assertFalse(order.exists() or payment.exists())
        self.assertEqual(self.env["account.move"].search_count([]), moves)
        self.assert_problem(self.get(f"/orders/{number}"), 404)

    def test_session_that_is_being_closed(self):
        _made, order = self.sold(lines=[self.line()])
        tag = self.tag(order.id)
        self.session.state = "closing_control"
        self.assert_problem(self.change(order.id, headers=tag, note="x"), 409, "no-open-session")
        self.assert_problem(self.post(f"/orders/{order.id}/lines", self.line()), 409, "no-open-session")
        self.assertEqual(self.delete(order.id, headers=tag).status_code, 204)

    def test_closed_session(self):
        _made, order = self.sold(lines=[self.line()])
        tag = self.tag(order.id)
        self.session.state = "closed"
        self.assert_problem(self.delete(order.id, headers=tag), 409, "no-open-session")
        self.assertTrue(order.exists())

    def test_added_line(self):
        _made, order = self.sold(lines=[self.line()], customer_id=self.regular.id)
        answer = self.post(f"/orders/{order.id}/lines", self.line(self.cake, quantity=3, discount=10))
        body = self.valid(answer, 201, "Order")
        self.assertEqual(answer.headers["Location"], f"/api/v1/orders/{order.id}")
        self.assertEqual([line["product"]["id"] for line in body["lines"]], [self.tea.id, self.cake.id])
        self.assertEqual(body["lines"][1]["unit_price"], 1.67)
        self.assertEqual((body["total"], order.amount_total), (6.34, 6.34))

    def test_line_that_cannot_be_added(self):
        _made, order = self.sold(lines=[self.line()])
        path = f"/orders/{order.id}/lines"
        answer = self.post(path, {"product_id": 2147483647, "quantity": 1})
        self.assertEqual(self.pointers(answer, 422), ["/product_id"])
        self.assertEqual(self.pointers(self.post(path, self.line(quantity=0.001)), 422), ["/quantity"])
        self.till.restrict_price_control = True
        self.assert_problem(self.post(path, self.line(unit_price=1)), 403, "price-control")
        self.assertEqual(len(order.lines), 1)

    def test_line_is_added_once(self):
        _made, order = self.sold(lines=[self.line()])
        key, path = new_idempotency_key(), f"/orders/{order.id}/lines"
        first, again = (self.post(path, self.line(), headers=key) for _ in range(2))
        self.assertEqual((first.content, again.headers["Idempotency-Replayed"]), (again.content, "true"))
        self.assertEqual(len(order.lines), 2)
        _made, second = self.sold(lines=[self.line()])
        answer = self.post(f"/orders/{second.id}/lines", self.line(), headers=key)
        self.assert_problem(answer, 422, "idempotency-key-reused")

    def test_roles(self):
        _made, order = self.sold(lines=[self.line()])
        path, tag = f"/orders/{order.id}", self.tag(order.id)
        calls = (
            ("PATCH", path, {"json": {"note": "x"}, "headers": tag}),
            ("POST", f"{path}/lines", {"json": self.line(), "headers": new_idempotency_key()}),
            ("DELETE", path, {"headers": tag}),
        )
        other, manager = self.other_cashier(), self.access(self.manager)
        for method, where, options in calls:
            with self.subTest(method=method):
                self.assert_problem(self.send(method, where, **options), 401)
                self.assert_problem(self.send(method, where, token=other, **options), 404)
        self.assertEqual(self.change(order.id, token=manager, note="by the manager").status_code, 200)
        self.assertEqual(self.post(f"{path}/lines", self.line(), token=manager).status_code, 201)
        self.assertEqual(self.delete(order.id, token=manager).status_code, 204)

    def test_manager_without_price_control_of_cashiers(self):
        self.till.restrict_price_control = True
        _made, order = self.sold(lines=[self.line()])
        line = self.line(unit_price=1)
        answer = self.post(f"/orders/{order.id}/lines", line, token=self.access(self.manager))
        self.assertEqual(answer.json()["lines"][1]["unit_price"], 1)

    def test_other_till_s_session_stays_out_of_it(self):
        second = open_session(new_till(self.env, "APIU"), self.cashier)
        _made, order = self.sold(lines=[self.line()], session_id=second.id)
        self.session.state = "closing_control"
        self.assertEqual(self.changed(order.id, note="x")["note"], "x")
