"""Calls at the same moment, against the running server with real transactions."""

import threading
import uuid
from contextlib import contextmanager

from odoo import SUPERUSER_ID, api, registry
from odoo.tests import BaseCase, get_db_name, tagged
from odoo.tools import mute_logger

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
)  # fmt: skip


def at_once(count, function):
    """Run a function in threads that start together; return what each gave, or raise what one raised."""
    start, results, errors = threading.Barrier(count), [None] * count, []

    def run(index):
        start.wait()
        try:
            results[index] = function(index)
        except Exception as error:  # handed to the test's own thread below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


@tagged("post_install", "-at_install")
class TestConcurrency(KeysMixin, BaseCase):
    def setUp(self):
        super().setUp()
        self.registry = registry(get_db_name())
        self.use_keys()
        login = f"till-{uuid.uuid4().hex}"
        with self.committed() as env:
            cashier = new_user(env, login, CASHIER)
            till = new_till(env, login)
            self.cashier, self.till = cashier.id, till.id
            self.session = open_session(till, cashier).id
            self.product = new_product(env, login, 2.0, type="service").id
        self.addCleanup(self.put_away)
        self.tokens = send(
            "POST", BASE + "/auth/tokens", json={"login": login, "password": f"{login}-password"}
        ).json()

    @contextmanager
    def committed(self):
        """Give an environment whose changes are committed."""
        with self.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {})

    def put_away(self):
        """Close the session and archive what Odoo does not let go of."""
        with self.committed() as env:
            env["pos.order"].search([("session_id", "=", self.session)]).unlink()
            env["pos.session"].browse(self.session).action_pos_session_closing_control()
            env["product.product"].browse(self.product).product_tmpl_id.active = False
            env["pos.config"].browse(self.till).active = False
            env["res.users"].browse(self.cashier).active = False

    def order(self, key, quantity=1):
        return send(
            "POST",
            BASE + "/orders",
            token=self.tokens["access_token"],
            headers=key,
            json={"lines": [{"product_id": self.product, "quantity": quantity}]},
        )

    def orders(self):
        with self.committed() as env:
            return env["pos.order"].search_count([("session_id", "=", self.session)])

    @mute_logger("odoo.sql_db", "odoo.service.model")
    def test_one_key_makes_one_order(self):
        key = new_idempotency_key()
        answers = at_once(6, lambda _index: self.order(key))
        made = [answer for answer in answers if answer.status_code == 201]
        self.assertEqual(
            {answer.status_code for answer in answers} - {201, 409}, set(), [a.text for a in answers]
        )
        self.assertEqual(len({answer.json()["id"] for answer in made}), 1)
        self.assertEqual(sum("Idempotency-Replayed" not in answer.headers for answer in made), 1)
        for answer in answers:
            if answer.status_code == 409:
                self.assertEqual(answer.json()["type"], "urn:tillstack:pos-api:still-running")
                self.assertEqual(answer.headers["Retry-After"], "1")
        self.assertEqual(self.orders(), 1)

    def test_a_call_still_running_answers_409(self):
        key = new_idempotency_key()
        place = self.cashier, "createOrder", key["Idempotency-Key"]
        with self.committed() as env:
            self.assertEqual(env["pos.api.idempotency.key"]._lock(*place), (True, None))
            answer = self.order(key)
            self.assertEqual(answer.json()["type"], "urn:tillstack:pos-api:still-running")
            self.assertEqual(answer.status_code, 409)
        self.assertEqual(self.order(key).status_code, 201)

    def test_a_key_committed_after_the_snapshot_is_found(self):
        place = self.cashier, "createOrder", new_idempotency_key()["Idempotency-Key"]
        with self.committed() as early:
            store = early["pos.api.idempotency.key"]
            early.cr.execute("SELECT 1")
            with self.committed() as late:
                late["pos.api.idempotency.key"]._keep(*place, "x", 201, {}, {})
            self.assertEqual(store._lock(*place), (True, None))
            with mute_logger("odoo.sql_db"), self.assertRaises(Exception) as raised:
                store._keep(*place, "x", 201, {}, {})
            self.assertEqual(raised.exception.pgcode, "40001")  # the call is run again and finds it
            early.cr.rollback()

    @mute_logger("odoo.sql_db", "odoo.service.model")
    def test_different_orders_at_once_all_succeed(self):
        answers = at_once(6, lambda index: self.order(new_idempotency_key(), index + 1))
        self.assertEqual([answer.status_code for answer in answers], [201] * 6, [a.text for a in answers])
        self.assertEqual(len({answer.json()["receipt_number"] for answer in answers}), 6)
        self.assertEqual(self.orders(), 6)

    @mute_logger("odoo.sql_db", "odoo.service.model")
    def test_refresh_at_once_succeeds_once_and_ends_the_family(self):
        def refresh(_index):
            return send(
                "POST", BASE + "/auth/tokens/refresh", json={"refresh_token": self.tokens["refresh_token"]}
            )

        statuses = [answer.status_code for answer in at_once(4, refresh)]
        self.assertEqual(sorted(statuses), [200, 401, 401, 401])
        me = send("GET", BASE + "/auth/me", token=self.tokens["access_token"])
        self.assertEqual(me.status_code, 401)

    @mute_logger("odoo.sql_db", "odoo.service.model")
    def test_session_cannot_close_under_a_sale(self):
        """A session that another transaction has just closed takes no order."""
        with self.committed() as env:
            env["pos.session"].browse(self.session).state = "closing_control"
        self.assertEqual(self.order(new_idempotency_key()).status_code, 409)
        with self.committed() as env:
            env["pos.session"].browse(self.session).state = "opened"

        waiting = {}

        def sell():
            waiting["answer"] = self.order(new_idempotency_key())

        thread = threading.Thread(target=sell)
        with self.committed() as env:
            env["pos.session"].browse(self.session).state = "closing_control"
            env["base"].flush()
            thread.start()
            thread.join(1.0)
            self.assertTrue(thread.is_alive(), "the sale must wait for the closing")
        thread.join()
        self.assertEqual(waiting["answer"].status_code, 409, waiting["answer"].text)
        self.assertEqual(self.orders(), 0)
        with self.committed() as env:
            env["pos.session"].browse(self.session).state = "opened"
