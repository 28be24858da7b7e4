from odoo.tests import tagged

from ..frame import document
from ..frame.validation import check_body
from .common import CASHIER, ApiCase, new_product, new_user


class ProductCase(ApiCase):
    def setUp(self):
        super().setUp()
        self.drinks = self.env["pos.category"].create({"name": "api drinks"})
        self.tea = new_product(self.env, "apitest tea", 2.0, pos_categ_id=self.drinks.id)
        self.boss, self.till = self.access(self.manager), self.access(self.cashier)

    def read(self, product=None, token=None, headers=None, path=""):
        product = product or self.tea
        return self.send("GET", f"/products/{product.id}{path}", token=token or self.boss, headers=headers)


@tagged("post_install", "-at_install")
class TestProductChanges(ProductCase):
    def change(self, product=None, token=None, tag=None, **body):
        product = product or self.tea
        tag = tag or self.read(product).headers.get("ETag")
        return self.send(
            "PATCH",
            f"/products/{product.id}",
            token=token or self.boss,
            headers={"If-Match": tag} if tag else {},
            json=body,
        )

    def variants(self):
        """Return two variants of a product for 3.00, one of which costs 1.50 more."""
        attribute = self.env["product.attribute"].create({"name": "api size"})
        values = self.env["product.attribute.value"].create(
            [{"name": name, "attribute_id": attribute.id} for name in ("small", "large")]
        )
        line = {"attribute_id": attribute.id, "value_ids": [(6, 0, values.ids)]}
        small = new_product(self.env, "apitest cup", 3.0)
        template = small.product_tmpl_id
        template.attribute_line_ids = [(0, 0, line)]
        template.attribute_line_ids.product_template_value_ids[1].price_extra = 1.5
        return template.product_variant_ids.sorted("lst_price")

    def test_change(self):
        food = self.env["pos.category"].create({"name": "api food"})
        answer = self.change(price=2.75, category_id=food.id)
        self.assertEqual(answer.status_code, 200, answer.text)
        body = answer.json()
        check_body(document.load()["components"]["schemas"]["ProductDetail"], body)
        self.assertEqual((body["price"], body["category"]["id"]), (2.75, food.id))
        self.assertEqual(body["pricing"]["price_with_tax"], 3.16)
        template = self.tea.product_tmpl_id
        self.assertEqual((template.list_price, template.pos_categ_id), (2.75, food))
        self.assertEqual(template.write_uid, self.manager)
        self.assertEqual(self.read().json(), body)
        self.assertEqual(self.read().headers["ETag"], answer.headers["ETag"])
        self.assertIsNone(self.change(category_id=None).json()["category"])
        self.assertFalse(template.pos_categ_id)
        self.assertEqual(template.list_price, 2.75)

    def test_price_is_rounded_as_odoo_rounds_it(self):
        answer = self.change(price=1.239)
        self.assertEqual(answer.json()["price"], 1.24)
        self.assertEqual(self.read().json(), answer.json())
        self.assertEqual(self.read().headers["ETag"], answer.headers["ETag"])

    def test_price_of_a_variant_moves_those_of_the_others(self):
        small, large = self.variants()
        self.assertEqual([self.read(one).json()["price"] for one in (small, large)], [3.0, 4.5])
        self.assertEqual(self.change(large, price=6.0).json()["price"], 6.0)
        self.assertEqual([self.read(one).json()["price"] for one in (small, large)], [4.5, 6.0])
        problem = self.assert_problem(self.change(large, price=1.0), 422, "invalid")
        self.assertEqual(problem["errors"][0]["pointer"], "/price")
        self.assertEqual(large.lst_price, 6.0)
        self.assertEqual(self.change(large, price=1.5).json()["price"], 1.5)
        self.assertEqual(self.read(small).json()["price"], 0.0)

    def test_taken_out_and_brought_back(self):
        self.assertEqual(self.read(token=self.till).status_code, 200)
        answer = self.change(available_in_pos=False)
        self.assertIs(answer.json()["available_in_pos"], False)
        self.assert_problem(self.read(token=self.till), 404)
        for token in (self.till, self.boss):
            listed = self.send("GET", "/products", token=token, params={"ids": self.tea.id})
            self.assertEqual(listed.json()["items"], [])
        self.assertEqual(self.read().json(), answer.json())
        self.assertEqual(self.change(tag=answer.headers["ETag"], available_in_pos=True).status_code, 200)
        self.assertIs(self.read(token=self.till).json()["available_in_pos"], True)

    def test_preconditions(self):
        old = self.read().headers["ETag"]
        self.assertEqual(self.change(price=3).status_code, 200)
        answer = self.change(tag=old, price=4)
        self.assert_problem(answer, 412, "precondition-failed")
        self.assertEqual(answer.headers["ETag"], self.read().headers["ETag"])
        answer = self.send("PATCH", f"/products/{self.tea.id}", token=self.boss, json={"price": 4})
        self.assert_problem(answer, 428, "precondition-required")
        self.assertEqual(self.tea.list_price, 3.0)

    def test_a_tag_is_out_of_date_when_another_variant_was_changed(self):
        small, large = self.variants()
        tag = self.read(small).headers["ETag"]
        self.assertEqual(self.change(large, price=9).status_code, 200)
        self.assert_problem(self.change(small, tag=tag, price=1), 412)

    def test_nothing_sent_changes_nothing(self):
        before = self.read().json()
        answer = self.change()
        self.assertEqual((answer.status_code, answer.json()), (200, before))

    def test_what_is_not_sold_is_not_found(self):
        unsold = new_product(self.env, "apitest unsold", 1, sale_ok=False)
        other = self.env["res.company"].create({"name": "apitest elsewhere"})
        elsewhere = new_product(self.env, "apitest elsewhere", 1, company_id=other.id)
        for product in (unsold, elsewhere, self.env["product.product"].browse(2147483647)):
            self.assert_problem(self.read(product), 404)
            self.assert_problem(self.change(product, tag='"x"', price=1), 404)

    def test_fields(self):
        for body, pointer in (
            ({"price": -1}, "/price"),
            ({"price": 1000000001}, "/price"),
            ({"price": "2"}, "/price"),
            ({"price": None}, "/price"),
            ({"available_in_pos": None}, "/available_in_pos"),
            ({"available_in_pos": 1}, "/available_in_pos"),
            ({"category_id": 2147483647}, "/category_id"),
            ({"category_id": 0}, "/category_id"),
            ({"category_id": "x"}, "/category_id"),
            ({"name": "x"}, "/name"),
            ({"lst_price": 1}, "/lst_price"),
        ):
            with self.subTest(body=body):
                problem = self.assert_problem(self.change(**body), 422, "invalid")
                self.assertEqual([error["pointer"] for error in problem["errors"]], [pointer])
        self.assertEqual((self.tea.list_price, self.tea.pos_categ_id), (2.0, self.drinks))

    def test_roles(self):
        path, tag = f"/products/{self.tea.id}", self.read().headers["ETag"]
        other = self.access(new_user(self.env, "api-other", CASHIER))
        for token, status in ((None, 401), (self.till, 403), (other, 403), (self.boss, 200)):
            with self.subTest(status=status):
                answer = self.send("PATCH", path, token=token, headers={"If-Match": tag}, json={"price": 5})
                self.assertEqual(answer.status_code, status, answer.text)
                self.assertEqual(self.tea.list_price, 5.0 if status == 200 else 2.0)


@tagged("post_install", "-at_install")
class TestStock(ProductCase):
    def setUp(self):
        super().setUp()
        self.rice = new_product(self.env, "apitest rice", 4.0, type="product")
        self.main = self.env["stock.warehouse"].search([("company_id", "=", self.env.company.id)], limit=1)
        self.second = self.env["stock.warehouse"].create({"name": "apitest second", "code": "APIT2"})

    def stock(self, product=None, token=None, **options):
        return self.read(product or self.rice, token=token or self.till, path="/stock", **options)

    def put(self, warehouse, quantity):
        self.env["stock.quant"]._update_available_quantity(self.rice, warehouse.lot_stock_id, quantity)

    def move(self, source, target, quantity):
        move = self.env["stock.move"].create(
            {
                "name": "apitest", "product_id": self.rice.id, "product_uom": self.rice.uom_id.id,
                "product_uom_qty": quantity, "location_id": source.id, "location_dest_id": target.id,
            }
        )  # fmt: skip
        move._action_confirm()
        return move

    def by_warehouse(self, answer):
        body = answer.json()
        check_body(document.load()["components"]["schemas"]["Stock"], body)
        return {item.pop("warehouse")["id"]: item for item in body["warehouses"]}

    def test_quantities_are_odoo_s(self):
        self.put(self.main, 10)
        self.put(self.second, 2.5)
        customers = self.env.ref("stock.stock_location_customers")
        suppliers = self.env.ref("stock.stock_location_suppliers")
        self.move(self.main.lot_stock_id, customers, 3)._action_assign()
        self.move(suppliers, self.main.lot_stock_id, 4)
        self.env["base"].flush()
        shown = self.by_warehouse(self.stock())
        self.assertEqual(
            shown[self.main.id],
            {
                "on_hand": 10, "reserved": 3, "available": 7,
                "incoming": 4, "outgoing": 3, "forecast": 11,
            },
        )  # fmt: skip
        self.assertEqual((shown[self.second.id]["on_hand"], shown[self.second.id]["forecast"]), (2.5, 2.5))
        for warehouse in self.main | self.second:
            there = self.rice.with_context(warehouse=warehouse.id)
            self.assertEqual(shown[warehouse.id]["on_hand"], there.qty_available)
            self.assertEqual(shown[warehouse.id]["available"], there.free_qty)
            self.assertEqual(shown[warehouse.id]["forecast"], there.virtual_available)

    def test_no_stock_yet(self):
        body = self.stock().json()
        self.assertIs(body["stored"], True)
        self.assertEqual(body["product"], {"id": self.rice.id, "name": "apitest rice"})
        self.assertEqual({item["on_hand"] for item in body["warehouses"]}, {0})

    def test_what_odoo_keeps_no_stock_of(self):
        for kind in ("consu", "service"):
            body = self.stock(new_product(self.env, f"apitest {kind}", 1.0, type=kind)).json()
            self.assertEqual((body["stored"], body["warehouses"]), (False, []))

    def test_only_warehouses_of_the_caller_s_companies(self):
        other = self.env["res.company"].create({"name": "apitest elsewhere"})
        elsewhere = self.env["stock.warehouse"].search([("company_id", "=", other.id)])
        self.assertTrue(elsewhere)
        shown = set(self.by_warehouse(self.stock()))
        self.assertIn(self.main.id, shown)
        self.assertFalse(shown & set(elsewhere.ids))
        self.cashier.company_ids |= other
        self.assertLessEqual(set(elsewhere.ids), set(self.by_warehouse(self.stock())))

    def test_entity_tag(self):
        tag = self.stock().headers["ETag"]
        self.assertEqual(self.stock(headers={"If-None-Match": tag}).status_code, 304)
        self.put(self.main, 1)
        self.assertEqual(self.stock(headers={"If-None-Match": tag}).status_code, 200)

    def test_roles_and_unknown_products(self):
        self.assert_problem(self.send("GET", f"/products/{self.rice.id}/stock"), 401, "unauthorized")
        self.assertEqual(self.stock(token=self.boss).json(), self.stock().json())
        self.assert_problem(self.stock(self.env["product.product"].browse(2147483647)), 404)
        self.rice.available_in_pos = False
        self.assert_problem(self.stock(), 404)
        self.assertEqual(self.stock(token=self.boss).status_code, 200)
