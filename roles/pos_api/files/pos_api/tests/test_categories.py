from odoo.tests import tagged

from ..frame import document
from ..frame.validation import check_body
from .common import ApiCase, new_product


@tagged("post_install", "-at_install")
class TestCategories(ApiCase):
    def setUp(self):
        super().setUp()
        categories = self.env["pos.category"]
        self.drinks = categories.create({"name": "apitest drinks", "sequence": 2})
        self.food = categories.create({"name": "apitest food", "sequence": 1})
        self.hot = categories.create({"name": "apitest hot", "parent_id": self.drinks.id, "sequence": 3})
        self.tea = new_product(self.env, "apitest tea", 2, pos_categ_id=self.hot.id)
        new_product(self.env, "apitest wine", 9, pos_categ_id=self.drinks.id)
        new_product(self.env, "apitest hidden", 9, pos_categ_id=self.hot.id, available_in_pos=False)
        new_product(self.env, "apitest unsold", 9, pos_categ_id=self.hot.id, sale_ok=False)
        self.token = self.access(self.cashier)

    def list(self, headers=None, **query):
        return self.send(
            "GET", "/categories", token=self.token, headers=headers, params={"q": "apitest", **query}
        )

    def names(self, **query):
        answer = self.list(**query)
        self.assertEqual(answer.status_code, 200, answer.text)
        check_body(document.load()["components"]["schemas"]["CategoryPage"], answer.json())
        return [item["name"] for item in answer.json()["items"]]

    def test_the_till_s_order_and_levels(self):
        self.assertEqual(self.names(), ["apitest food", "apitest drinks", "apitest hot"])
        self.assertEqual(self.names(sort="id"), ["apitest drinks", "apitest food", "apitest hot"])
        self.assertEqual(self.names(sort="name"), ["apitest drinks", "apitest food", "apitest hot"])
        self.assertEqual(self.names(top="true"), ["apitest food", "apitest drinks"])
        self.assertEqual(self.names(top="false"), ["apitest hot"])
        self.assertEqual(self.names(parent_id=self.drinks.id), ["apitest hot"])
        self.assertEqual(self.names(parent_id=self.hot.id), [])
        self.assertEqual(self.names(limit=1, offset=1), ["apitest drinks"])
        self.assertEqual(self.names(q="apitest_hot"), [])
        hot = self.list(parent_id=self.drinks.id).json()["items"][0]
        self.assertEqual(hot["path"], "apitest drinks / apitest hot")
        self.assertEqual(hot["parent"], {"id": self.drinks.id, "name": "apitest drinks"})

    def test_counts_are_those_of_the_list_of_products(self):
        for item in self.list().json()["items"]:
            query = {"category_id": item["id"], "limit": 100}
            products = self.send("GET", "/products", token=self.token, params=query).json()["items"]
            self.assertEqual(item["product_count"], len(products))
            own = [product for product in products if product["category"]["id"] == item["id"]]
            self.assertEqual(item["own_product_count"], len(own))
        counts = {item["id"]: item["product_count"] for item in self.list().json()["items"]}
        self.assertEqual(
            [counts[one.id] for one in (self.drinks, self.hot, self.food)],
            [2, 1, 0],
        )

    def test_counting_takes_as_many_queries_for_a_page_as_for_one(self):
        counted = []
        for number in (1, 20):
            for index in range(number):
                self.env["pos.category"].create({"name": f"apitest many {number} {index}"})
            self.env.cache.invalidate()
            page = self.env["pos.category"].search([("name", "ilike", f"apitest many {number} ")])
            self.assertEqual(len(page), number)
            before = self.env.cr.sql_log_count
            page.read(["pos_api_count", "pos_api_own_count"])
            counted.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counted[1], counted[0])

    def test_entity_tag_of_the_list(self):
        tag = self.list().headers["ETag"]
        answer = self.list(headers={"If-None-Match": tag})
        self.assertEqual((answer.status_code, answer.content), (304, b""))
        self.tea.available_in_pos = False
        answer = self.list(headers={"If-None-Match": tag})
        self.assertEqual(answer.status_code, 200)
        self.assertNotEqual(answer.headers["ETag"], tag)

    def test_roles(self):
        self.assert_problem(self.send("GET", "/categories"), 401, "unauthorized")
        manager = self.send("GET", "/categories", token=self.access(self.manager), params={"q": "apitest"})
        self.assertEqual(manager.json(), self.list().json())

    def test_bad_parameters(self):
        for query in ({"parent_id": "0"}, {"parent_id": "x"}, {"top": "1"}, {"sort": "-id"}, {"limit": 101}):
            with self.subTest(query=query):
                problem = self.assert_problem(self.list(**query), 422, "invalid")
                self.assertEqual(problem["errors"][0]["query"], next(iter(query)))
