from unittest.mock import Mock, patch

from odoo.release import version_info
from odoo.tests import tagged
from psycopg2 import OperationalError

from .. import closing
from ..records import number
from .test_sessions import without_cash
from .till import TillCase, counting_till


def close_by_odoo(session, counted, notes):
    """Close a session as Odoo's own screens do, a request for each step."""
    steps = (
        (
            lambda: session.post_closing_cash_details(counted),
            lambda: session.update_closing_control_state_session(notes),
            lambda: session.close_session_from_ui(),
        )
        if version_info[0] >= 15
        else (
            lambda: session.action_pos_session_closing_control(),
            lambda: session.cash_register_id.write({"balance_end_real": counted}),
            lambda: session.action_pos_session_validate(),
        )
    )
    for step in steps:
        step()
        session.flush()
        session.invalidate_cache()


def books(session):
    """Return all that a closing leaves behind, in words that two tills have in common."""
    strings = (session.name, "SESSION"), (session.config_id.name, "TILL")

    def plain(text):
        for found, put in strings:
            text = (text or "").replace(found, put)
        return text

    def entry(move):
        return sorted(
            (
                plain(line.account_id.name),
                number(line.debit),
                number(line.credit),
                bool(line.full_reconcile_id),
                line.tax_tag_ids.ids,
                line.partner_id.id,
            )
            for line in move.line_ids
        )

    register = session.cash_register_id
    payments = session.bank_payment_ids if "bank_payment_ids" in session._fields else []
    pickings = session.picking_ids | session.order_ids.picking_ids
    return {
        "session": (
            session.state,
            bool(session.stop_at),
            number(session.cash_real_transaction),
            number(session.cash_real_expected),
            number(session.cash_real_difference),
        ),
        "entry": (session.move_id.state, session.move_id.date, entry(session.move_id)),
        "statement": (
            register.state,
            *map(number, (register.balance_start, register.balance_end, register.balance_end_real)),
        ),
        "lines": sorted(
            (number(line.amount), plain(line.payment_ref), line.is_reconciled, entry(line.move_id))
            for line in register.line_ids
        ),
        "bank": [
            (payment.amount, payment.payment_type, payment.state, entry(payment.move_id))
            for payment in payments
        ],
        "orders": session.order_ids.sorted("id").mapped("state"),
        "pickings": sorted(
            (picking.state, move.product_id.id, move.quantity_done, move.location_dest_id.id)
            for picking in pickings
            for move in picking.move_lines
        ),
        # those without text track changes, and are written when a transaction ends
        "messages": [plain(message.body) for message in session.message_ids.sorted("id") if message.body],
    }


@tagged("post_install", "-at_install")
class TestClosing(TillCase):
    def setUp(self):
        super().setUp()
        _body, self.session = self.opened()

    def refuse(self, status, slug, *count, **options):
        """Check a closing to be refused and to have done nothing."""
        state, messages = self.session.state, self.session.message_ids
        problem = self.assert_problem(self.close(self.session, *count, **options), status, slug)
        self.assertEqual((self.session.state, self.session.message_ids), (state, messages))
        self.assertFalse(self.session.move_id)
        return problem

    def test_counts_and_closes(self):
        order = self.sell(self.session, (self.cash, 5))
        self.sell(self.session, (self.card, 4.6), quantity=2)
        self.move(self.session, "in", 20)
        body = self.valid(self.close(self.session, 121.3, notes="two of us"), 200, "SessionDetail")
        self.assertEqual((body["state"], body["orders"]["sold"], body["orders"]["total"]), ("closed", 2, 6.9))
        cash = body["cash"]
        self.assertEqual((cash["opening"], cash["expected"], cash["counted"]), (100, 122.3, 121.3))
        self.assertEqual((cash["difference"], len(cash["movements"])), (-1, 1))
        self.assertIsNotNone(body["closed_at"])
        self.assertEqual((self.session.state, order.state), ("closed", "done"))
        self.assertAlmostEqual(self.session.cash_real_difference, -1)
        entry = self.session.move_id
        self.assertEqual(entry.state, "posted")
        self.assertAlmostEqual(sum(entry.line_ids.mapped("debit")), 6.9)
        self.assertIn("two of us", " ".join(self.session.message_ids.mapped("body")))

    def check_same_as_odoo(self, policy):
        self.env.company.point_of_sale_update_stock_quantities = policy
        _body, twin = self.opened(counting_till(self.env, "APIO"))
        self.session.update_stock_at_closing = policy == "closing"
        for session in (self.session, twin):
            cash = session.payment_method_ids.filtered("is_cash_count")
            card = session.payment_method_ids - cash
            self.sell(session, (cash, 5))
            self.sell(session, (card, 4.6), quantity=2)
            self.sell(session, (card, 2), (cash, 20), quantity=3)
            self.move(session, "in", 20, "rolls")
            self.move(session, "out", 3, "milk", token=self.managers)
        counted = 124.7
        self.assertEqual(self.close(self.session, counted, notes="two\nof us").status_code, 200)
        close_by_odoo(twin.with_user(self.cashier), counted, "two\nof us")
        self.maxDiff = None
        ours, odoos = books(self.session), books(twin)
        if version_info[0] < 15:  # whose own form has no notes
            ours["messages"] = [body for body in ours["messages"] if "of us" not in body]
        self.assertEqual(ours, odoos)
        self.assertEqual(ours["session"][0], "closed")
        self.assertEqual(sum(picking[2] for picking in ours["pickings"]), 6)
        self.assertAlmostEqual(ours["session"][4], 0.5)

    def test_the_same_as_by_odoo_with_stock_at_payment(self):
        self.check_same_as_odoo("real")

    def test_the_same_as_by_odoo_with_stock_at_closing(self):
        self.check_same_as_odoo("closing")

    def test_nothing_sold(self):
        body = self.valid(self.close(self.session, 98), 200, "SessionDetail")
        self.assertEqual((body["state"], body["cash"]["expected"]), ("closed", 100))
        self.assertEqual((body["cash"]["counted"], body["cash"]["difference"]), (98, -2))

    def test_movements_only(self):
        self.move(self.session, "out", 30, token=self.managers)
        body = self.valid(self.close(self.session, 71), 200, "SessionDetail")
        self.assertEqual((body["cash"]["expected"], body["cash"]["difference"]), (70, 1))

    def test_without_cash(self):
        till = without_cash(self.env, "APIC")
        shown = self.post("/sessions", {"config_id": till.id}).json()
        session = self.env["pos.session"].browse(shown["id"])
        self.sell(session, (till.payment_method_ids, 2.3))
        problem = self.assert_problem(self.close(session, 1), 422, "invalid")
        self.assertEqual(problem["errors"][0]["pointer"], "/counted_cash")
        body = self.valid(self.close(session), 200, "SessionDetail")
        self.assertEqual((body["state"], body["cash"]), ("closed", None))
        self.assertEqual(self.close(session).status_code, 200)

    def test_a_rescue_session(self):
        if version_info[0] < 15:
            self.skipTest("14.0 counts rescue sessions like others")
        self.sell(self.session, (self.cash, 5))
        self.session.rescue = True
        self.assertEqual(self.refuse(422, "invalid", 102.3)["errors"][0]["pointer"], "/counted_cash")
        body = self.valid(self.close(self.session), 200, "SessionDetail")
        self.assertEqual((body["state"], body["rescue"], body["orders"]["sold"]), ("closed", True, 1))

    def test_again(self):
        self.assertEqual(self.close(self.session, 99.5).status_code, 200)
        messages = self.session.message_ids
        again = self.valid(self.close(self.session, 99.5, notes="again"), 200, "SessionDetail")
        self.assertEqual((again["state"], again["cash"]["counted"]), ("closed", 99.5))
        problem = self.assert_problem(self.close(self.session, 99.4), 409, "session-closed")
        self.assertEqual(problem["counted_cash"], 99.5)
        self.assertEqual(self.session.message_ids, messages)

    def test_drafts(self):
        first, second = self.sell(self.session), self.sell(self.session, (self.cash, 1))
        self.assertEqual(self.refuse(409, "draft-orders", 101)["order_ids"], [first.id, second.id])

    def test_an_invoice_that_is_not_posted(self):
        order = self.sell(self.session, (self.cash, 2.3))
        order.account_move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.env["res.partner"].create({"name": "api customer"}).id,
                "invoice_line_ids": [(0, 0, {"name": "tea", "price_unit": 2})],
            }
        )
        self.assertEqual(self.refuse(409, "unposted-invoices", 102.3)["order_ids"], [order.id])

    def test_an_entry_that_does_not_balance(self):
        if version_info[0] < 15:
            self.skipTest("14.0 balances the entry itself")
        order = self.sell(self.session, (self.cash, 2.3))
        self.env["base"].flush()
        self.env.cr.execute("UPDATE pos_payment SET amount = 1 WHERE pos_order_id = %s", (order.id,))
        self.env.cache.invalidate()
        self.refuse(409, "not-closed", 101)
        self.assertEqual((self.session.state, order.state), ("opened", "paid"))

    def test_not_open_yet(self):
        self.assertEqual(self.close(self.session, 100).status_code, 200)
        self.till.with_user(self.cashier).open_session_cb()
        self.session = self.env["pos.session"].search(
            [("config_id", "=", self.till.id), ("state", "=", "opening_control")]
        )
        self.assertEqual(self.refuse(409, "session-not-open", 100)["state"], "opening_control")

    def test_what_odoo_has_begun_to_close(self):
        self.session.state = "closing_control"
        self.assertEqual(self.close(self.session, 100).status_code, 200)

    def test_opened_again_by_another_closing(self):
        nothing = "UPDATE pos_session SET state = state WHERE id = %s AND false"
        with patch.object(closing, "SHUT", nothing):
            answer = self.close(self.session, 100)
        self.assert_problem(answer, 409, "still-running")
        self.assertEqual((answer.headers["Retry-After"], self.session.state), ("1", "opened"))

    def test_a_session_that_cannot_be_opened_again(self):
        broken = Mock(cursor=Mock(side_effect=OperationalError))
        with self.assertLogs("odoo.addons.pos_api.closing", "WARNING") as logs:
            closing._open_again(broken, 4711)
        self.assertIn("session 4711 was not opened again", logs.output[0])

    def test_wrong_bodies(self):
        for body, pointer in (
            ({}, "/counted_cash"),
            ({"counted_cash": 1.005}, "/counted_cash"),
            ({"counted_cash": -1}, "/counted_cash"),
            ({"counted_cash": 100, "notes": 1}, "/notes"),
            ({"counted_cash": 100, "accept_difference": 1}, "/accept_difference"),
            ({"counted_cash": 100, "state": "closed"}, "/state"),
        ):
            with self.subTest(body=body):
                problem = self.refuse(422, "invalid", **body)
                self.assertEqual([error["pointer"] for error in problem["errors"]], [pointer])

    def test_a_user_without_an_email_address(self):
        if version_info[0] < 15:
            self.skipTest("14.0 logs nothing at the closing")
        self.cashier.email = False
        self.refuse(422, "refused", 100)

    def test_no_loss_account(self):
        self.sell(self.session, (self.cash, 2.3))
        self.session.cash_register_id.journal_id.loss_account_id = False
        self.refuse(422, "refused", 101)

    def test_who_may_close(self):
        answer = self.send("PUT", f"/sessions/{self.session.id}/closing", json={"counted_cash": 100})
        self.assert_problem(answer, 401, "unauthorized")
        self.refuse(404, None, 100, token=self.others)
        self.assertEqual(self.close(self.session, 100, token=self.managers).status_code, 200)

    def test_nothing_is_done_where_odoo_fails_half_way(self):
        self.sell(self.session, (self.cash, 2.3))
        name = "_reconcile_account_move_lines"
        failing = patch.object(type(self.env["pos.session"]), name, side_effect=ZeroDivisionError)
        with failing, self.assertLogs("odoo.addons.pos_api.frame.dispatch", "ERROR"):
            self.refuse(500, None, 102.3)
        self.assertEqual(self.close(self.session, 102.3).status_code, 200)


@tagged("post_install", "-at_install")
class TestDifferenceLimit(TillCase):
    limit = 5

    def setUp(self):
        super().setUp()
        _body, self.session = self.opened()

    def test_a_cashier_within_the_limit(self):
        body = self.valid(self.close(self.session, 95), 200, "SessionDetail")
        self.assertEqual(body["cash"]["difference"], -5)

    def test_a_cashier_above_the_limit(self):
        for counted, difference in ((94.99, -5.01), (105.01, 5.01)):
            for more in ({}, {"accept_difference": True}):
                answer = self.close(self.session, counted, **more)
                problem = self.assert_problem(answer, 403, "cash-difference")
                figures = (problem["expected_cash"], problem["difference"], problem["limit"])
                self.assertEqual(figures, (100, difference, 5))
                self.assertEqual(self.session.state, "opened")

    def test_a_manager_above_the_limit(self):
        answer = self.close(self.session, 90, token=self.managers)
        problem = self.assert_problem(answer, 409, "cash-difference")
        self.assertEqual((problem["counted_cash"], problem["difference"]), (90, -10))
        self.assertEqual(self.session.state, "opened")
        answer = self.close(self.session, 90, token=self.managers, accept_difference=True)
        body = self.valid(answer, 200, "SessionDetail")
        self.assertEqual((body["state"], body["cash"]["difference"]), ("closed", -10))

    def test_sales_and_movements_count(self):
        self.sell(self.session, (self.cash, 50))
        self.move(self.session, "in", 40)
        problem = self.assert_problem(self.close(self.session, 100), 403, "cash-difference")
        self.assertEqual((problem["expected_cash"], problem["difference"]), (142.3, -42.3))
        self.assertEqual(self.close(self.session, 142.3).status_code, 200)
