from datetime import timedelta
from unittest.mock import patch

from odoo import SUPERUSER_ID, api, exceptions, fields
from odoo.tests import tagged

from ..models import cleaning, tombstone
from .common import ApiCase, new_idempotency_key, new_product
from .test_frame import replaced


@tagged("post_install", "-at_install")
class TestAudit(ApiCase):
    def setUp(self):
        super().setUp()
        self.tea = new_product(self.env, "apitest tea", 2)
        self.tokens = self.log_in(self.manager)
        self.token = self.tokens["access_token"]
        self.env["pos.api.audit"].search([]).unlink()

    def rows(self):
        return self.env["pos.api.audit"].search([], order="id")

    def create(self, headers=None, **body):
        headers = headers or new_idempotency_key()
        return self.send("POST", "/customers", token=self.token, headers=headers, json=body)

    def change(self, tag, **body):
        path = f"/products/{self.tea.id}"
        return self.send("PATCH", path, token=self.token, headers={"If-Match": tag}, json=body)

    def test_who_what_and_where(self):
        key = new_idempotency_key()
        started = fields.Datetime.now()
        answer = self.create(headers=key, name="apitest canary", phone="canary", email="canary@example.com")
        self.assertEqual(answer.status_code, 201)
        row = self.rows()
        self.assertEqual(len(row), 1)
        family = self.env["pos.api.token.family"].search([], order="id desc", limit=1)
        self.assertEqual(
            (row.user_id, row.family, row.operation, row.path, row.status),
            (self.manager.id, family.id, "createCustomer", "/api/v1/customers", 201),
        )
        self.assertEqual(row.location, answer.headers["Location"])
        self.assertEqual(row.idempotency_key, key["Idempotency-Key"])
        self.assertEqual(row.source, "127.0.0.1")
        self.assertEqual(row.members, "email name phone")
        self.assertTrue(started <= row.at <= fields.Datetime.now() + timedelta(seconds=1))
        self.assertNotIn("canary", repr(row.read()))

    def test_each_kind_of_write(self):
        tag = self.send("GET", f"/products/{self.tea.id}", token=self.token).headers["ETag"]
        self.assertEqual(self.change(tag, price=3).status_code, 200)
        self.send("POST", "/auth/password-resets", json={"login": "canary"})
        self.log_in(self.cashier)
        refreshed = self.send(
            "POST", "/auth/tokens/refresh", json={"refresh_token": self.tokens["refresh_token"]}
        ).json()
        body = {"current_password": "api-manager-password", "new_password": "canary-new"}
        self.send("PUT", "/auth/password", token=refreshed["access_token"], json=body)
        login = {"login": "api-manager", "password": "canary-new"}
        last = self.send("POST", "/auth/tokens", json=login).json()["access_token"]
        self.assertEqual(self.send("DELETE", "/auth/tokens/current", token=last).status_code, 204)
        self.assertEqual(
            [(row.operation, row.user_id, row.status, row.members) for row in self.rows()],
            [
                ("changeProduct", self.manager.id, 200, "price"),
                ("createPasswordReset", 0, 202, "login"),
                ("createToken", self.cashier.id, 200, "login password"),
                ("refreshToken", self.manager.id, 200, "refresh_token"),
                ("changePassword", self.manager.id, 204, "current_password new_password"),
                ("createToken", self.manager.id, 200, "login password"),
                ("deleteCurrentToken", self.manager.id, 204, False),
            ],
        )
        self.env.cr.execute("SELECT * FROM pos_api_audit")
        told = repr(self.env.cr.fetchall())
        for secret in ("canary", "api-manager-password", "rt_", "eyJ"):
            self.assertNotIn(secret, told)

    def test_no_row_without_a_write(self):
        tag = self.send("GET", f"/products/{self.tea.id}", token=self.token).headers["ETag"]
        for path in ("/products", "/customers", "/categories", "/auth/me", f"/products/{self.tea.id}/stock"):
            self.assertEqual(self.send("GET", path, token=self.token).status_code, 200)
        self.assertFalse(self.rows(), "reads")
        self.assertEqual(self.change('"other"', price=3).status_code, 412)
        self.assertEqual(self.change(tag, price=-1).status_code, 422)
        self.assertEqual(self.create(nothing="x").status_code, 422)
        refused = self.send("POST", "/auth/tokens", json={"login": "api-cashier", "password": "wrong"})
        self.assertEqual(refused.status_code, 401)
        self.assertFalse(self.rows(), "refusals")

    def test_a_refusal_whose_work_stays_has_no_row(self):
        for status in (200, 401):  # the second one ends the login, which is committed
            answer = self.send(
                "POST", "/auth/tokens/refresh", json={"refresh_token": self.tokens["refresh_token"]}
            )
            self.assertEqual(answer.status_code, status)
        self.assertEqual(self.rows().mapped("operation"), ["refreshToken"])

    def test_a_replay_has_no_row(self):
        key = new_idempotency_key()
        answers = [self.create(headers=key, name="apitest once") for _ in range(2)]
        self.assertEqual(answers[1].headers["Idempotency-Replayed"], "true")
        self.assertEqual(len(self.rows()), 1)

    def test_a_row_goes_with_the_work(self):
        def fail(running):
            running.env["pos.api.audit"].sudo()._add(operation="x", path="x", status=1)
            raise exceptions.UserError("no")

        with replaced("createCustomer", fail):
            self.assert_problem(self.create(name="apitest"), 422, "refused")
        self.assertFalse(self.rows())

    def test_nobody_changes_it(self):
        self.create(name="apitest")
        admin = self.env.ref("base.user_admin")
        row = self.rows().with_user(admin)
        self.assertTrue(row.read())
        for forbidden in (
            lambda: row.write({"path": "x"}),
            row.unlink,
            lambda: row.create({"operation": "x", "path": "x", "status": 1, "at": "2020-01-01"}),
        ):
            with self.assertRaises(exceptions.AccessError):
                forbidden()
        with self.assertRaises(exceptions.AccessError):
            row.with_user(self.manager).read()


@tagged("post_install", "-at_install")
class TestCleaning(ApiCase):
    def setUp(self):
        super().setUp()
        self.limits = self.use_settings(audit_retention=1000, idempotency_retention=2000, login_window=300)
        for model in cleaning.TABLES:
            self.env[model].search([]).unlink()

    def add(self, model, age):
        """Add a row that is so many seconds old."""
        at = fields.Datetime.now() - timedelta(seconds=age)
        return self.env[model].create(
            {
                "pos.api.audit": {"at": at, "operation": "x", "path": "/x", "status": 200},
                "pos.api.login.attempt": {"at": at, "account": "x", "source": "x"},
                "pos.api.token.family": {"user_id": self.cashier.id, "created_at": at, "expires_at": at},
                "pos.api.idempotency.key": {
                    "user_id": self.cashier.id, "operation": "x", "key": str(age), "digest": "x",
                    "created_at": at,
                },
                "pos.api.tombstone": {"section": "products", "record_id": 1, "at": at},
            }[model]
        )  # fmt: skip

    def run_job(self, batch):
        """Run the job with small batches; return how often it has committed."""
        self.env["base"].flush()
        small = patch.object(cleaning, "BATCH", batch)
        # a cursor of the test's, whose commits stay in it
        with self.env.registry.cursor() as cr, small, patch.object(cr, "commit", wraps=cr.commit) as commit:
            api.Environment(cr, SUPERUSER_ID, {})["pos.api.cleaning"]._run()
            committed = commit.call_count
        self.env.cache.invalidate()
        return committed

    def test_expired_rows_go_and_the_others_stay(self):
        kept = {
            "pos.api.audit": 990,
            "pos.api.idempotency.key": 1990,
            "pos.api.login.attempt": 290,
            "pos.api.token.family": 86400 - 10,  # a day beyond its end, so that reuse is still recognised
            "pos.api.tombstone": tombstone.KEPT.total_seconds() - 10,
        }
        self.assertEqual(set(kept), set(cleaning.TABLES))
        rows = {model: self.add(model, age) for model, age in kept.items()}
        gone = {model: self.add(model, age + 20) for model, age in kept.items()}
        self.run_job(batch=5000)
        for model in cleaning.TABLES:
            self.assertTrue(rows[model].exists(), model)
            self.assertFalse(gone[model].exists(), model)

    def test_in_batches_until_none_is_left(self):
        for age in range(2000, 2005):
            self.add("pos.api.audit", age)
        kept = self.add("pos.api.audit", 10)
        self.assertEqual(self.run_job(batch=2), 2, "of 2, 2 and 1")
        self.assertEqual(self.env["pos.api.audit"].search([]), kept)

    def test_it_is_run_every_hour(self):
        job = self.env.ref("pos_api.cron_cleaning")
        self.assertEqual((job.active, job.interval_number, job.interval_type), (True, 1, "hours"))
        self.add("pos.api.audit", 2000)
        with self.env.registry.cursor() as cr:
            api.Environment(cr, SUPERUSER_ID, {})["ir.cron"].browse(job.id).ir_actions_server_id.run()
        self.env.cache.invalidate()
        self.assertFalse(self.env["pos.api.audit"].search([]))
