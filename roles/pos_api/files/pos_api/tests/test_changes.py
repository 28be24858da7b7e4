import threading
import uuid
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

from odoo import SUPERUSER_ID, api, fields, registry
from odoo.release import version_info
from odoo.tests import BaseCase, get_db_name, tagged

from ..frame import document
from ..frame.validation import check_body
from ..models.cleaning import TABLES
from ..models.tombstone import CURSOR_LIFE, KEPT
from ..operations import changes
from ..resources.sync import SECTIONS
from .common import BASE, CASHIER, ApiCase, KeysMixin, new_product, new_till, new_user, send

NAMES = [section.name for section in SECTIONS]


def collect(ask, cursor=None, **query):
    """Return ({section: {id: what was shown, None for removed}}, cursor) of a whole round."""
    found, more = {name: {} for name in NAMES}, True
    while more:
        body = ask(**query, **({"cursor": cursor} if cursor else {}))
        for name in NAMES:
            found[name].update({item["id"]: item for item in body[name]["changed"]})
            found[name].update(dict.fromkeys(body[name]["removed"]))
        cursor, more = body["cursor"], body["more"]
    return found, cursor


@tagged("post_install", "-at_install")
class TestChanges(ApiCase):
    """In the transaction of the test, which goes on, so that all it has written counts as new each time."""

    def setUp(self):
        super().setUp()
        self.token = self.access(self.cashier)
        self.till = new_till(self.env, "SYNC")
        self.category = self.env["pos.category"].create({"name": "sync drinks"})
        self.tea = new_product(self.env, "sync tea", 2.0, pos_categ_id=self.category.id, barcode="synctea")
        self.customer = self.env["res.partner"].create({"name": "sync Ann", "email": "ann@shop.example"})

    def ask(self, token=None, **query):
        answer = self.send("GET", "/sync/changes", token=token or self.token, params=query)
        self.assertEqual(answer.status_code, 200, answer.text)
        check_body(document.load()["components"]["schemas"]["Changes"], answer.json())
        return answer.json()

    def refused(self, status, cursor, slug=None):
        answer = self.send("GET", "/sync/changes", token=self.token, params={"cursor": cursor})
        return self.assert_problem(answer, status, slug)

    def visible(self, model, *domain):
        return set(self.env[model].with_user(self.cashier).search(list(domain)).ids)

    def test_everything_without_a_cursor(self):
        self.env["res.partner"].create({"name": "sync Gone", "active": False})
        hidden = new_product(self.env, "sync hidden", 1.0, available_in_pos=False)
        for limit in (500, 7):
            with self.subTest(limit=limit):
                found, _cursor = collect(self.ask, limit=limit)
                sold = [("available_in_pos", "=", True), ("sale_ok", "=", True)]
                for name, model, domain in (
                    ("categories", "pos.category", ()),
                    ("taxes", "account.tax", [("type_tax_use", "in", ("sale", "none"))]),
                    ("payment_methods", "pos.payment.method", ()),
                    ("products", "product.product", sold),
                    ("customers", "res.partner", ()),
                ):
                    self.assertEqual(set(found[name]), self.visible(model, *domain), name)
                    self.assertNotIn(None, found[name].values())
        self.assertNotIn(hidden.id, found["products"])

    def test_what_is_shown(self):
        found, _cursor = collect(self.ask)
        product = found["products"][self.tea.id]
        self.assertEqual((product["name"], product["price"], product["barcode"]), ("sync tea", 2, "synctea"))
        self.assertEqual(product["category_id"], self.category.id)
        self.assertEqual(product["tax_ids"], self.tea.taxes_id.ids)
        self.assertEqual(found["taxes"][self.tea.taxes_id.id]["amount"], 15)
        self.assertEqual(found["customers"][self.customer.id]["email"], "ann@shop.example")
        cash = self.till.payment_method_ids.filtered("is_cash_count")
        self.assertEqual(found["payment_methods"][cash.id]["type"], "cash")
        self.assertEqual(found["payment_methods"][cash.id]["configs"], self.till.ids)

    def test_pages_are_no_longer_than_asked_for(self):
        body = self.ask(limit=3)
        self.assertTrue(body["more"])
        self.assertEqual(sum(len(body[name]["changed"]) for name in NAMES), 3)

    def test_removed(self):
        _found, cursor = collect(self.ask)
        unsold = new_product(self.env, "sync unsold", 1.0, sale_ok=False)
        archived = new_product(self.env, "sync archived", 1.0, active=False)
        by_variant, by_template = (new_product(self.env, f"sync {name}", 1.0) for name in "ab")
        other = self.env["pos.category"].create({"name": "sync other"})
        method = self.env["pos.payment.method"].create({"name": "sync method"})
        tax = self.tea.taxes_id.copy({"name": "sync tax"})
        ids = (by_variant.id, by_template.id, other.id, method.id, tax.id, self.customer.id)
        by_variant.unlink()
        by_template.product_tmpl_id.unlink()
        for record in (other, method, tax, self.customer):
            record.unlink()
        found, _cursor = collect(self.ask, cursor)
        for name, number in (
            ("products", unsold.id),
            ("products", archived.id),
            *zip(("products", "products", "categories", "payment_methods", "taxes", "customers"), ids),
        ):
            with self.subTest(section=name, id=number):
                self.assertIn(number, found[name])
                self.assertIsNone(found[name][number])
        again, _cursor = collect(self.ask, cursor, limit=2)
        self.assertEqual(again, found)

    def test_another_company_s_customer(self):
        company = self.env["res.company"].create({"name": "sync elsewhere"})
        theirs = self.env["res.partner"].create({"name": "sync Theirs", "company_id": company.id})
        found, cursor = collect(self.ask)
        self.assertNotIn(theirs.id, found["customers"])
        theirs.name = "sync still theirs"
        found, cursor = collect(self.ask, cursor)
        self.assertIsNone(found["customers"].get(theirs.id))
        self.customer.company_id = company
        self.assertIsNone(collect(self.ask, cursor)[0]["customers"][self.customer.id])

    def test_roles(self):
        self.assert_problem(self.send("GET", "/sync/changes"), 401)
        self.ask(self.access(self.manager))
        self.ask(self.access(new_user(self.env, "api-other-cashier", CASHIER)))
        self.cashier.groups_id -= self.env.ref(CASHIER[1])
        self.assert_problem(self.send("GET", "/sync/changes", token=self.token), 403)

    # cursors

    def test_what_is_no_cursor(self):
        cursor = changes._read_cursor(self.ask(limit=1)["cursor"])
        for text in (
            "x",
            "AAAA",
            "bnVsbA",
            "W10",
            "a b",
            "é",
            "x" * 301,
            "",
            cursor.text() + "=",
            cursor.text()[:-1],
            replace(cursor, until=-1).text(),
            replace(cursor, until=1.5).text(),
            replace(cursor, until=2**63).text(),
            replace(cursor, since=5).text(),
            replace(cursor, since=True, since_time=True).text(),
            replace(cursor, section=len(SECTIONS)).text(),
            replace(cursor, after=2**31).text(),
            replace(cursor, mark=None).text(),
            replace(cursor, mark=["x"]).text(),
        ):
            with self.subTest(text=text):
                self.assertEqual(self.refused(422, text)["errors"][0]["query"], "cursor")

    def test_limit(self):
        for limit in ("0", "501", "x"):
            answer = self.send("GET", "/sync/changes", token=self.token, params={"limit": limit})
            self.assertEqual(self.assert_problem(answer, 422)["errors"][0]["query"], "limit")

    def test_cursors_that_are_good_no_longer(self):
        _found, text = collect(self.ask)
        cursor = changes._read_cursor(text)
        old = int(CURSOR_LIFE.total_seconds()) + 1
        for name, changed in (
            ("another database", {"mark": "0" * 12}),
            ("from after a restore", {"until": cursor.until + 10**6}),
            ("too long ago", {"since_time": cursor.since_time - old, "until_time": cursor.until_time - old}),
        ):
            with self.subTest(name=name):
                self.refused(409, replace(cursor, **changed).text(), "cursor-expired")

    def test_a_cursor_of_too_many_transactions_ago(self):
        _found, cursor = collect(self.ask)
        with patch.object(changes, "MAX_TRANSACTIONS", 0):
            self.refused(409, cursor, "cursor-expired")

    def test_a_cursor_ends_with_the_user_s_companies(self):
        _found, cursor = collect(self.ask)
        company = self.env["res.company"].create({"name": "sync second"})
        self.cashier.company_ids |= company
        self.refused(409, cursor, "cursor-expired")

    def test_a_cursor_ends_with_the_database(self):
        _found, cursor = collect(self.ask)
        self.ask(cursor=cursor)
        self.env["ir.config_parameter"].set_param("database.uuid", str(uuid.uuid4()))
        self.token = self.access(self.cashier)  # tokens are the old database's too
        self.refused(409, cursor, "cursor-expired")

    # tombstones

    def test_tombstones_outlive_the_cursors(self):
        tombstones = self.env["pos.api.tombstone"]
        self.assertGreater(KEPT, CURSOR_LIFE)
        for number, age in ((1, CURSOR_LIFE), (2, KEPT + timedelta(seconds=5))):
            tombstones._bury("products", [number])
            tombstones.search([("record_id", "=", number)]).at = fields.Datetime.now() - age
        self.env["pos.api.cleaning"]._empty(tombstones)
        self.assertEqual(tombstones.search([("record_id", "in", (1, 2))]).mapped("record_id"), [1])
        self.assertIn("pos.api.tombstone", TABLES)


@tagged("post_install", "-at_install")
class TestChangesOfOtherTransactions(KeysMixin, BaseCase):
    """Against the running server, with transactions that commit while a till asks."""

    def setUp(self):
        super().setUp()
        self.registry = registry(get_db_name())
        self.use_keys()
        self.name = f"sync-{uuid.uuid4().hex}"
        with self.committed() as env:
            self.cashier = new_user(env, self.name, CASHIER).id
            self.product = new_product(env, self.name, 2.0, type="service").id
            self.customer = env["res.partner"].create({"name": self.name}).id
        self.addCleanup(self.put_away)
        answer = send(
            "POST", BASE + "/auth/tokens", json={"login": self.name, "password": f"{self.name}-password"}
        )
        self.token = answer.json()["access_token"]

    @contextmanager
    def committed(self):
        """Give an environment whose changes are committed."""
        # before 15.0 a thread needs a place for its environments
        place = api.Environment.manage() if version_info[0] < 15 else nullcontext()
        with place, self.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {})

    def put_away(self):
        with self.committed() as env:
            env["product.product"].browse(self.product).exists().product_tmpl_id.unlink()
            env["res.partner"].browse(self.customer).exists().unlink()
            env["res.users"].browse(self.cashier).active = False

    def ask(self, **query):
        answer = send("GET", BASE + "/sync/changes", token=self.token, params={"limit": 500, **query})
        self.assertEqual(answer.status_code, 200, answer.text)
        return answer.json()

    def now(self):
        return collect(self.ask)[1]

    def changed(self, cursor):
        """Return ({section: {id: shown}} of a round, the next cursor)."""
        return collect(self.ask, cursor)

    def test_only_what_changed(self):
        cursor = self.now()
        found, cursor = self.changed(cursor)
        self.assertNotIn(self.product, found["products"])
        self.assertNotIn(self.customer, found["customers"])
        with self.committed() as env:
            env["product.product"].browse(self.product).lst_price = 3.0
        found, cursor = self.changed(cursor)
        self.assertEqual(set(found["products"]), {self.product})
        self.assertEqual(found["products"][self.product]["price"], 3)
        self.assertNotIn(self.customer, found["customers"])
        self.assertEqual(self.changed(cursor)[0]["products"], {})

    def test_every_table_that_a_product_is_made_of(self):
        def variant(env):
            env["product.product"].browse(self.product).default_code = "changed"

        def template(env):
            env["product.product"].browse(self.product).product_tmpl_id.sequence = 7

        def taxes(env):
            product = env["product.product"].browse(self.product)
            other = product.taxes_id.copy({"name": f"{self.name} other", "amount": 5})
            env.cr.execute(
                "INSERT INTO product_taxes_rel (prod_id, tax_id) VALUES (%s, %s)",
                (product.product_tmpl_id.id, other.id),
            )

        def translation(env):
            template = env["product.product"].browse(self.product).product_tmpl_id
            env.cr.execute(
                "INSERT INTO ir_translation (type, name, lang, res_id, src, value, state, module)"
                " VALUES ('model', 'product.template,name', 'fr_FR', %s, %s, 'Tee', 'translated', '')",
                (template.id, template.name),
            )

        def unit(env):
            env["product.product"].browse(self.product).uom_id.active = True

        for change in (variant, template, taxes, translation, unit):
            with self.subTest(change=change.__name__):
                cursor = self.now()
                with self.committed() as env:
                    change(env)
                self.assertIn(self.product, self.changed(cursor)[0]["products"])

    def test_a_name_of_an_attribute_s_value(self):
        with self.committed() as env:
            attribute = env["product.attribute"].create({"name": self.name})
            values = env["product.attribute.value"].create(
                [{"name": name, "attribute_id": attribute.id} for name in ("red", "blue")]
            )
            template = env["product.product"].browse(self.product).product_tmpl_id
            line = {"attribute_id": attribute.id, "value_ids": [(6, 0, values.ids)]}
            template.attribute_line_ids = [(0, 0, line)]
            self.product = template.product_variant_ids[0].id
            ids, value = template.product_variant_ids.ids, values[0].id
            extra = template.product_variant_ids[1].product_template_attribute_value_ids.id
        cursor = self.now()
        with self.committed() as env:
            env["product.attribute.value"].browse(value).name = "crimson"
        found, cursor = self.changed(cursor)
        self.assertEqual(found["products"][ids[0]]["name"], f"{self.name} (crimson)")
        with self.committed() as env:
            env["product.template.attribute.value"].browse(extra).price_extra = 5
        found, cursor = self.changed(cursor)
        self.assertEqual({number: item["price"] for number, item in found["products"].items()}, {ids[1]: 7})

    def test_a_transaction_that_commits_late(self):
        """Its write date lies before the till asked, and before other changes that the till has got."""
        with self.committed() as late:
            late["product.product"].browse(self.product).lst_price = 3.0
            late["res.partner"].browse(self.customer).phone = "1"
            late["base"].flush()
            cursor = self.now()
            with self.committed() as env:
                env["product.product"].create({"name": self.name, "available_in_pos": True})
            found, cursor = self.changed(cursor)
            self.assertNotEqual(found["products"].get(self.product, {}).get("price"), 3)
            found, cursor = self.changed(cursor)
        found, cursor = self.changed(cursor)
        self.assertEqual(found["products"][self.product]["price"], 3)
        self.assertEqual(found["customers"][self.customer]["phone"], "1")
        self.assertNotIn(self.product, self.changed(cursor)[0]["products"])

    def test_a_savepoint_of_a_transaction_that_commits_late(self):
        """Rows written under a savepoint carry a number of their own, which no snapshot lists."""
        with self.committed() as late:
            late.cr.execute("SELECT txid_current()")
            with self.committed() as env:
                env["res.partner"].browse(self.customer).phone = "0"
            with late.cr.savepoint():
                late["product.product"].browse(self.product).lst_price = 3.0
                late["base"].flush()
            with self.committed() as env:
                env["res.partner"].browse(self.customer).phone = "2"
            cursor = self.now()
        self.assertEqual(self.changed(cursor)[0]["products"][self.product]["price"], 3)

    def test_a_deletion_that_commits_late(self):
        with self.committed() as late:
            late["product.product"].browse(self.product).product_tmpl_id.unlink()
            late["res.partner"].browse(self.customer).unlink()
            cursor = self.now()
        found, cursor = self.changed(cursor)
        self.assertEqual(found["products"], {self.product: None})
        self.assertIsNone(found["customers"][self.customer])
        self.assertEqual(self.changed(cursor)[0]["products"], {})

    def test_a_change_behind_the_page_that_a_till_is_at(self):
        cursor = self.now()
        with self.committed() as env:
            more = (
                env["product.product"]
                .create([{"name": f"{self.name} {number}", "available_in_pos": True} for number in range(4)])
                .ids
            )
        pages, body = [], {"cursor": cursor, "more": True}
        while body["more"]:
            body = self.ask(cursor=body["cursor"], limit=2)
            pages.append([item["id"] for item in body["products"]["changed"]])
            if more[0] in pages[-1]:
                with self.committed() as env:
                    env["product.product"].browse(more[0]).lst_price = 9.0
        self.assertEqual([number for page in pages for number in page], more)
        found, _cursor = self.changed(body["cursor"])
        self.assertEqual(found["products"][more[0]]["price"], 9)
        with self.committed() as env:
            env["product.product"].browse(more).product_tmpl_id.unlink()

    def test_what_is_rolled_back_is_not_there(self):
        cursor = self.now()
        with self.committed() as env:
            env["product.product"].browse(self.product).unlink()
            env.cr.rollback()
        self.assertEqual(self.changed(cursor)[0]["products"], {})

    def test_many_writers_and_a_till_that_asks_all_the_while(self):
        """Whatever the interleaving, the till's copy is the shop's in the end."""
        stop, errors = threading.Event(), []

        def write(number):
            try:
                for step in range(15):
                    with self.committed() as env:
                        env["res.partner"].browse(ids[number]).phone = f"{number}-{step}"
            except Exception as error:  # looked at below
                errors.append(error)
            finally:
                done[number] = True
                if all(done):
                    stop.set()

        with self.committed() as env:
            ids = env["res.partner"].create([{"name": self.name} for _ in range(3)]).ids
        done = [False] * len(ids)
        copy, cursor = collect(self.ask)
        threads = [threading.Thread(target=write, args=(number,)) for number in range(len(ids))]
        for thread in threads:
            thread.start()
        while not stop.is_set():
            found, cursor = self.changed(cursor)
            copy["customers"].update(found["customers"])
        for thread in threads:
            thread.join()
        found, cursor = self.changed(cursor)
        copy["customers"].update(found["customers"])
        self.assertEqual(errors, [])
        self.assertEqual([copy["customers"][number]["phone"] for number in ids], ["0-14", "1-14", "2-14"])
        with self.committed() as env:
            env["res.partner"].browse(ids).unlink()
