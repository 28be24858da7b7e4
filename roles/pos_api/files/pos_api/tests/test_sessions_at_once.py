"""Sessions opened and closed while something else happens to them, with real transactions."""

import threading
import uuid
from contextlib import contextmanager

from odoo import SUPERUSER_ID, api, registry
from odoo.release import version_info
from odoo.tests import BaseCase, get_db_name, tagged
from odoo.tools import mute_logger

from .common import BASE, CASHIER, KeysMixin, new_idempotency_key, new_product, new_user, send
from .test_concurrency import at_once
from .till import counting_till

RETRIED = ("odoo.sql_db", "odoo.service.model")


@tagged("post_install", "-at_install")
class TestSessionsAtOnce(KeysMixin, BaseCase):
    def setUp(self):
        super().setUp()
        self.registry = registry(get_db_name())
        self.use_keys()
        logins = [f"till-{uuid.uuid4().hex}" for _ in range(2)]
        with self.committed() as env:
            users = [new_user(env, login, CASHIER) for login in logins]
            for user in users:
                user.email = f"{user.login}@shop.test"
            till = counting_till(env, logins[0])
            tea = new_product(env, logins[0], 2.0, type="service")
            self.users, self.till, self.tea = [user.id for user in users], till.id, tea.id
            self.cash = till.payment_method_ids.filtered("is_cash_count").id
        self.addCleanup(self.put_away)
        self.tokens = [self.log_in(login) for login in logins]

    @contextmanager
    def committed(self):
        """Give an environment whose changes are committed."""
        with self.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {})

    def log_in(self, login):
        answer = send("POST", BASE + "/auth/tokens", json={"login": login, "password": f"{login}-password"})
        return answer.json()["access_token"]

    def put_away(self):
        """Close what is open and archive what Odoo does not let go of."""
        with self.committed() as env:
            sessions = env["pos.session"].search([("config_id", "=", self.till), ("state", "!=", "closed")])
            sessions.order_ids.filtered(lambda order: order.state == "draft").unlink()
            sessions.state = "opened"
            for session in sessions:
                session.cash_register_id.balance_end_real = session.cash_register_balance_end
                session.action_pos_session_closing_control()
                if session.state != "closed":  # 14.0 closes what counts cash in a second step
                    session.action_pos_session_validate()
            env["product.product"].browse(self.tea).product_tmpl_id.active = False
            env["pos.config"].browse(self.till).active = False
            env["res.users"].browse(self.users).active = False

    def open(self, token=None):
        return send(
            "POST",
            BASE + "/sessions",
            token=token or self.tokens[0],
            headers=new_idempotency_key(),
            json={"config_id": self.till, "opening_cash": 0},
        )

    def opened(self):
        answer = self.open()
        self.assertEqual(answer.status_code, 201, answer.text)
        return answer.json()["id"]

    def close(self, session, counted):
        path = f"{BASE}/sessions/{session}/closing"
        return send("PUT", path, token=self.tokens[0], json={"counted_cash": counted})

    def sell(self, session):
        body = {
            "session_id": session,
            "lines": [{"product_id": self.tea, "quantity": 1}],
            "payments": [{"payment_method_id": self.cash, "amount": 2.3}],
        }
        return send("POST", BASE + "/orders", token=self.tokens[0], headers=new_idempotency_key(), json=body)

    def closing_during(self, session, counted, function):
        """Close a session while ``function(env)`` has written but not committed; return the answer."""
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.close(session, counted)))
        with self.committed() as env:
            function(env["pos.session"].browse(session))
            env["base"].flush()
            thread.start()
            thread.join(1.0)
            self.assertTrue(thread.is_alive(), "the closing has to wait")
        thread.join()
        return answers[0]

    @mute_logger(*RETRIED)
    def test_two_openings_make_one_session(self):
        answers = at_once(4, lambda index: self.open(self.tokens[index % 2]))
        statuses = sorted(answer.status_code for answer in answers)
        self.assertEqual(statuses, [201, 409, 409, 409], [answer.text for answer in answers])
        made = next(answer for answer in answers if answer.status_code == 201).json()
        for answer in answers:
            if answer.status_code == 409:
                self.assertEqual(answer.json()["type"], "urn:tillstack:pos-api:session-open")
                self.assertEqual(answer.json()["session_id"], made["id"])
        with self.committed() as env:
            self.assertEqual(env["pos.session"].search_count([("config_id", "=", self.till)]), 1)

    @mute_logger(*RETRIED)
    def test_two_closings_are_one(self):
        session = self.opened()
        self.assertEqual(self.sell(session).status_code, 201)
        answers = at_once(3, lambda _index: self.close(session, 1))
        self.assertEqual([answer.status_code for answer in answers], [200] * 3, [a.text for a in answers])
        with self.committed() as env:
            record = env["pos.session"].browse(session)
            booked = env["account.move"].search(
                [("journal_id", "=", record.config_id.journal_id.id), ("ref", "=", record.name)]
            )
            self.assertEqual(booked, record.move_id)
            self.assertAlmostEqual(record.cash_real_difference, -1.3)
            self.assertEqual(len(record.cash_register_id.line_ids.filtered(lambda line: line.amount < 0)), 1)
            if version_info[0] >= 15:  # 14.0 logs no difference
                messages = record.message_ids.mapped("body")
                self.assertEqual(sum("Closing difference" in body for body in messages), 1)

    @mute_logger(*RETRIED)
    def test_an_order_under_way_is_seen_by_the_closing(self):
        session, made = self.opened(), []

        def order(record):
            values = {
                "session_id": record.id,
                "amount_tax": 0,
                "amount_total": 0,
                "amount_paid": 0,
                "amount_return": 0,
                "company_id": record.company_id.id,
                "pricelist_id": record.config_id.pricelist_id.id,
            }
            made.append(record.env["pos.order"].create(values).id)

        answer = self.closing_during(session, 0, order)
        self.assertEqual(answer.status_code, 409, answer.text)
        self.assertEqual(answer.json()["type"], "urn:tillstack:pos-api:draft-orders")
        self.assertEqual(answer.json()["order_ids"], made)
        self.assertEqual(self.sell(session).status_code, 201, "the session has to be open again")

    @mute_logger(*RETRIED)
    def test_a_movement_under_way_is_seen_by_the_closing(self):
        session = self.opened()

        def movement(record):
            record.env.cr.execute("SELECT 1 FROM pos_session WHERE id = %s FOR SHARE", (record.id,))
            box = record.env["cash.box.out"].with_context(active_model="pos.session", active_ids=record.ids)
            box.create({"amount": 10, "name": "late"}).run()

        answer = self.closing_during(session, 0, movement)
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual((answer.json()["cash"]["expected"], answer.json()["cash"]["difference"]), (10, -10))

    @mute_logger(*RETRIED)
    def test_closing_while_others_sell(self):
        """No order is left behind in a closed session, whatever got in before."""
        session = self.opened()
        rush = threading.Semaphore(0)

        def act(index):
            if index == 0:
                for _ in range(6):
                    self.assertTrue(rush.acquire(timeout=60), "the others do not sell")
                return [self.close(session, 0)]
            sales = []
            while len(sales) < 300 and (not sales or sales[-1].status_code == 201):
                sales.append(self.sell(session))
                rush.release()
            return sales

        closings, *sales = at_once(4, act)
        self.assertEqual(closings[0].status_code, 200, closings[0].text)
        answers = [answer for each in sales for answer in each]
        self.assertEqual({answer.status_code for answer in answers}, {201, 409}, [a.text for a in answers])
        sold = sum(answer.status_code == 201 for answer in answers)
        body = closings[0].json()
        self.assertEqual((body["orders"]["sold"], body["orders"]["drafts"]), (sold, 0))
        with self.committed() as env:
            record = env["pos.session"].browse(session)
            self.assertEqual(set(record.order_ids.mapped("state")), {"done"})
            self.assertEqual(len(record.order_ids), sold)
            self.assertAlmostEqual(sum(record.move_id.line_ids.mapped("debit")), 2.3 * sold)
