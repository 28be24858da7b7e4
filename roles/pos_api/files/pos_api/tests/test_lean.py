import json
import random
import re
from types import SimpleNamespace

from odoo.release import version_info
from odoo.tests import tagged

from .. import tokens
from ..frame import call, dispatch, document, keyset
from ..frame.principal import role_of
from ..lean import known, plans
from .common import ApiCase, new_product, new_till, open_session

SEED = 20150
NAMES = (
    "Tea",
    'Bolt 1/2"',
    "back\\slash",
    "Überraschung",
    "100 % juice",
    "a\tb",
    "{braces}",
    "日本茶",
    "'quoted'",
)


@tagged("post_install", "-at_install")
class TestLean(ApiCase):
    """What is compiled is compared byte by byte with what the ordinary way sends."""

    def setUp(self):
        super().setUp()
        if version_info[0] != 15:
            self.skipTest("on 14.0 nothing is compiled")
        self.use_settings(session_pool="unused")
        self.random = random.Random(SEED)
        self.caller = None  # who asks
        self.env["res.lang"]._activate_lang("fr_FR")

    def called(self, user, operation_id, path_values=None, **query):
        """Return a call as it stands where its operation's function runs."""
        operation = document.operations()[operation_id]
        env = self.env(user=user, context=self.env["res.users"].with_user(user).context_get(), su=False)
        sent = {"limit": 50, "offset": 0, **query} if operation.takes("query", "limit") else query
        if operation.takes("query", "sort"):
            sent.setdefault("sort", operation.parameters["query", "sort"]["schema"]["default"])
        caller = SimpleNamespace(role=role_of(env.user), is_manager=role_of(env.user) == "manager")
        request = SimpleNamespace(env=env, registry=env.registry)
        return call.Call(
            operation,
            "",
            path_values or {},
            query=sent,
            principal=caller,
            request=request,
            database=env.cr.dbname,
        )

    def ordinary(self, made):
        self.env["base"].flush()
        self.env.cache.invalidate()
        function, _transaction = call.FUNCTIONS[made.operation.id]
        reply = function(made)
        return dispatch._serialize(reply).data, reply.headers

    def compiled(self, made):
        """Return what the compiled statement gives, None where it leaves the answer to the ordinary way."""
        plan = plans.compiled(made, call.LEAN[made.operation.id])
        if plan is None:
            return None
        values = plans.values(made, call.LEAN[made.operation.id], plan)
        self.env["base"].flush()
        cr = self.env.cr
        cr.execute(f"PREPARE tested AS {plan.text.replace('%', '%%')}")
        try:
            places = f" ({', '.join(['%s'] * len(values))})" if values else ""
            cr.execute(f"EXECUTE tested{places}", values)
            reply = plan.show(made, self.caller, cr.fetchone()[4])
        finally:
            cr.execute("DEALLOCATE tested")
        return (reply.body, reply.headers) if reply else None

    def assert_same(self, user, operation_id, path_values=None, **query):
        made = self.called(user, operation_id, path_values, **query)
        ordinary = self.ordinary(made)
        compiled = self.compiled(self.called(user, operation_id, path_values, **query))
        self.assertIsNotNone(compiled, f"{operation_id} {query} is not compiled")
        self.assertEqual(compiled[0].decode(), ordinary[0].decode(), (operation_id, query))
        self.assertEqual(compiled[1], ordinary[1], (operation_id, query))
        return json.loads(ordinary[0])

    def users(self):
        """Yield both roles in both languages."""
        for user in (self.cashier, self.manager):
            for lang in ("en_US", "fr_FR"):
                user.lang = lang
                yield user

    def goods(self, count):
        """Make products of all kinds: with and without codes, categories, variants, translations."""
        choose = self.random.choice
        top = self.env["pos.category"].create({"name": "Drinks & more"})
        top.with_context(lang="fr_FR").name = "Boissons"
        below = self.env["pos.category"].create({"name": 'Hot "ones"', "parent_id": top.id})
        deepest = self.env["pos.category"].create({"name": "Très chaud", "parent_id": below.id})
        categories = [False, top.id, below.id, deepest.id]
        attributes = self.env["product.attribute"]
        for mode in ("always", "dynamic", "no_variant"):
            attributes |= attributes.create(
                {
                    "name": f"lean {mode}",
                    "create_variant": mode,
                    "sequence": self.random.randrange(5),
                    "value_ids": [
                        (0, 0, {"name": f"{mode} {choose(NAMES)} {n}", "sequence": 9 - n}) for n in range(3)
                    ],
                }
            )
        attributes.value_ids[0].with_context(lang="fr_FR").name = "traduit"
        found = self.env["product.product"]
        for number in range(count):
            product = self.env["product.product"].create(
                {
                    "name": f"{choose(NAMES)} {number}",
                    "list_price": round(self.random.uniform(0, 10 ** self.random.randrange(6)), 2),
                    "available_in_pos": self.random.random() < 0.9,
                    "sale_ok": self.random.random() < 0.95,
                    "default_code": choose((False, "", f"C{number}", 'x"y')),
                    "barcode": choose((False, f"lean{number}")),
                    "pos_categ_id": choose(categories),
                    "type": "consu",
                }
            )
            if self.random.random() < 0.4:
                product.with_context(lang="fr_FR").name = f"fr {choose(NAMES)}"
            found |= product
        for number in range(6):
            lines = [
                (
                    0,
                    0,
                    {
                        "attribute_id": attribute.id,
                        "value_ids": [(6, 0, attribute.value_ids[: self.random.randrange(1, 4)].ids)],
                    },
                )
                for attribute in attributes
                if self.random.random() < 0.8
            ]
            template = self.env["product.template"].create(
                {
                    "name": f"variants {number}",
                    "available_in_pos": True,
                    "list_price": 10.005 + number,
                    "attribute_line_ids": lines,
                }
            )
            for value in template.attribute_line_ids.product_template_value_ids:
                value.price_extra = choose((0, 0.5, 1.255))
            found |= template.product_variant_ids
        return found

    def test_products(self):
        products = self.goods(30)
        for user in self.users():
            everything = self.assert_same(user, "listProducts", limit=100)["items"]
            self.assertGreater(len(everything), 25)
            for item in everything:
                self.assert_same(user, "getProduct", {"id": item["id"]})
            for query in (
                {"limit": 3},
                {"limit": 3, "offset": 4},
                {"q": 'bolt 1/2"'},
                {"q": "100 %"},
                {"q": "back\\"},
                {"q": "traduit"},
                {"barcode": "lean3"},
                {"ids": products[3:7].ids},
                {"price_min": 10.0, "price_max": 500.25},
                {"after": keyset.cursor("id", [everything[4]["id"]])},
            ):
                self.assert_same(user, "listProducts", **query)

    def test_customers(self):
        for number in range(12):
            self.env["res.partner"].create(
                {
                    "name": f"{self.random.choice(NAMES)} {number}",
                    "is_company": number % 3 == 0,
                    "email": self.random.choice((False, "a@b.example")),
                    "country_id": self.random.choice((False, self.env.ref("base.fr").id)),
                    "state_id": self.random.choice((False, self.env.ref("base.state_us_5").id)),
                    "street": self.random.choice((False, '1 "Main"', "")),
                }
            )
        for user in self.users():
            for sort in ("id", "name"):
                page = self.assert_same(user, "listCustomers", sort=sort, limit=5)
                self.assertEqual(len(page["items"]), 5)
            for item in page["items"]:
                self.assert_same(user, "getCustomer", {"id": item["id"]})

    def test_the_users_own_data(self):
        till = new_till(self.env, 'till "1"')
        open_session(till, self.cashier)
        employee = self.env["hr.employee"].create({"name": "Émile", "user_id": self.cashier.id})
        for active in (True, False):
            employee.active = active
            self.assert_own_data()

    def assert_own_data(self):
        for user in self.users():
            family = self.env["pos.api.token.family"]._open(user.id, "")
            token = tokens.AccessToken(user.id, family.id, 0, 2000000000)
            made = self.called(user, "getMe")
            made.principal.token, made.principal.family_expires_at = token, family.expires_at
            user_now = known.User(made.principal.role, [])
            who = known.Caller("", user_now, family.expires_at, 0)
            self.caller = SimpleNamespace(token=token, who=who)
            ordinary, compiled = self.ordinary(made), self.compiled(made)
            self.assertEqual(call.Reply(200, compiled[0]).sent(), ordinary[0])

    def test_categories(self):
        self.goods(12)
        for user in self.users():
            for sort in ("sequence", "name", "id"):
                self.assert_same(user, "listCategories", sort=sort, limit=2)
            self.assert_same(user, "listCategories", top=False, q="hot")

    def test_pages_of_categories_with_a_sequence_lead_on(self):
        self.env["pos.category"].search([]).write({"sequence": 1})
        made = self.env["pos.category"]
        for sequence in (3, 2, 2, 2000000000):
            made |= made.create({"name": f"page {sequence}", "sequence": sequence})
        found, query = [], {"sort": "sequence", "limit": 1}
        for _ in range(2 + self.env["pos.category"].search_count([])):
            page = self.assert_same(self.cashier, "listCategories", **query)
            found += [item["id"] for item in page["items"]]
            made_call = self.called(self.cashier, "listCategories", **query)
            link = self.ordinary(made_call)[1].get("Link", "")
            if 'rel="next"' not in link:
                break
            query["after"] = re.search("after=([^&>]+)", link)[1]
        ordered = self.env["pos.category"].search([], order="sequence, name, id").ids
        self.assertEqual(found, ordered)

    def test_taxes_of_purchases(self):
        product = new_product(self.env, "taxed otherwise", 10.0)
        product.taxes_id |= self.env["account.tax"].create(
            {"name": "bought", "amount": 7, "type_tax_use": "purchase"}
        )
        self.assert_same(self.cashier, "getProduct", {"id": product.id})

    def test_a_rule_along_a_tree_goes_the_ordinary_way(self):
        category = self.env["product.category"].create({"name": "tree"})
        self.env["ir.rule"].create(
            {
                "name": "tree",
                "model_id": self.env.ref("product.model_product_product").id,
                "domain_force": f"[('categ_id', 'child_of', {category.id})]",
            }
        )
        self.assertIsNone(self.compiled(self.called(self.cashier, "listProducts")))

    def test_a_rule_of_lines_leaves_orders_to_the_ordinary_way(self):
        self.sell()
        (order,) = self.env["pos.order"].search([], order="id desc", limit=1)
        self.env["ir.rule"].create(
            {
                "name": "lines",
                "model_id": self.env.ref("point_of_sale.model_pos_order_line").id,
                "domain_force": "[('order_id.user_id', '=', user.id)]",
            }
        )
        self.assertIsNone(self.compiled(self.called(self.manager, "getOrder", {"id": order.id})))

    def test_what_python_searches_goes_the_ordinary_way(self):
        for query in ({"q": "tea"}, {"barcode": "1"}):  # a property of each company
            self.assertIsNone(self.compiled(self.called(self.cashier, "listCustomers", **query)))
        category = self.env["pos.category"].create({"name": "above"})
        for query in ({"category_id": category.id}, {"sort": "-sales"}):
            self.assertIsNone(self.compiled(self.called(self.cashier, "listProducts", **query)))

    def test_a_price_that_is_not_plain_goes_the_ordinary_way(self):
        product = new_product(self.env, "lean priced", 12.345)
        config = self.env["pos.config"].search(
            [("company_id", "=", self.env.company.id)], order="id", limit=1
        )
        detail = {"id": product.id}
        shown = self.assert_same(self.cashier, "getProduct", detail)
        self.assertEqual(shown["pricing"]["price_with_tax"], 14.2)  # 12.35 and 1.85
        product.taxes_id.include_base_amount = True
        self.assertIsNone(self.compiled(self.called(self.cashier, "getProduct", detail)))
        product.taxes_id.include_base_amount = False
        self.assert_same(self.cashier, "getProduct", detail)
        rule = {"applied_on": "3_global", "compute_price": "percentage", "percent_price": 10}
        config.pricelist_id.item_ids = [(0, 0, rule)]
        self.assertIsNone(self.compiled(self.called(self.cashier, "getProduct", detail)))

    def test_taxes_that_the_price_includes(self):
        product = new_product(self.env, "lean taxed", 1)
        taxes = product.taxes_id
        for number, amount in enumerate((7, 5.5, 19)):
            taxes |= taxes[0].copy({"name": f"lean {number}", "amount": amount, "sequence": number})
        for _ in range(60):
            chosen = self.env["account.tax"].browse(
                self.random.sample(taxes.ids, self.random.randrange(1, 4))
            )
            for tax in chosen:
                tax.price_include = self.random.random() < 0.6
            product.taxes_id = [(6, 0, chosen.ids)]
            product.list_price = self.random.choice((0, 0.01, 0.05, 9.99, 10.45, 12.35, 99.95, 1234.5))
            self.assert_same(self.cashier, "getProduct", {"id": product.id})

    def sell(self):
        till = new_till(self.env, "lean")
        self.env["base"].flush()
        session = open_session(till, self.cashier)
        product = new_product(self.env, 'Sold "thing"', 3.333)
        token = self.access(self.cashier)
        for number in range(4):
            body = {
                "session_id": session.id,
                "lines": [{"product_id": product.id, "quantity": number + 1.5, "discount": 10 * number}],
                "note": self.random.choice(NAMES),
            }
            if number % 2:
                body["payments"] = [{"payment_method_id": till.payment_method_ids[:1].id, "amount": 100}]
            answer = self.send(
                "POST", "/orders", token=token, json=body, headers={"Idempotency-Key": f"lean-{number}"}
            )
            self.assertEqual(answer.status_code, 201, answer.text)
        return session

    def test_orders_and_what_belongs_to_them(self):
        session = self.sell()
        for user in self.users():
            for sort in ("id", "-id", "-ordered_at"):
                found = self.assert_same(user, "listOrders", sort=sort, limit=2, session_id=session.id)[
                    "items"
                ]
            self.assert_same(user, "listOrders", state="paid", date_from="2020-01-01T00:00:00Z", limit=1)
            self.assert_same(user, "listOrders", date_to="2020-01-01T00:00:00+01:00")
            for order in found:
                whole = self.assert_same(user, "getOrder", {"id": order["id"]})
                for payment in whole["payments"]:
                    self.assert_same(user, "getPayment", {"id": payment["id"]})
            for sort in ("id", "-opened_at"):
                self.assert_same(user, "listSessions", sort=sort, limit=1)
            self.assert_same(user, "listSessions", state=["opened", "closed"], config_id=session.config_id.id)

    def test_employees_and_attendances(self):
        for number in range(5):
            employee = self.env["hr.employee"].create({"name": f"{NAMES[number]} {number}", "pin": "1234"})
            shift = {"employee_id": employee.id, "check_in": f"2026-0{number + 1}-01 08:00:00"}
            if number % 2:
                shift["check_out"] = f"2026-0{number + 1}-01 16:30:20"
            self.env["hr.attendance"].with_user(self.cashier).sudo().create(shift)
        for user in self.users():
            self.assert_same(user, "listEmployees", limit=3)
            self.assert_same(user, "listEmployees", q="tea", active=True)
            for sort in ("check_in", "-check_in"):
                self.assert_same(user, "listAttendances", sort=sort, limit=2)
            self.assert_same(user, "listAttendances", open=True)
