"""Calls on one order at the same moment, against the running server with real transactions."""

import threading
import uuid
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from odoo import SUPERUSER_ID, api, fields, registry
from odoo.tests import BaseCase, get_db_name, tagged
from odoo.tools import mute_logger

from .. import refunds, selling
from ..operations import payments
from .common import (
    BASE,
    MANAGER,
    KeysMixin,
    new_idempotency_key,
    new_product,
    new_till,
    new_user,
    open_session,
    send,
)
from .test_concurrency import at_once

RETRIED = ("odoo.sql_db", "odoo.service.model")
DEADLINE = 60  # seconds


@tagged("post_install", "-at_install")
class TestSellingAtOnce(KeysMixin, BaseCase):
    def setUp(self):
        super().setUp()
        self.registry = registry(get_db_name())
        self.use_keys()
        login = f"till-{uuid.uuid4().hex}"
        with self.committed() as env:
            user = new_user(env, login, MANAGER)
            user.email = f"{login}@example.com"
            till = new_till(env, login)
            till.module_account = True
            self.cash = till.payment_method_ids.filtered("is_cash_count").id
            self.user, self.till = user.id, till.id
            self.session = open_session(till, user).id
            self.product = new_product(env, login, 2.0, type="service").id
            self.customer = env["res.partner"].create({"name": login}).id
        self.addCleanup(self.put_away)
        answer = send("POST", BASE + "/auth/tokens", json={"login": login, "password": f"{login}-password"})
        self.token = answer.json()["access_token"]

    @contextmanager
    def committed(self):
        """Give an environment whose changes are committed."""
        with self.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {})

    def close(self):
        """Close the till's sessions, without their drafts."""
        with self.committed() as env:
            sessions = env["pos.session"].search([("config_id", "=", self.till), ("state", "!=", "closed")])
            drafts = sessions.order_ids.filtered(lambda order: order.state == "draft")
            drafts.payment_ids.unlink()
            drafts.unlink()
            for session in sessions:
                session.cash_register_id.balance_end_real = session.cash_register_balance_end
                session.action_pos_session_closing_control()
                if session.state != "closed":
                    session.action_pos_session_validate()

    def put_away(self):
        """Close the sessions and archive what Odoo does not let go of."""
        self.close()
        with self.committed() as env:
            env["product.product"].browse(self.product).product_tmpl_id.active = False
            env["pos.config"].browse(self.till).active = False
            env["res.users"].browse(self.user).active = False

    def post(self, path, body):
        return send("POST", BASE + path, token=self.token, headers=new_idempotency_key(), json=body)

    def payment(self, amount):
        return {"payment_method_id": self.cash, "amount": amount}

    def order(self, **more):
        """Return the representation of a new order, and its tag."""
        body = {"lines": [{"product_id": self.product, "quantity": 1}], "customer_id": self.customer, **more}
        answer = self.post("/orders", body)
        self.assertEqual(answer.status_code, 201, answer.text)
        return answer.json(), answer.headers["ETag"]

    @contextmanager
    def together(self, count=2):
        """Let the first calls claim their record only when all of them have looked at it."""
        claim, meet, arrived = selling.claim, threading.Barrier(count), []

        def claim_together(record):
            arrived.append(record)
            if len(arrived) <= count:
                meet.wait(DEADLINE)
            return claim(record)

        with ExitStack() as stack:
            for module in (selling, refunds, payments):
                stack.enter_context(patch.object(module, "claim", claim_together))
            stack.enter_context(mute_logger(*RETRIED))
            yield
        self.assertGreaterEqual(len(arrived), count, "they did not meet")

    def shown(self, number):
        return send("GET", f"{BASE}/orders/{number}", token=self.token).json()

    def test_paid_once(self):
        order, _tag = self.order()
        path = f"/orders/{order['id']}/payments"
        with self.together():
            answers = at_once(2, lambda _index: self.post(path, self.payment(2.3)))
        self.assertEqual(sorted(answer.status_code for answer in answers), [201, 409])
        order = self.shown(order["id"])
        self.assertEqual((order["state"], order["paid"], len(order["payments"])), ("paid", 2.3, 1))

    def test_parts_add_up(self):
        order, _tag = self.order()
        path = f"/orders/{order['id']}/payments"
        with self.together(3):
            answers = at_once(3, lambda _index: self.post(path, self.payment(1)))
        self.assertEqual([answer.status_code for answer in answers], [201] * 3)
        order = self.shown(order["id"])
        self.assertEqual((order["state"], order["paid"], order["change"]), ("paid", 2.3, 0.7))

    def test_refunded_once(self):
        order, _tag = self.order(payments=[self.payment(2.3)])
        line = {"line_id": order["lines"][0]["id"], "quantity": 1}
        bodies = ({"payments": [self.payment(2.3)]}, {"payments": [self.payment(2.3)], "lines": [line]})
        with self.together():
            answers = at_once(2, lambda index: self.post(f"/orders/{order['id']}/refunds", bodies[index]))
        self.assertEqual(sorted(answer.status_code for answer in answers), [201, 409])
        self.assertEqual(self.shown(order["id"])["lines"][0]["refunded_quantity"], 1)

    def test_invoiced_once(self):
        order, _tag = self.order(payments=[self.payment(2.3)])
        with self.together():
            answers = at_once(2, lambda _index: self.post(f"/orders/{order['id']}/invoices", {}))
        self.assertEqual(sorted(answer.status_code for answer in answers), [201, 409])
        with self.committed() as env:
            moves = env["account.move"].search_count(
                [("partner_id", "=", self.customer), ("move_type", "=", "out_invoice")]
            )
        self.assertEqual(moves, 1)

    def test_paid_or_removed(self):
        order, tag = self.order()
        path = f"/orders/{order['id']}"

        def call(index):
            if index:
                return self.post(f"{path}/payments", self.payment(2.3))
            return send("DELETE", BASE + path, token=self.token, headers={"If-Match": tag})

        with self.together():
            removed, paid = (answer.status_code for answer in at_once(2, call))
        self.assertIn((removed, paid), [(204, 404), (412, 201)])
        with self.committed() as env:
            left = env["pos.order"].search([("id", "=", order["id"])])
            self.assertEqual(left.mapped("state"), ["paid"] if paid == 201 else [])

    def test_paid_or_voided(self):
        order, _tag = self.order()
        path = f"/orders/{order['id']}/payments"
        part = self.post(path, self.payment(1)).json()["payment"]["id"]

        def call(index):
            if index:
                return self.post(path, self.payment(1.3))
            return send("DELETE", f"{BASE}/payments/{part}", token=self.token)

        with self.together():
            voided, paid = (answer.status_code for answer in at_once(2, call))
        self.assertIn((voided, paid), [(204, 201), (409, 201)])
        order = self.shown(order["id"])
        expected = ("draft", 1.3) if voided == 204 else ("paid", 2.3)
        self.assertEqual((order["state"], order["paid"]), expected)

    def test_changed_once(self):
        order, tag = self.order()

        def change(index):
            return send(
                "PATCH",
                f"{BASE}/orders/{order['id']}",
                token=self.token,
                headers={"If-Match": tag},
                json={"note": str(index)},
            )

        with self.together():
            answers = at_once(2, change)
        self.assertEqual(sorted(answer.status_code for answer in answers), [200, 412])

    def test_one_rescue_session(self):
        self.close()
        moment = f"{fields.Datetime.now().isoformat()}Z"

        def sync(_index):
            order = {
                "session_id": self.session,
                "lines": [{"product_id": self.product, "quantity": 1}],
                "payments": [self.payment(2.3)],
            }
            item = {"idempotency_key": uuid.uuid4().hex, "ordered_at": moment, "order": order}
            return send("POST", BASE + "/sync/orders", token=self.token, json={"orders": [item]})

        with self.together(), mute_logger("odoo.addons.point_of_sale.models.pos_order"):
            answers = at_once(2, sync)
        results = [answer.json()["results"][0] for answer in answers]
        self.assertEqual([result["status"] for result in results], [201, 201])
        self.assertEqual(len({result["order"]["session"]["id"] for result in results}), 1)
