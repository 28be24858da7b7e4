from unittest.mock import patch

from odoo.http import root
from odoo.tests import tagged
from passlib.hash import pbkdf2_sha512

from ..models import token_family
from .common import CASHIER, ApiCase, new_key, new_user, write_key


@tagged("post_install", "-at_install")
class TestLogin(ApiCase):
    def try_login(self, login, password):
        return self.send("POST", "/auth/tokens", json={"login": login, "password": password})

    def test_login_and_me(self):
        self.env["hr.employee"].create(
            {"name": "Ada", "user_id": self.cashier.id, "pin": "4711", "barcode": "041"}
        )
        answer = self.try_login("api-cashier", "api-cashier-password")
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertNotIn("Set-Cookie", answer.headers)
        tokens = answer.json()
        self.assertEqual(tokens["user"]["role"], "cashier")
        me = self.send("GET", "/auth/me", token=tokens["access_token"])
        self.assertEqual(me.json()["employee"]["name"], "Ada")
        self.assertEqual(me.json()["open_sessions"], [])
        self.assertEqual(me.json()["session_expires_at"], tokens["session_expires_at"])
        for secret in ("4711", "041"):
            self.assertNotIn(f'"{secret}"', me.text)
        tag = {"If-None-Match": me.headers["ETag"]}
        answer = self.send("GET", "/auth/me", token=tokens["access_token"], headers=tag)
        self.assertEqual((answer.status_code, answer.content), (304, b""))

    def test_no_session_is_made_or_looked_up(self):
        tokens = self.log_in(self.cashier)
        with patch.object(type(root), "setup_session", side_effect=AssertionError("session looked up")):
            self.assertEqual(self.send("GET", "/auth/me", token=tokens["access_token"]).status_code, 200)

    def test_refusals_are_all_the_same(self):
        new_user(self.env, "api-gone", ("base.group_user",)).active = False
        answers = [
            self.try_login("api-cashier", "wrong"),
            self.try_login("api-nobody", "wrong"),
            self.try_login("api-gone", "api-gone-password"),
            self.try_login("API-CASHIER'--", "wrong"),
        ]
        for answer in answers:
            self.assert_problem(answer, 401, "bad-credentials")
        self.assertEqual(len({answer.text for answer in answers}), 1)
        self.assertEqual(len({answer.headers["WWW-Authenticate"] for answer in answers}), 1)

    def test_refusals_cost_the_same_work(self):
        # the hash takes nearly all of the time, and unlike the time its work can be counted
        self.use_settings(login_failures_per_account=1000, login_failures_per_source=1000)
        self.try_login("api-nobody", "wrong")  # the decoy is made once in a process
        new_user(self.env, "api-gone", CASHIER).active = False
        derive, rounds = pbkdf2_sha512._calc_checksum, []

        def counted(handler, secret):
            rounds.append(handler.rounds)
            return derive(handler, secret)

        spent = {}
        with patch.object(pbkdf2_sha512, "_calc_checksum", counted):
            for login in ("api-cashier", "api-nobody", "api-gone"):
                rounds.clear()
                self.assert_problem(self.try_login(login, "wrong"), 401)
                spent[login] = list(rounds)
        self.assertEqual(len(spent["api-cashier"]), 1)
        self.assertEqual(set(map(tuple, spent.values())), {tuple(spent["api-cashier"])}, spent)

    def test_only_roles_of_the_point_of_sale(self):
        for login, groups in (
            ("api-portal", ("base.group_portal",)),
            ("api-office", ("base.group_user",)),
        ):
            new_user(self.env, login, groups)
            self.assert_problem(self.try_login(login, f"{login}-password"), 403, "forbidden")

    def test_manager_needs_all_three_groups(self):
        self.assertEqual(self.log_in(self.manager)["user"]["role"], "manager")
        self.manager.groups_id -= self.env.ref("hr_attendance.group_hr_attendance_user")
        self.assertEqual(self.log_in(self.manager)["user"]["role"], "cashier")

    def test_two_factor_users_need_an_api_key(self):
        key = self.env["res.users.apikeys"].with_user(self.cashier)._generate("rpc", "till")
        self.assertEqual(self.try_login("api-cashier", key).status_code, 200)
        with patch.object(type(self.env["res.users"]), "_rpc_api_keys_only", lambda users: True):
            refused = self.try_login("api-cashier", "api-cashier-password")
            self.assert_problem(refused, 401, "bad-credentials")
            self.assertEqual(self.try_login("api-cashier", key).status_code, 200)

    def test_unusable_keys_are_503(self):
        for path in self.keys.iterdir():
            path.unlink()
        with self.assertLogs("odoo.addons.pos_api.keys", "CRITICAL") as logs:
            answer = self.try_login("api-cashier", "api-cashier-password")
        self.assert_problem(answer, 503, "unavailable")
        self.assertIn("active", logs.output[0])
        self.assertNotIn(str(self.keys), answer.text)


@tagged("post_install", "-at_install")
class TestTokenLife(ApiCase):
    def refresh(self, token):
        return self.send("POST", "/auth/tokens/refresh", json={"refresh_token": token})

    def me(self, tokens):
        return self.send("GET", "/auth/me", token=tokens["access_token"])

    def test_rotation(self):
        first = self.log_in(self.cashier)
        answer = self.refresh(first["refresh_token"])
        self.assertEqual(answer.status_code, 200, answer.text)
        second = answer.json()
        self.assertNotEqual(first["refresh_token"], second["refresh_token"])
        self.assertEqual(second["session_expires_at"], first["session_expires_at"])
        for tokens in (first, second):
            self.assertEqual(self.me(tokens).status_code, 200)

    def test_reuse_ends_the_family_and_no_other(self):
        first, other = self.log_in(self.cashier), self.log_in(self.cashier)
        second = self.refresh(first["refresh_token"]).json()
        self.assert_problem(self.refresh(first["refresh_token"]), 401, "invalid-token")
        self.assert_problem(self.refresh(second["refresh_token"]), 401, "invalid-token")
        for tokens in (first, second):
            self.assert_problem(self.me(tokens), 401, "invalid-token")
        self.assertEqual(self.me(other).status_code, 200)
        self.assertEqual(self.refresh(other["refresh_token"]).status_code, 200)

    def test_refresh_tokens_are_stored_hashed(self):
        token = self.log_in(self.cashier)["refresh_token"]
        self.env.cr.execute("SELECT * FROM pos_api_refresh_token")
        self.assertNotIn(token[3:], repr(self.env.cr.fetchall()))
        found = self.env["pos.api.refresh.token"].search([("digest", "=", token_family.digest(token))])
        self.assertEqual(found.family_id.user_id, self.cashier)

    def test_refresh_token_expires_by_idleness_and_absolutely(self):
        tokens = self.log_in(self.cashier)
        token = self.env["pos.api.refresh.token"].search([], order="id desc", limit=1)
        token.expires_at = "2020-01-01"
        self.assert_problem(self.refresh(tokens["refresh_token"]), 401)
        tokens = self.log_in(self.cashier)
        family = self.env["pos.api.token.family"].search([], order="id desc", limit=1)
        family.expires_at = "2020-01-01"
        self.assert_problem(self.refresh(tokens["refresh_token"]), 401)
        self.assert_problem(self.me(tokens), 401)

    def test_idle_end_never_passes_the_absolute_end(self):
        self.use_settings(refresh_token_lifetime=1000, refresh_token_idle=1000, access_token_lifetime=900)
        tokens = self.log_in(self.cashier)
        self.assertEqual(tokens["refresh_expires_at"], tokens["session_expires_at"])

    def test_logout_ends_this_login_at_once(self):
        tokens, other = self.log_in(self.cashier), self.log_in(self.cashier)
        answer = self.send("DELETE", "/auth/tokens/current", token=tokens["access_token"])
        self.assertEqual((answer.status_code, answer.content), (204, b""))
        self.assert_problem(self.me(tokens), 401, "invalid-token")
        self.assert_problem(self.refresh(tokens["refresh_token"]), 401)
        self.assert_problem(self.send("DELETE", "/auth/tokens/current", token=tokens["access_token"]), 401)
        self.assertEqual(self.me(other).status_code, 200)

    def test_deactivation_is_in_force_at_once_and_stays(self):
        tokens = self.log_in(self.cashier)
        self.env.cr.execute("UPDATE res_users SET active = false WHERE id = %s", (self.cashier.id,))
        self.assert_problem(self.me(tokens), 401)
        self.assert_problem(self.refresh(tokens["refresh_token"]), 401)
        self.env.cr.execute("UPDATE res_users SET active = true WHERE id = %s", (self.cashier.id,))
        self.assertEqual(self.me(tokens).status_code, 200)
        self.cashier.active = False
        self.cashier.active = True
        self.assert_problem(self.me(tokens), 401)

    def test_new_password_ends_all_logins(self):
        tokens = [self.log_in(self.cashier), self.log_in(self.cashier)]
        self.cashier.password = "something else"
        for login in tokens:
            self.assert_problem(self.me(login), 401)
            self.assert_problem(self.refresh(login["refresh_token"]), 401)

    def test_demotion_is_in_force_at_once(self):
        tokens = self.log_in(self.cashier)
        self.cashier.groups_id -= self.env.ref("point_of_sale.group_pos_user")
        self.assert_problem(self.me(tokens), 403, "forbidden")
        self.assert_problem(self.refresh(tokens["refresh_token"]), 403, "forbidden")
        self.cashier.groups_id += self.env.ref("point_of_sale.group_pos_user")
        self.assertEqual(self.refresh(tokens["refresh_token"]).status_code, 200)

    def test_rotated_signing_key(self):
        old = self.log_in(self.cashier)
        write_key(self.keys, "second", new_key())
        new = self.log_in(self.cashier)
        for tokens in (old, new):
            self.assertEqual(self.me(tokens).status_code, 200)
        (self.keys / "first.pem").unlink()
        self.assert_problem(self.me(old), 401)
        self.assertEqual(self.me(new).status_code, 200)

    def test_old_rows_are_collected(self):
        self.log_in(self.cashier)
        family = self.env["pos.api.token.family"].search([], order="id desc", limit=1)
        family.expires_at = "2020-01-01"
        self.env["pos.api.cleaning"]._run()
        self.assertFalse(family.exists())
