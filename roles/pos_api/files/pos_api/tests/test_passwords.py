import re
import uuid
from datetime import datetime, timedelta
from unittest.mock import patch

from odoo import SUPERUSER_ID, api, exceptions, registry
from odoo.tests import BaseCase, get_db_name, tagged
from odoo.tools import mute_logger

from .common import BASE, CASHIER, ApiCase, KeysMixin, new_user, send
from .test_concurrency import at_once

RESETS, PASSWORD = "/auth/password-resets", "/auth/password"


class PasswordCase(ApiCase):
    def setUp(self):
        super().setUp()
        self.cashier.email = "cashier@example.com"
        self.env["pos.api.password.reset"].search([]).unlink()

    def ask(self, login):
        return self.send("POST", RESETS, json={"login": login})

    def asked(self):
        return self.env["pos.api.password.reset"].search([]).mapped("login")

    def run_job(self):
        """Run the job, and return the mails that it has queued and handed to the sending."""
        mails = self.env["mail.mail"]
        handed = []
        self.env["base"].flush()
        with self.env.registry.cursor() as cr:  # one of the test's, whose commits stay in it
            model = api.Environment(cr, SUPERUSER_ID, {})["pos.api.password.reset"]
            with patch.object(type(mails), "send", lambda mail, **options: handed.extend(mail.ids)):
                model._run()
        self.env.cache.invalidate()
        return mails.browse(handed)

    def token(self):
        """Return the token of a reset that the cashier has asked for, as the mail has it."""
        self.assertEqual(self.ask("api-cashier").status_code, 202)
        return re.search(r"token=(\w+)", self.run_job().body_html)[1]

    def change(self, token=None, **body):
        return self.send("PUT", PASSWORD, token=token, json=body)

    def try_login(self, password):
        return self.send("POST", "/auth/tokens", json={"login": "api-cashier", "password": password})


@tagged("post_install", "-at_install")
class TestPasswordResets(PasswordCase):
    def setUp(self):
        super().setUp()
        gone = new_user(self.env, "api-gone", ("base.group_user",))
        gone.write({"email": "gone@example.com", "active": False})
        for login in ("api-twin1", "api-twin2"):
            new_user(self.env, login, ("base.group_user",)).email = "twins@example.com"

    def test_nobody_is_looked_for_in_the_call(self):
        logins = ("api-cashier", "cashier@example.com", "api-nobody", "api-gone", "api-manager", "@")
        mails, found = self.env["mail.mail"].search([]), AssertionError("a user was looked for")
        with patch.object(type(self.env["res.users"]), "_search", side_effect=found):
            answers = [self.ask(login) for login in logins]
        self.assertEqual({answer.status_code for answer in answers}, {202})
        self.assertEqual({answer.content for answer in answers}, {b""})
        headers = [
            {name: value for name, value in answer.headers.items() if name != "Date"} for answer in answers
        ]
        self.assertTrue(all(one == headers[0] for one in headers), headers)
        self.assertEqual(headers[0]["Cache-Control"], "no-store")
        self.assertEqual(self.asked(), list(logins))
        self.assertFalse(self.cashier.partner_id.signup_token)
        self.assertEqual(self.env["mail.mail"].search([]), mails)

    def test_mail_goes_to_who_can_be_written_to(self):
        for login in ("api-nobody", "api-gone", "api-manager", "twins@example.com", "gone@example.com"):
            self.ask(login)
        self.assertFalse(self.run_job())
        self.assertFalse(self.asked())
        for login in ("api-cashier", "  cashier@example.com "):
            self.cashier.partner_id.signup_cancel()
            self.ask(login)
            mail = self.run_job()
            self.assertEqual((len(mail), mail.state, mail.auto_delete), (1, "outgoing", True))
            self.assertIn("<cashier@example.com>", mail.email_to)
            partner = self.cashier.partner_id
            self.assertEqual(partner.signup_type, "reset")
            day = partner.signup_expiration - datetime.now()
            self.assertLess(abs(day - timedelta(hours=24)), timedelta(minutes=5))
            base = self.env["ir.config_parameter"].get_param("web.base.url")
            self.assertIn(f"{base}/web/reset_password?", mail.body_html)
            self.assertIn(f"token={partner.signup_token}", mail.body_html)

    def test_a_flood_makes_one_mail(self):
        for login in ("api-cashier", "api-nobody"):
            statuses = [self.ask(login).status_code for _ in range(7)]
            self.assertEqual(statuses, [202] * 5 + [429] * 2)
            answer = self.ask(f" {login.upper()} ")
            self.assert_problem(answer, 429, "too-many-logins")
            self.assertTrue(200 < int(answer.headers["Retry-After"]) <= 300)
        self.assertEqual(len(self.asked()), 10)
        self.assertEqual(len(self.run_job()), 1)
        self.env["pos.api.login.attempt"].search([]).unlink()
        self.ask("api-cashier")
        self.assertFalse(self.run_job(), "who was written to just now is not written to again")
        self.cashier.partner_id.signup_expiration -= timedelta(seconds=301)
        self.ask("api-cashier")
        self.assertEqual(len(self.run_job()), 1)

    def test_source(self):
        self.use_settings(login_failures_per_source=3)
        for login in ("a", "b", "c"):
            self.assertEqual(self.ask(login).status_code, 202)
        self.assert_problem(self.ask("api-cashier"), 429, "too-many-logins")

    def test_counted_apart_from_logins(self):
        self.use_settings(login_failures_per_source=5)
        for _ in range(5):
            self.assertEqual(self.ask("api-cashier").status_code, 202)
        for _ in range(5):
            self.assert_problem(self.try_login("wrong"), 401)
        self.assert_problem(self.try_login("wrong"), 429)
        self.assert_problem(self.ask("api-cashier"), 429)

    def test_switched_off(self):
        self.env["ir.config_parameter"].set_param("auth_signup.reset_password", "False")
        texts = {self.assert_problem(self.ask(login), 403)["detail"] for login in ("api-cashier", "nobody")}
        self.assertEqual(len(texts), 1)
        self.assertFalse(self.asked())

    def test_one_user_s_trouble_keeps_nobody_waiting(self):
        self.manager.email = "manager@example.com"
        prepare = type(self.env["res.partner"]).signup_prepare

        def broken(partner, **options):
            if partner == self.cashier.partner_id:
                raise ValueError("broken")
            return prepare(partner, **options)

        for login in ("api-cashier", "api-manager"):
            self.ask(login)
        breaking = patch.object(type(self.env["res.partner"]), "signup_prepare", broken)
        with breaking, self.assertLogs("odoo.addons.pos_api.models.password_reset", "ERROR") as logs:
            mail = self.run_job()
        self.assertIn("<manager@example.com>", mail.email_to)
        self.assertNotIn("api-cashier", logs.records[0].getMessage())

    def test_fields(self):
        for body in ({}, {"login": ""}, {"login": "  "}, {"login": "x" * 256}, {"login": 1}):
            with self.subTest(body=body):
                problem = self.assert_problem(self.send("POST", RESETS, json=body), 422, "invalid")
                self.assertEqual(problem["errors"][0]["pointer"], "/login")


@tagged("post_install", "-at_install")
class TestPasswordChange(PasswordCase):
    def me(self, tokens):
        return self.send("GET", "/auth/me", token=tokens["access_token"])

    def test_by_reset_token(self):
        logins = [self.log_in(self.cashier), self.log_in(self.cashier)]
        token = self.token()
        answer = self.change(reset_token=token, new_password="brand new password")
        self.assertEqual((answer.status_code, answer.content), (204, b""))
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        for tokens in logins:
            self.assert_problem(self.me(tokens), 401, "invalid-token")
        self.assert_problem(self.try_login("api-cashier-password"), 401)
        self.assertEqual(self.try_login("brand new password").status_code, 200)

    def test_a_reset_token_is_good_once_and_for_a_day(self):
        used = self.token()
        self.assertEqual(self.change(reset_token=used, new_password="brand new").status_code, 204)
        expired = self.token()
        self.cashier.partner_id.signup_expiration = datetime.now() - timedelta(seconds=1)
        self.manager.partner_id.signup_prepare()  # an invitation to sign up is no reset
        tokens = ("unknown", used, expired, self.manager.partner_id.signup_token)
        problems = [
            self.assert_problem(self.change(reset_token=token, new_password="other"), 422, "invalid")
            for token in tokens
        ]
        self.assertEqual(problems[0]["errors"][0]["pointer"], "/reset_token")
        self.assertTrue(all(problem == problems[0] for problem in problems), problems)
        self.assertEqual(self.try_login("brand new").status_code, 200)

    def test_a_deactivated_user_s_token_is_no_good(self):
        token = self.token()
        self.cashier.active = False
        self.assert_problem(self.change(reset_token=token, new_password="other"), 422, "invalid")

    def test_guessing_tokens_is_throttled(self):
        self.use_settings(login_failures_per_source=3)
        for number in range(3):
            self.assert_problem(self.change(reset_token=f"x{number}", new_password="other"), 422)
        self.assert_problem(self.change(reset_token="y", new_password="other"), 429, "too-many-logins")

    def test_by_current_password(self):
        for user in (self.cashier, self.manager):
            tokens, other = self.log_in(user), self.log_in(user)
            answer = self.change(
                tokens["access_token"],
                current_password=f"{user.login}-password",
                new_password="brand new",
            )
            self.assertEqual((answer.status_code, answer.content), (204, b""))
            self.assertEqual(answer.headers["Cache-Control"], "no-store")
            for login in (tokens, other):
                self.assert_problem(self.me(login), 401, "invalid-token")
                refreshed = self.send(
                    "POST", "/auth/tokens/refresh", json={"refresh_token": login["refresh_token"]}
                )
                self.assert_problem(refreshed, 401)
        self.assertEqual(self.try_login("brand new").status_code, 200)

    def test_failed_logins_count_against_the_current_password(self):
        token = self.access(self.cashier)
        for _ in range(5):
            self.assert_problem(self.try_login("wrong"), 401)
        answer = self.change(token, current_password="api-cashier-password", new_password="other")
        self.assert_problem(answer, 429, "too-many-logins")

    def test_an_api_key_is_no_current_password(self):
        key = self.env["res.users.apikeys"].with_user(self.cashier)._generate("rpc", "till")
        with patch.object(type(self.env["res.users"]), "_rpc_api_keys_only", lambda users: True):
            token = self.try_login(key).json()["access_token"]
            answer = self.change(token, current_password=key, new_password="other")
            self.assert_problem(answer, 403, "wrong-password")
            answer = self.change(
                token, current_password="api-cashier-password", new_password="other password"
            )
            self.assertEqual(answer.status_code, 204)
            self.assert_problem(self.try_login("other password"), 401)
            self.assertEqual(self.try_login(key).status_code, 200)

    def test_who_calls(self):
        body = {"current_password": "api-cashier-password", "new_password": "other"}
        self.assert_problem(self.change(**body), 401, "unauthorized")
        self.assert_problem(self.change("x.y.z", **body), 401, "invalid-token")
        office = new_user(self.env, "api-office", ("base.group_user",))
        office.email = "office@example.com"
        self.ask("api-office")
        token = re.search(r"token=(\w+)", self.run_job().body_html)[1]
        self.assertEqual(self.change(reset_token=token, new_password="other").status_code, 204)

    def test_fields(self):
        token = self.access(self.cashier)
        for body, pointer in (
            ({"new_password": "other"}, "/current_password"),
            (
                {"new_password": "other", "current_password": "x", "reset_token": "x"},
                "/current_password",
            ),
            ({"current_password": "api-cashier-password"}, "/new_password"),
            ({"current_password": "api-cashier-password", "new_password": ""}, "/new_password"),
            ({"current_password": "api-cashier-password", "new_password": " \t"}, "/new_password"),
            ({"current_password": "api-cashier-password", "new_password": "x" * 1025}, "/new_password"),
            ({"current_password": "", "new_password": "other"}, "/current_password"),
            ({"reset_token": None, "new_password": "other"}, "/reset_token"),
        ):
            with self.subTest(body=body):
                problem = self.assert_problem(self.change(token, **body), 422, "invalid")
                self.assertEqual([error["pointer"] for error in problem["errors"]], [pointer])
        self.assertEqual(self.try_login("api-cashier-password").status_code, 200)

    def test_odoo_s_password_policy(self):
        def too_short(users):
            raise exceptions.UserError("Passwords must have at least 12 characters, got 5.")

        reset, access = self.token(), self.access(self.cashier)
        with patch.object(type(self.env["res.users"]), "_set_password", too_short):
            for token, shown in (
                (None, {"reset_token": reset}),
                (access, {"current_password": "api-cashier-password"}),
            ):
                answer = self.change(token, new_password="short", **shown)
                problem = self.assert_problem(answer, 422, "invalid")
                self.assertEqual(problem["errors"][0]["pointer"], "/new_password")
                self.assertIn("at least 12", problem["detail"])
        self.assertEqual(self.send("GET", "/auth/me", token=access).status_code, 200)
        self.assertEqual(self.change(reset_token=reset, new_password="long enough").status_code, 204)

    def test_secrets_are_in_no_answer_log_or_audit(self):
        self.env["pos.api.audit"].search([]).unlink()
        with self.assertLogs(level="DEBUG") as logs, mute_logger("odoo.sql_db"):
            token = self.token()
            answers = [
                self.change(reset_token=token + "x", new_password="canary-new"),
                self.change(reset_token=token, new_password="canary-new"),
                self.change(reset_token=token, new_password="canary-new"),
                self.change(
                    self.try_login("canary-new").json()["access_token"],
                    current_password="canary-old",
                    new_password="canary-newer",
                ),
            ]
        self.assertEqual([answer.status_code for answer in answers], [422, 204, 422, 403])
        self.env.cr.execute("SELECT * FROM pos_api_audit")
        told = repr(self.env.cr.fetchall())
        self.assertIn("new_password reset_token", told)
        told += "".join(logs.output) + "".join(answer.text + repr(answer.headers) for answer in answers)
        for secret in (token, "canary"):
            self.assertNotIn(secret, told)


@tagged("post_install", "-at_install")
class TestPasswordsAtOnce(KeysMixin, BaseCase):
    """Calls in transactions of their own, as in several workers."""

    def setUp(self):
        super().setUp()
        self.use_keys()
        self.login = f"password-{uuid.uuid4().hex}"
        with registry(get_db_name()).cursor() as cr:
            user = new_user(api.Environment(cr, SUPERUSER_ID, {}), self.login, CASHIER)
            user.partner_id.signup_prepare(
                signup_type="reset", expiration=datetime.now() + timedelta(hours=1)
            )
            self.reset_token = user.partner_id.signup_token
        self.addCleanup(self.put_away)

    def put_away(self):
        with registry(get_db_name()).cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            env["res.users"].search([("login", "=", self.login)]).active = False
            cr.execute("DELETE FROM pos_api_login_attempt")

    def change(self, token=None, **body):
        return send("PUT", BASE + PASSWORD, token=token, json=body).status_code

    def try_login(self, password):
        return send("POST", BASE + "/auth/tokens", json={"login": self.login, "password": password})

    @mute_logger("odoo.sql_db", "odoo.service.model")
    def test_a_reset_token_sets_one_password(self):
        statuses = at_once(
            5, lambda index: self.change(reset_token=self.reset_token, new_password=f"new {index}")
        )
        self.assertEqual(statuses.count(204), 1, statuses)
        self.assertLessEqual(set(statuses), {204, 422, 429})
        self.assertEqual(self.try_login(f"new {statuses.index(204)}").status_code, 200)

    def test_a_wrong_current_password_counts_as_a_failed_login(self):
        token = self.try_login(f"{self.login}-password").json()["access_token"]
        wrong = [self.change(token, current_password="wrong", new_password="other") for _ in range(5)]
        self.assertEqual(wrong, [403] * 5)
        right = self.change(token, current_password=f"{self.login}-password", new_password="other")
        self.assertEqual(right, 429)
        self.assertEqual(self.try_login(f"{self.login}-password").status_code, 429)
