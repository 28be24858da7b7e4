"""Walking through lists by cursor: every row once, in the order of one big page."""

import base64
import json
from datetime import datetime
from functools import partial
from itertools import count, product
from types import SimpleNamespace

import requests.utils
from odoo.tests import TransactionCase, tagged

from ..frame import document, keyset
from ..frame.problems import Problem
from ..records import RESOURCES
from .common import MANAGER, ApiCase, new_product, new_till, new_user, open_session
from .test_employees import new_employee

# In another order by the collations of languages than by code points, and with ties
NAMES = (
    "keyset b",
    "keyset B",
    "keyset a",
    "keyset ä",
    "Keyset a",
    "keyset a",
    "keyset_a",
    "keyset z",
    "keyset ~",
)
MOMENTS = (
    "2024-01-02 03:04:05",
    "2024-01-02 03:04:05",
    "2024-01-02 03:04:05.000001",
    "2024-01-02 03:04:05.25",
    "1999-12-31 23:59:59",
    "2024-01-02 03:04:06",
)
LISTS = {
    declared["x-list"]
    for item in document.source()["paths"].values()
    for declared in item.values()
    if "x-list" in declared
}


def cursor_of(*content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@tagged("post_install", "-at_install")
class TestKeyset(TransactionCase):
    def query(self, sort, limit, **more):
        return SimpleNamespace(query={"sort": sort, "limit": limit, "offset": 0, **more})

    def walk(self, resource, model, domain, sort, limit, between=lambda: None):
        """Return the ids of a list, page by page."""
        call, seen = self.query(sort, limit), []
        while True:
            found = keyset.search(call, resource, model, domain)
            seen += found.ids[:limit]
            self.assertLess(len(seen), 200, "the walk has no end")
            cursor = keyset.following(call, resource, found)
            if cursor is None:
                return seen
            call = self.query(sort, limit, after=cursor)
            between()

    def orders(self, resource):
        return {sort: order for sort, order in resource.sorts.items() if order}

    def check(self, name, records, model=None):
        """Walk through some records by every sort of their list, in pages of every size."""
        resource, domain = RESOURCES[name], [("id", "in", records.ids)]
        model = (records.browse() if model is None else model).with_context(**resource.context)
        self.assertGreater(len(records), 4)
        for sort, order in self.orders(resource).items():
            whole = model.search(domain, order=order).ids
            self.assertEqual(len(whole), len(records))
            for limit in range(1, len(records) + 2):
                with self.subTest(list=name, sort=sort, limit=limit):
                    self.assertEqual(self.walk(resource, model, domain, sort, limit), whole)

    def put(self, records, column, values):
        """Write values into a column past the ORM, which would round them or refuse them."""
        records.flush()
        for record, value in zip(records, values):
            self.env.cr.execute(
                f'UPDATE "{records._table}" SET {column} = %s WHERE id = %s', (value, record.id)
            )
        records.invalidate_cache()

    def test_every_order_of_every_list_can_be_followed(self):
        self.assertEqual(len(LISTS), 8)
        for name in LISTS:
            for order in self.orders(RESOURCES[name]).values():
                with self.subTest(list=name, order=order):
                    self.assertEqual(keyset.keys(self.env[RESOURCES[name].model], order)[-1].column, "id")
        for order in ("name", "name, id, sequence", "image_128, id", "parent_id, id"):
            with self.subTest(order=order), self.assertRaises(ValueError):
                keyset.keys(self.env["pos.category"], order)

    def test_categories(self):
        categories = self.env["pos.category"].create([{"name": name} for name in NAMES])
        self.put(categories, "sequence", (1, 0, None, 1, None, 0, -5, None, 1))
        self.check("Category", categories)

    def test_categories_in_another_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        categories = self.env["pos.category"].create([{"name": name} for name in NAMES])
        for category, name in zip(categories, reversed(NAMES[3:])):
            category.with_context(lang="fr_FR").name = name
        self.check("Category", categories, self.env["pos.category"].with_context(lang="fr_FR"))
        self.check("Category", categories, self.env["pos.category"].with_context(lang="en_US"))

    def test_customers(self):
        customers = self.env["res.partner"].create([{"name": name} for name in NAMES])
        customers |= self.env["res.partner"].create({"name": "keyset b", "parent_id": customers[0].id})
        self.check("Customer", customers)
        self.put(customers, "display_name", (None, "a", None, "", "b", "", None))
        self.check("Customer", customers)

    def test_products_and_payment_methods(self):
        self.check("Product", self.env["product.product"].create([{"name": name} for name in NAMES]))
        self.check("PaymentMethod", self.env["pos.payment.method"].create([{"name": name} for name in NAMES]))

    def test_employees(self):
        staff = self.env["hr.employee"].create([{"name": name} for name in NAMES])
        staff[2].active = False
        staff.flush()
        self.check("Employee", self.env["hr.employee.public"].browse(staff.ids))

    def test_attendances(self):
        shifts = self.env["hr.attendance"]
        for number, _moment in enumerate(MOMENTS):
            employee = new_employee(self.env, f"keyset {number}")
            shifts |= shifts.create({"employee_id": employee.id, "check_in": datetime(2024, 5, number + 1)})
        self.put(shifts, "check_in", MOMENTS)
        self.check("Attendance", shifts)

    def test_sessions_and_orders(self):
        seller = new_user(self.env, "keyset-seller", MANAGER)
        sessions = self.env["pos.session"]
        for number, _moment in enumerate(MOMENTS):
            sessions |= open_session(new_till(self.env, f"KEY{number}"), seller)
        self.put(sessions, "start_at", (*MOMENTS[:3], None, None, MOMENTS[3]))
        self.check("Session", sessions)
        session = sessions[0]
        orders = self.env["pos.order"].create(
            [
                {
                    "session_id": session.id, "company_id": session.company_id.id,
                    "pricelist_id": session.config_id.pricelist_id.id,
                    "amount_total": 0, "amount_tax": 0, "amount_paid": 0, "amount_return": 0,
                }
                for _moment in MOMENTS
            ]
        )  # fmt: skip
        self.put(orders, "date_order", MOMENTS)
        self.check("OrderSummary", orders)

    def test_rows_that_are_added_meanwhile(self):
        """Old ones neither come twice nor are left out, wherever new ones get in."""
        resource, model, numbers = RESOURCES["Category"], self.env["pos.category"], count()
        for (sort, order), limit in product(self.orders(resource).items(), (1, 2, 5)):
            mark = f"{sort} {limit}"
            old = model.create([{"name": f"{mark} {name}", "sequence": 5} for name in NAMES])
            domain = [("name", "=like", f"{mark} %")]
            whole = model.search(domain, order=order).ids

            def add(mark, left):
                """Add rows before, between and behind, as long as some are left to be added."""
                for name in ("keyset", "keyset a", "keyset ~~") if left and left.pop() else ():
                    model.create({"name": f"{mark} {name}", "sequence": next(numbers) % 11})

            with self.subTest(sort=sort, limit=limit):
                seen = self.walk(resource, model, domain, sort, limit, partial(add, mark, [True] * 6))
                self.assertEqual([number for number in seen if number in old.ids], whole)
                self.assertEqual(len(set(seen)), len(seen))
                self.assertGreater(len(seen), len(whole))

    def test_the_row_that_a_page_ended_with_may_be_gone(self):
        resource, model = RESOURCES["Customer"], self.env["res.partner"]
        records = model.create([{"name": name} for name in NAMES])
        domain = [("id", "in", records.ids)]
        whole = model.search(domain, order="display_name, id")
        found = keyset.search(self.query("name", 4), resource, model, domain)
        cursor = keyset.following(self.query("name", 4), resource, found)
        found[3].active = False
        following = keyset.search(self.query("name", 4, after=cursor), resource, model, domain)
        self.assertEqual(following.ids, whole.ids[4:9])

    def test_what_is_no_cursor(self):
        resource, model = RESOURCES["Category"], self.env["pos.category"]
        customers, partners = RESOURCES["Customer"], self.env["res.partner"]
        known = {sort: keyset.keys(model, order) for sort, order in self.orders(resource).items()}
        good = cursor_of("sequence", 1, "a", 7)
        self.assertEqual(keyset.read_cursor(good, "sequence", known["sequence"]), (1, "a", 7))
        self.assertEqual(
            keyset.read_cursor(cursor_of("sequence", None, "a", 7), "sequence", known["sequence"]),
            (None, "a", 7),
        )
        for text, hint in (
            ("", "no cursor"),
            ("=", "no cursor"),
            ("a", "no cursor"),
            ("!!!!", "no cursor"),
            (good[:-2], "no cursor"),
            (good.swapcase(), "no cursor"),
            (base64.urlsafe_b64encode(b"\xff\xfe").decode(), "no cursor"),
            (cursor_of(), "no cursor"),
            (base64.urlsafe_b64encode(b'{"sequence": 1}').decode().rstrip("="), "no cursor"),
            (base64.urlsafe_b64encode(b"[" * 3000).decode().rstrip("="), "no cursor"),
            (base64.urlsafe_b64encode(b'["sequence",NaN,"a",1]').decode().rstrip("="), "no cursor"),
            (cursor_of("sequence"), "no cursor"),
            (cursor_of("sequence", 1, "a"), "no cursor"),
            (cursor_of("sequence", 1, "a", 7, 8), "no cursor"),
            (cursor_of("sequence", "1", "a", 7), "no cursor"),
            (cursor_of("sequence", True, "a", 7), "no cursor"),
            (cursor_of("sequence", 1.5, "a", 7), "no cursor"),
            (cursor_of("sequence", 2**31, "a", 7), "no cursor"),
            (cursor_of("sequence", 1, None, 7), "no cursor"),
            (cursor_of("sequence", 1, "a\0", 7), "no cursor"),
            (cursor_of("sequence", 1, "\ud800", 7), "no cursor"),
            (cursor_of("sequence", 1, ["a"], 7), "no cursor"),
            (cursor_of("sequence", 1, "a", None), "no cursor"),
            (cursor_of("sequence", 1, "a", 10**30), "no cursor"),
            (cursor_of("name", "a", 7), "another sort"),
            (cursor_of(["sequence"], 1, "a", 7), "another sort"),
        ):
            with self.subTest(text=text), self.assertRaises(Problem) as raised:
                keyset.read_cursor(text, "sequence", known["sequence"])
            self.assertEqual(raised.exception.status, 422)
            [error] = raised.exception.extensions["errors"]
            self.assertEqual(error["query"], "after")
            self.assertIn(hint, error["detail"])
            self.assertIn("begin without", error["detail"])
        moments = keyset.keys(self.env["hr.attendance"], "check_in, id")
        for value in ("yesterday", "2024-13-01T00:00:00", "2024-01-01", 5, None, "2024-01-01T00:00:00Z"):
            with self.subTest(value=value), self.assertRaises(Problem):
                keyset.read_cursor(cursor_of("check_in", value, 7), "check_in", moments)
        self.assertIsNone(
            keyset.following(self.query("name", 5), customers, partners.search([], limit=5, order="id"))
        )

    def test_an_index_can_be_asked_for_the_place(self):
        """The first column is compared alone, and NULL apart from values."""
        known = keyset.keys(self.env["res.partner"], "display_name, id")
        self.assertEqual(
            keyset.segments(known, ("a", 7)),
            [
                ["&", ("display_name", ">=", "a"), "|", ("display_name", ">", "a"), ("id", ">", 7)],
                [("display_name", "=", False)],
            ],
        )
        known = keyset.keys(self.env["pos.order"], "date_order desc, id desc")
        moment = datetime(2024, 1, 1)
        self.assertEqual(
            keyset.segments(known, (moment, 7)),
            [["&", ("date_order", "<=", moment), "|", ("date_order", "<", moment), ("id", "<", 7)]],
        )


@tagged("post_install", "-at_install")
class TestLinks(ApiCase):
    def setUp(self):
        super().setUp()
        self.products = [new_product(self.env, f"keyset tea {number}", 1.0).id for number in range(5)]
        self.token = self.access(self.cashier)

    def page(self, path):
        """Return (ids, {relation: path}) of a page."""
        answer = self.send("GET", path, token=self.token)
        self.assertEqual(answer.status_code, 200, answer.text)
        links = requests.utils.parse_header_links(answer.headers.get("Link", ""))
        shown = {link["rel"]: link["url"][len("/api/v1") :] for link in links}
        return [item["id"] for item in answer.json()["items"]], shown

    def test_next_leads_through_the_list(self):
        path, seen = "/products?q=keyset&limit=2", []
        while path:
            ids, links = self.page(path)
            self.assertNotIn("prev", links)
            seen.append(ids)
            path = links.get("next")
            if path:
                self.assertIn("after=", path)
                self.assertIn("q=keyset", path)
                self.assertNotIn("offset", path)
        self.assertEqual(seen, [self.products[:2], self.products[2:4], self.products[4:]])

    def test_offsets_go_on_as_offsets(self):
        ids, links = self.page("/products?q=keyset&limit=2&offset=2")
        self.assertEqual((ids, set(links)), (self.products[2:4], {"next", "prev"}))
        self.assertIn("offset=4", links["next"])
        self.assertEqual(self.page(links["next"])[0], self.products[4:])
        self.assertEqual(self.page(links["prev"])[0], self.products[:2])

    def test_products_by_sales_have_offsets_only(self):
        ids, links = self.page("/products?q=keyset&limit=2&sort=-sales")
        self.assertIn("offset=2", links["next"])
        self.assertEqual(self.page(links["next"])[0], self.products[2:4])
        after = cursor_of("-sales", 1)
        answer = self.send("GET", f"/products?sort=-sales&after={after}", token=self.token)
        self.assertIn("use offset", self.assert_problem(answer, 422, "invalid")["detail"])

    def test_refusals(self):
        after = cursor_of("id", 1)
        self.page(f"/products?after={after}&offset=0")
        for query, hint in (
            (f"after={after}&offset=1", "leave one of them out"),
            ("after=x", "no cursor"),
            ("after=", "at least 1"),
            ("after=%3D%3D", "must match"),
            (f"after={after}&after={after}", "more than once"),
            (f"after={cursor_of('name', 'a', 1)}", "another sort"),
        ):
            with self.subTest(query=query):
                answer = self.send("GET", f"/products?{query}", token=self.token)
                problem = self.assert_problem(answer, 422, "invalid")
                self.assertEqual([error["query"] for error in problem["errors"]], ["after"])
                self.assertIn(hint, problem["detail"])
