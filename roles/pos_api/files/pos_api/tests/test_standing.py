"""What is kept between sales, against the running server with real transactions."""

import uuid
from contextlib import contextmanager
from unittest.mock import patch

from odoo import SUPERUSER_ID, api, registry, sql_db
from odoo.release import version_info
from odoo.tests import BaseCase, get_db_name, tagged

from .. import standing
from ..models import change_log
from .common import (
    BASE,
    CASHIER,
    KeysMixin,
    new_idempotency_key,
    new_product,
    new_till,
    new_user,
    open_session,
    send,
)


@tagged("post_install", "-at_install")
class TestStanding(KeysMixin, BaseCase):
    def setUp(self):
        super().setUp()
        if version_info[0] != 15:
            self.skipTest("14.0 keeps nothing")
        self.registry = registry(get_db_name())
        self.use_keys()
        login = f"standing-{uuid.uuid4().hex}"
        with self.committed() as env:
            till = new_till(env, login)
            till.pricelist_id = till.pricelist_id.copy({"name": login, "item_ids": False})
            till.available_pricelist_ids = till.pricelist_id
            user = new_user(env, login, CASHIER)
            self.session = open_session(till, user).id
            self.session_record(env).update_stock_at_closing = True
            self.product = new_product(env, login, 2.0).id
            self.other = new_product(env, login, 3.0, standard_price=1.5).id
            self.cash = till.payment_method_ids.filtered("is_cash_count").id
            self.till, self.user = till.id, user.id
        self.addCleanup(self.put_away)
        answer = send("POST", BASE + "/auth/tokens", json={"login": login, "password": f"{login}-password"})
        self.token = answer.json()["access_token"]

    @contextmanager
    def committed(self):
        """Give an environment whose changes are committed."""
        with self.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {})

    def session_record(self, env):
        return env["pos.session"].browse(self.session)

    def put_away(self):
        with self.committed() as env:
            session = self.session_record(env)
            session.cash_register_id.balance_end_real = session.cash_register_balance_end
            session.action_pos_session_closing_control()
            if session.state != "closed":
                session.action_pos_session_validate()
            products = env["product.product"].browse([self.product, self.other])
            products.product_tmpl_id.active = False
            env["pos.config"].browse(self.till).active = False
            env["res.users"].browse(self.user).active = False

    def sell(self):
        lines = [{"product_id": number, "quantity": 1} for number in (self.product, self.other)]
        body = {"lines": lines, "payments": [{"payment_method_id": self.cash, "amount": 100}]}
        return send("POST", BASE + "/orders", token=self.token, headers=new_idempotency_key(), json=body)

    def prices(self):
        answer = self.sell()
        self.assertEqual(answer.status_code, 201, answer.text)
        return [line["unit_price"] for line in answer.json()["lines"]]

    def test_the_next_sale_reads_none_of_it_again(self):
        self.prices()
        texts, execute = [], sql_db.Cursor.execute

        def noted(cursor, query, *arguments, **options):
            texts.append(query if isinstance(query, str) else query.decode())
            return execute(cursor, query, *arguments, **options)

        with patch.object(sql_db.Cursor, "execute", noted):
            self.prices()
        reads = [f'SELECT "{model.replace(".", "_")}"."id" as "id"' for model in standing.FIELDS]
        self.assertEqual([text for text in texts if text.startswith(tuple(reads))], [])
        self.assertLess(len(texts), 25, texts)

    def test_what_is_kept_is_what_a_fresh_read_gives(self):
        self.prices()
        (found,) = [one for caller, one in standing._Process.callers.items() if caller[0] == self.user]
        with self.committed() as env:
            company = env["pos.config"].browse(self.till).company_id
            mine = env(user=self.user, context={"lang": None, "tz": None})
            mine = mine["res.users"].with_context(allowed_company_ids=company.ids).with_company(company).env
            by_context = self.registry.field_depends_context
            for known, values in found.values.items():
                for context, ids in values.items() if by_context[known] else [((), values)]:
                    names = dict(zip(by_context[known], context))
                    model = mine[known.model_name].with_context(
                        **{name: value for name, value in names.items() if name not in ("company", "uid")}
                    )
                    for number, value in ids.items():
                        if known.type in ("one2many", "many2many"):
                            fresh = model.with_context(active_test=False).browse(number)[known.name]._ids
                            self.assertEqual(sorted(value), sorted(fresh), known)
                        else:
                            fresh = model.browse(number)[known.name]
                            self.assertEqual(
                                known.convert_to_record(value, model.browse(number)), fresh, known
                            )

    def test_changes_count_with_the_next_sale(self):
        self.assertEqual(self.prices(), [2, 3])
        with self.committed() as env:
            env["product.product"].browse(self.product).list_price = 5
        self.assertEqual(self.prices(), [5, 3])
        with self.committed() as env:
            template = env["product.product"].browse(self.product).product_tmpl_id
            env.cr.execute("UPDATE product_template SET list_price = 6 WHERE id = %s", (template.id,))
        self.assertEqual(self.prices(), [6, 3])
        with self.committed() as env:
            item = {"applied_on": "3_global", "compute_price": "percentage", "percent_price": 50}
            env["pos.config"].browse(self.till).pricelist_id.item_ids = [(0, 0, item)]
            self.items = env["pos.config"].browse(self.till).pricelist_id.item_ids.ids
        self.assertEqual(self.prices(), [3, 1.5])
        with self.committed() as env:
            env["product.pricelist.item"].browse(self.items).unlink()
            taxes = env["product.product"].browse(self.other).taxes_id.ids
            # Odoo forbids it while something with the tax is not posted
            env.cr.execute("UPDATE account_tax SET amount = 25 WHERE id = ANY(%s)", (taxes,))
        self.assertEqual(self.sell().json()["tax"], 6 * 0.15 + 3 * 0.25)
        with self.committed() as env:
            env["product.product"].browse(self.other).standard_price = 2.5
        number = self.sell().json()["id"]
        with self.committed() as env:
            self.assertEqual(env["pos.order"].browse(number).lines[1].total_cost, 2.5)
            env["product.product"].browse(self.other).available_in_pos = False
        self.assertEqual(self.sell().status_code, 422)

    def test_what_a_transaction_has_changed_itself_is_not_kept(self):
        with self.registry.cursor() as cr:
            env = api.Environment(cr, self.user, {"lang": "nobody's"})
            standing.begin(env, (self.registry.registry_sequence, self.registry.cache_sequence))
            template = env["product.product"].browse(self.product).product_tmpl_id
            kept = standing.at_hand(env)
            self.assertIsNotNone(kept)
            cr.execute("UPDATE product_template SET list_price = 9 WHERE id = %s", (template.id,))
            template.invalidate_cache(["list_price"])
            self.assertEqual(template.list_price, 9)
            standing.keep(env)
            self.assertFalse(kept.values)
            self.assertIsNone(standing.at_hand(env(context={"lang": "nobody else's"})))
            cr.rollback()

    def test_a_rule_that_looks_elsewhere_keeps_nothing(self):
        with self.committed() as env:
            rule = env["ir.rule"].create(
                {
                    "name": "sellers",
                    "model_id": env.ref("product.model_product_product").id,
                    "domain_force": "['|', ('seller_ids', '=', False), ('seller_ids.name', '!=', 1)]",
                }
            )
            self.registry.signal_changes()
        try:
            self.prices()
            kept = [one for caller, one in standing._Process.callers.items() if caller[0] == self.user]
            self.assertEqual(kept, [])
        finally:
            with self.committed() as env:
                env["ir.rule"].browse(rule.id).unlink()
                self.registry.signal_changes()

    def test_each_company_has_its_own(self):
        with self.committed() as env:
            first = env["pos.config"].browse(self.till).company_id
            country = env.ref("base.be").id
            second = env["res.company"].create({"name": f"{uuid.uuid4().hex} second", "country_id": country})
            env["res.users"].browse(self.user).company_ids |= second
            tax = {"name": "second", "amount": 9, "company_id": second.id, "country_id": country}
            tax = env["account.tax"].create(tax)
            env["product.product"].browse(self.product).taxes_id |= tax
            expected = {first.id: 1, second.id: 1}

        def taxes(company):
            with self.registry.cursor() as cr:
                env = api.Environment(cr, self.user, {"allowed_company_ids": [company]})
                standing.begin(env, (self.registry.registry_sequence, self.registry.cache_sequence))
                self.assertIsNotNone(standing.at_hand(env))
                found = env["product.product"].browse(self.product).taxes_id
                standing.keep(env)
                return len(found.filtered(lambda tax: tax.sudo().company_id.id == company))

        for company in (first.id, second.id, first.id, second.id):
            self.assertEqual(taxes(company), expected[company])

    def test_nothing_is_kept_where_a_change_would_go_unnoticed(self):
        with self.committed() as env:
            self.assertLessEqual(standing.tables(env), change_log.traced(env.cr))
        with (
            patch.object(standing._Process, "registry", None),
            patch.object(change_log, "traced", return_value=set()),
        ):
            self.prices()
            self.assertFalse(standing._Process.callers)
        standing._Process.registry = None
