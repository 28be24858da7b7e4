from datetime import datetime
from unittest.mock import patch

from odoo.release import version_info
from odoo.tests import tagged

from ..operations import sales_report
from ..records import number
from .common import new_product
from .till import TillCase, counting_till


@tagged("post_install", "-at_install")
class TestSalesReport(TillCase):
    def setUp(self):
        super().setUp()
        self.cake = new_product(self.env, "api cake", 3.33, default_code="CAKE")
        self.till.manual_discount = True
        _body, self.session = self.opened()

    def report(self, query="", token=None):
        return self.get(f"/reports/sales{query}", token or self.managers)

    def basket(self, *lines, method=None):
        """Sell (product, quantity, discount) lines and return the order."""
        body = {
            "session_id": self.session.id,
            "lines": [
                {"product_id": product.id, "quantity": quantity, "discount": discount}
                for product, quantity, discount in lines
            ],
            "payments": [{"payment_method_id": (method or self.cash).id, "amount": 500}],
        }
        if method:
            del body["payments"]
        answer = self.post("/orders", body)
        self.assertEqual(answer.status_code, 201, answer.text)
        order = self.env["pos.order"].browse(answer.json()["id"])
        if method:
            self.pay(order, method)
        return order

    def pay(self, order, method):
        wizard = self.env["pos.make.payment"].with_context(active_id=order.id)
        wizard.create({"amount": order.amount_total, "payment_method_id": method.id}).check()

    def refund(self, order):
        # 14.0 refunds in the user's own session
        user = self.manager if version_info[0] >= 15 else self.cashier
        back = self.env["pos.order"].browse(order.with_user(user).refund()["res_id"])
        self.pay(back, self.cash)
        return back

    def sell_all(self):
        """Sell, also with discounts and on a card, and refund; leave a draft too."""
        sold = self.basket((self.tea, 2, 0), (self.cake, 1, 0))
        sold |= self.basket((self.tea, 1, 0), (self.tea, 1, 25), method=self.card)
        sold |= self.basket((self.cake, 4, 10))
        sold |= self.refund(sold[1])
        self.sell(self.session)
        return sold

    def assert_like_odoo(self, body, **asked):
        """Compare a report on one page with Odoo's own for the same orders."""
        model = self.env["report.point_of_sale.report_saledetails"].with_user(self.manager)
        odoo = model.get_sale_details(**asked)
        self.assertEqual(body["total"], number(odoo["total_paid"]))
        self.assertEqual(
            {item["method"]: item["amount"] for item in body["payments"]},
            {item["name"]: number(item["total"]) for item in odoo["payments"]},
        )
        self.assertEqual(
            {item["name"]: (item["base"], item["amount"]) for item in body["taxes"]},
            {
                item["name"]: (number(item["base_amount"]), number(item["tax_amount"]))
                for item in odoo["taxes"]
            },
        )
        self.assertEqual(
            {
                (
                    item["product"]["id"],
                    item["unit_price"],
                    item["discount"],
                    item["code"],
                    item["unit"],
                ): item["quantity"]
                for item in body["products"]
            },
            {
                (
                    item["product_id"],
                    number(item["price_unit"]),
                    item["discount"],
                    item["code"] or None,
                    item["uom"],
                ): item["quantity"]
                for item in odoo["products"]
            },
        )

    def test_a_session(self):
        sold = self.sell_all()
        body = self.valid(self.report(f"?session_id={self.session.id}"), 200, "SalesReport")
        self.assert_like_odoo(body, session_ids=self.session.ids)
        self.assertEqual(body["total"], number(sum(sold.mapped("amount_total"))))
        self.assertEqual(
            number(sum(item["amount"] for item in body["taxes"])), number(sum(sold.mapped("amount_tax")))
        )
        self.assertEqual((body["session"]["id"], body["from"], body["to"]), (self.session.id, None, None))
        self.assertEqual(body["company"]["id"], self.env.company.id)
        self.assertEqual(body["currency"], self.env.company.currency_id.name)
        rows = [(item["product"]["name"], item["discount"], item["quantity"]) for item in body["products"]]
        self.assertEqual(
            rows, [("api cake", 0, 1), ("api cake", 10, 4), ("api tea", 0, 2), ("api tea", 25, 0)]
        )

    def test_the_same_after_the_closing(self):
        self.sell_all()
        self.session.order_ids.filtered(lambda order: order.state == "draft").unlink()
        before = self.report(f"?session_id={self.session.id}").json()
        expected = self.get(f"/sessions/{self.session.id}").json()["cash"]["expected"]
        self.assertEqual(self.close(self.session, expected).status_code, 200)
        self.assertEqual(self.report(f"?session_id={self.session.id}").json(), before)

    def test_days_in_the_managers_time_zone(self):
        self.manager.tz = "America/New_York"
        moments = {
            "2001-03-31 04:59:59": False,
            "2001-03-31 05:00:00": True,
            "2001-04-02 03:59:59": True,  # summer time has begun
            "2001-04-02 04:00:00": False,
        }
        wanted = self.env["pos.order"]
        for text, within in moments.items():
            order = self.basket((self.tea, 1, 0))
            order._write({"date_order": datetime.fromisoformat(text)})
            wanted |= order if within else wanted
        answer = self.report("?date_from=2001-03-31&date_to=2001-04-01")
        body = self.valid(answer, 200, "SalesReport")
        self.assertEqual((body["from"], body["to"]), ("2001-03-31T05:00:00Z", "2001-04-02T03:59:59Z"))
        self.assertEqual(body["total"], number(sum(wanted.mapped("amount_total"))))
        self.assertEqual([item["quantity"] for item in body["products"]], [2])
        self.assert_like_odoo(body, date_start="2001-03-31 05:00:00", date_stop="2001-04-02 03:59:59")
        self.assertIsNone(body["session"])

    def test_one_day_and_nothing_sold(self):
        self.manager.tz = False
        body = self.valid(self.report("?date_from=2001-01-01"), 200, "SalesReport")
        self.assertEqual((body["from"], body["to"]), ("2001-01-01T00:00:00Z", "2001-01-01T23:59:59Z"))
        self.assertEqual((body["total"], body["payments"], body["taxes"], body["products"]), (0, [], [], []))

    def test_products_are_paged(self):
        self.sell_all()
        path, seen = f"/reports/sales?session_id={self.session.id}&limit=3", []
        whole = self.get(path.replace("limit=3", "limit=100"), self.managers).json()
        for count in (3, 1):
            answer = self.get(path, self.managers)
            body = self.valid(answer, 200, "SalesReport")
            self.assertEqual((len(body["products"]), body["product_count"]), (count, 4))
            self.assertEqual(body["total"], whole["total"])
            seen += body["products"]
            path = answer.headers["Link"].split(">")[0].replace("</api/v1", "")
        self.assertEqual(seen, whole["products"])

    def test_another_company_has_no_part_in_it(self):
        company = self.env["res.company"].create({"name": "api other company"})
        self.manager.company_ids |= company
        self.manager.company_id = company
        self.basket((self.tea, 1, 0))._write({"date_order": datetime(2001, 3, 31, 12)})
        body = self.report("?date_from=2001-03-31").json()
        self.assertEqual((body["company"]["id"], body["total"]), (company.id, 0))
        body = self.report(f"?session_id={self.session.id}").json()
        self.assertEqual((body["company"]["id"], body["total"]), (self.env.company.id, 2.3))

    def test_refusals(self):
        session = f"session_id={self.session.id}"
        for query, name in (
            ("", "date_from"),
            ("?date_to=2001-01-01", "date_from"),
            (f"?{session}&date_from=2001-01-01", "date_from"),
            (f"?{session}&date_to=2001-01-01", "date_to"),
            ("?date_from=2001-02-29", "date_from"),
            ("?date_from=2001-2-1", "date_from"),
            ("?date_from=2001-02-02&date_to=2001-02-01", "date_to"),
            ("?date_from=2001-01-01&date_to=2001-02-01", "date_to"),
            ("?date_from=9999-12-31", "date_from"),
            ("?session_id=2147483647", "session_id"),
            ("?session_id=x", "session_id"),
            (f"?{session}&limit=101", "limit"),
            (f"?{session}&sort=id", "sort"),
        ):
            with self.subTest(query=query):
                problem = self.assert_problem(self.report(query), 422, "invalid")
                self.assertEqual([error["query"] for error in problem["errors"]], [name])

    def test_too_many_lines(self):
        self.manager.tz = False
        self.basket((self.tea, 1, 0), (self.cake, 1, 0))._write({"date_order": datetime(2001, 3, 31, 12)})
        for most, status in ((1, 422), (2, 200)):
            with patch.object(sales_report, "MOST_LINES", most):
                answer = self.report("?date_from=2001-03-31")
            self.assertEqual(answer.status_code, status, answer.text)

    def test_a_session_of_a_company_that_is_not_the_managers(self):
        till = counting_till(self.env, "APIF")
        _body, session = self.opened(till)
        company = self.env["res.company"].create({"name": "api other company"})
        self.manager.write({"company_ids": [(6, 0, company.ids)], "company_id": company.id})
        problem = self.assert_problem(self.report(f"?session_id={session.id}"), 422, "invalid")
        self.assertEqual(problem["errors"][0]["query"], "session_id")

    def test_who_may(self):
        query = f"?session_id={self.session.id}"
        self.assert_problem(self.send("GET", f"/reports/sales{query}"), 401, "unauthorized")
        self.assert_problem(self.report(query, self.token), 403, "forbidden")
        self.assert_problem(self.report(query, self.others), 403, "forbidden")
        self.assertEqual(self.report(query).status_code, 200)
