import threading
from unittest.mock import patch

from odoo import registry
from odoo.tests import BaseCase, get_db_name, tagged

from ..models import login_attempt
from .common import ApiCase, KeysMixin


@tagged("post_install", "-at_install")
class TestThrottle(ApiCase):
    def try_login(self, login, password="wrong"):
        return self.send("POST", "/auth/tokens", json={"login": login, "password": password})

    def test_account(self):
        for _ in range(5):
            self.assert_problem(self.try_login("api-cashier"), 401)
        answer = self.try_login("api-cashier", "api-cashier-password")
        self.assert_problem(answer, 429, "too-many-logins")
        self.assertTrue(200 < int(answer.headers["Retry-After"]) <= 300)
        self.assert_problem(self.try_login(" API-Cashier "), 429)
        self.assertEqual(self.try_login("api-manager", "api-manager-password").status_code, 200)

    def test_unknown_account_is_throttled_alike(self):
        for _ in range(5):
            self.assert_problem(self.try_login("api-nobody"), 401)
        self.assert_problem(self.try_login("api-nobody"), 429, "too-many-logins")

    def test_success_forgets_the_failures(self):
        for _ in range(3):
            for _ in range(4):
                self.assert_problem(self.try_login("api-cashier"), 401)
            self.assertEqual(self.try_login("api-cashier", "api-cashier-password").status_code, 200)

    def test_source(self):
        self.use_settings(login_failures_per_source=3)
        for login in ("a", "b", "c"):
            self.assert_problem(self.try_login(login), 401)
        self.assert_problem(self.try_login("api-cashier", "api-cashier-password"), 429, "too-many-logins")

    def test_window_slides(self):
        for _ in range(5):
            self.try_login("api-cashier")
        self.assert_problem(self.try_login("api-cashier"), 429)
        self.env.cr.execute("UPDATE pos_api_login_attempt SET at = at - interval '301 seconds'")
        self.assert_problem(self.try_login("api-cashier"), 401)

    def test_waiting_is_not_prolonged_by_trying(self):
        for _ in range(8):
            self.try_login("api-cashier")
        self.assertEqual(self.env["pos.api.login.attempt"].search_count([]), 5)

    def test_odoo_s_own_cooldown_does_not_step_in(self):
        self.use_settings(login_failures_per_account=100)
        for _ in range(8):
            self.assert_problem(self.try_login("api-cashier"), 401)
        self.assertEqual(self.try_login("api-cashier", "api-cashier-password").status_code, 200)

    def test_what_was_typed_is_not_stored(self):
        self.try_login("my-secret-typed-as-login")
        self.env.cr.execute("SELECT * FROM pos_api_login_attempt")
        self.assertNotIn("my-secret", repr(self.env.cr.fetchall()))


@tagged("post_install", "-at_install")
class TestThrottleAtOnce(KeysMixin, BaseCase):
    """Attempts at the same moment, in transactions of their own as in several workers."""

    def test_no_more_than_the_limit_pass(self):
        self.use_settings(login_failures_per_account=5, login_failures_per_source=1000)
        database = registry(get_db_name())
        login = "at-once"

        def clean():
            with database.cursor() as cr:
                cr.execute(
                    "DELETE FROM pos_api_login_attempt WHERE account = %s",
                    (login_attempt.account_key(login),),
                )

        self.addCleanup(clean)
        meet, waits, wait = threading.Barrier(12), [], login_attempt._wait

        def after_all_began(cr, number, column, *rest):
            if column == "account":
                meet.wait(60)
            return wait(cr, number, column, *rest)

        def attempt():
            waits.append(login_attempt.begin(database, login, "192.0.2.1")[1])

        with patch.object(login_attempt, "_wait", after_all_began):
            threads = [threading.Thread(target=attempt) for _ in range(12)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(len(waits), 12)
        self.assertLessEqual(waits.count(0), 5)
        self.assertEqual(set(waits) - {0}, {1}, "nothing has failed yet, so the wait is short")
        self.assertEqual(login_attempt.begin(database, login, "192.0.2.1")[1], 0)
