import requests.utils
from odoo.tests import tagged

from ..frame import document
from ..frame.validation import check_body
from .common import ApiCase, new_idempotency_key, new_product, new_till, open_session


@tagged("post_install", "-at_install")
class TestProducts(ApiCase):
    def setUp(self):
        super().setUp()
        drinks = self.env["pos.category"].create({"name": "api drinks"})
        self.hot = self.env["pos.category"].create({"name": "api hot", "parent_id": drinks.id})
        self.drinks = drinks
        self.tea = new_product(
            self.env, "apitest tea", 2.0, barcode="apibar1", default_code="APITEA", pos_categ_id=self.hot.id
        )
        self.cake = new_product(self.env, "apitest cake", 3.0)
        self.wine = new_product(self.env, "apitest wine", 12.5, pos_categ_id=drinks.id)
        self.hidden = new_product(self.env, "api hidden", 1.0, available_in_pos=False)
        self.token = self.access(self.cashier)

    def names(self, **query):
        answer = self.send("GET", "/products", token=self.token, params={"q": "apitest", **query})
        self.assertEqual(answer.status_code, 200, answer.text)
        schema = document.load()["components"]["schemas"]["ProductPage"]
        check_body(schema, answer.json())
        return [item["name"] for item in answer.json()["items"]]

    def test_filters(self):
        for query, names in (
            ({}, ["apitest tea", "apitest cake", "apitest wine"]),
            ({"q": "APITEA"}, ["apitest tea"]),
            ({"q": "no such thing"}, []),
            ({"q": "apitest%"}, []),
            ({"q": "apitest_tea"}, []),
            ({"q": "apitest\\"}, []),
            ({"barcode": "apibar1"}, ["apitest tea"]),
            ({"barcode": "apibar"}, []),
            ({"category_id": self.drinks.id}, ["apitest tea", "apitest wine"]),
            ({"category_id": self.hot.id}, ["apitest tea"]),
            ({"ids": f"{self.cake.id},{self.hidden.id}"}, ["apitest cake"]),
            ({"price_min": "2.5"}, ["apitest cake", "apitest wine"]),
            ({"price_min": "2.5", "price_max": "3"}, ["apitest cake"]),
        ):
            with self.subTest(query=query):
                self.assertEqual(self.names(**query), names)

    def test_pages(self):
        first = self.send("GET", "/products", token=self.token, params={"q": "apitest", "limit": 2})
        links = requests.utils.parse_header_links(first.headers["Link"])
        self.assertEqual([link["rel"] for link in links], ["next"])
        second = self.send("GET", links[0]["url"][len("/api/v1") :], token=self.token)
        self.assertEqual([item["name"] for item in second.json()["items"]], ["apitest wine"])
        self.assertNotIn("Link", second.headers)
        everything = self.send("GET", "/products", token=self.token, params={"q": "apitest"})
        self.assertNotIn("Link", everything.headers)

    def test_best_sellers_first(self):
        session = open_session(new_till(self.env, "APIT"), self.cashier)
        line = {
            "product_id": self.wine.id,
            "qty": 3,
            "price_unit": 1,
            "price_subtotal": 3,
            "price_subtotal_incl": 3,
        }
        self.env["pos.order"].create(
            {
                "session_id": session.id, "company_id": session.company_id.id, "lines": [(0, 0, line)],
                "pricelist_id": session.config_id.pricelist_id.id,
                "amount_total": 3, "amount_tax": 0, "amount_paid": 3, "amount_return": 0,
            }
        ).state = "paid"  # fmt: skip
        self.assertEqual(self.names(sort="-sales"), ["apitest wine", "apitest tea", "apitest cake"])
        self.assertEqual(self.names(sort="-sales", limit=1, offset=1), ["apitest tea"])

    def test_detail(self):
        answer = self.send("GET", f"/products/{self.tea.id}", token=self.token)
        body = answer.json()
        check_body(document.load()["components"]["schemas"]["ProductDetail"], body)
        self.assertEqual((body["name"], body["code"], body["price"]), ("apitest tea", "APITEA", 2.0))
        self.assertEqual([tax["amount"] for tax in body["taxes"]], [15.0])
        self.assertEqual((body["pricing"]["price"], body["pricing"]["price_with_tax"]), (2.0, 2.3))
        self.assertEqual([variant["id"] for variant in body["variants"]], [self.tea.id])

    def test_detail_shows_the_pricelist_of_the_open_till(self):
        till = new_till(self.env, "APIT")
        item = {"applied_on": "3_global", "compute_price": "percentage", "percent_price": 50}
        till.pricelist_id = till.available_pricelist_ids = self.env["product.pricelist"].create(
            {"name": "api half", "item_ids": [(0, 0, item)], "currency_id": till.currency_id.id}
        )
        open_session(till, self.cashier)
        body = self.send("GET", f"/products/{self.tea.id}", token=self.token).json()
        self.assertEqual(body["pricing"]["price"], 1.0)

    def test_the_price_shown_is_the_price_charged(self):
        free = self.env["account.tax"].create({"name": "api 0 %", "amount": 0})
        position = self.env["account.fiscal.position"].create(
            {
                "name": "api untaxed",
                "tax_ids": [(0, 0, {"tax_src_id": self.tea.taxes_id.id, "tax_dest_id": free.id})],
            }
        )
        till = new_till(self.env, "APIT")
        till.write(
            {
                "tax_regime": True,  # without it 14.0 keeps no position
                "fiscal_position_ids": [(4, position.id)],
                "default_fiscal_position_id": position.id,
            }
        )
        open_session(till, self.cashier)
        self.tea.list_price = 2.005
        shown = self.send("GET", f"/products/{self.tea.id}", token=self.token).json()["pricing"]
        body = {"lines": [{"product_id": self.tea.id, "quantity": 1}]}
        charged = self.send(
            "POST", "/orders", token=self.token, json=body, headers=new_idempotency_key()
        ).json()
        self.assertEqual(charged["tax"], 0)
        self.assertEqual(shown["price"], charged["lines"][0]["unit_price"])
        self.assertEqual(shown["price_with_tax"], charged["total"])

    def test_entity_tag(self):
        path = f"/products/{self.tea.id}"
        tag = self.send("GET", path, token=self.token).headers["ETag"]
        for sent, status in ((tag, 304), ("W/" + tag, 304), (f'"x", {tag}', 304), ("*", 304), ('"x"', 200)):
            with self.subTest(sent=sent):
                answer = self.send("GET", path, token=self.token, headers={"If-None-Match": sent})
                self.assertEqual(answer.status_code, status)
                self.assertEqual(answer.headers["ETag"], tag)
        self.tea.taxes_id.amount = 20.0
        answer = self.send("GET", path, token=self.token, headers={"If-None-Match": tag})
        self.assertEqual(answer.status_code, 200)

    def test_what_is_not_sold_here_is_not_found(self):
        for number in (self.hidden.id, 2147483647):
            self.assert_problem(self.send("GET", f"/products/{number}", token=self.token), 404)
