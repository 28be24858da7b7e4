from odoo.tests import tagged

from .common import new_idempotency_key
from .test_sessions import without_cash
from .till import TillCase, counting_till


@tagged("post_install", "-at_install")
class TestCashMovements(TillCase):
    def setUp(self):
        super().setUp()
        _body, self.session = self.opened()

    def lines(self, session=None):
        return (session or self.session).cash_register_id.line_ids.sorted("id")

    def refuse(self, status, slug, *move, session=None, **options):
        before = self.lines(session)
        problem = self.assert_problem(self.move(session or self.session, *move, **options), status, slug)
        self.assertEqual(self.lines(session), before)
        return problem

    def test_in_and_out(self):
        answer = self.move(self.session, "in", 50, "change from the bank")
        body = self.valid(answer, 201, "CashMovement")
        self.assertEqual(answer.headers["Location"], f"/api/v1/sessions/{self.session.id}")
        self.assertEqual((body["direction"], body["amount"]), ("in", 50))
        self.assertEqual((body["reason"], body["user"]["id"]), ("change from the bank", self.cashier.id))
        body = self.valid(
            self.move(self.session, "out", 12.5, "safe", token=self.managers), 201, "CashMovement"
        )
        self.assertEqual(
            (body["direction"], body["amount"], body["user"]["id"]), ("out", 12.5, self.manager.id)
        )
        cash = self.get(f"/sessions/{self.session.id}").json()["cash"]
        self.assertEqual(cash["expected"], 137.5)
        self.assertEqual([item["id"] for item in cash["movements"]], self.lines()[-2:].ids)

    def test_the_same_as_by_odoo(self):
        self.move(self.session, "in", 50, "bank")
        self.move(self.session, "out", 12.5, "safe", token=self.managers)
        _body, twin = self.opened(counting_till(self.env, "APIO"))
        if hasattr(twin, "try_cash_in_out"):
            twin.with_user(self.cashier).try_cash_in_out(
                "in", 50, "bank", {"translatedType": "in", "formattedAmount": "50.00 USD"}
            )
            twin.with_user(self.manager).try_cash_in_out(
                "out", 12.5, "safe", {"translatedType": "out", "formattedAmount": "12.50 USD"}
            )
        else:
            box = self.env["cash.box.out"].with_context(active_model="pos.session", active_ids=twin.ids)
            # sudo: only accountants get through it
            box.with_user(self.cashier).sudo().create({"amount": 50, "name": "bank"}).run()
            box.with_user(self.manager).sudo().create({"amount": -12.5, "name": "safe"}).run()

        def told(session):
            lines = [
                (
                    line.amount,
                    (line.payment_ref or "").replace(session.name, "SESSION"),
                    (line.ref or "").replace(session.name, "SESSION"),
                    line.date,
                    line.state,
                    line.create_uid,
                    line.statement_id == session.cash_register_id,
                    sorted(
                        (
                            item.account_id.name.replace(session.config_id.name, "TILL"),
                            item.debit,
                            item.credit,
                        )
                        for item in line.move_id.line_ids
                    ),
                )
                for line in self.lines(session)
            ]
            messages = session.message_ids.filtered(lambda message: "Cash" in message.body).sorted("id")
            bodies = [message.body.replace("$", "").replace("\n", "") for message in messages]
            return lines, bodies

        self.maxDiff = None
        self.assertEqual(told(self.session), told(twin))
        self.assertEqual(len(told(twin)[0]), 3 if hasattr(twin, "try_cash_in_out") else 2)

    def test_who_may(self):
        answer = self.send(
            "POST",
            f"/sessions/{self.session.id}/cash-movements",
            json={"direction": "in", "amount": 1, "reason": "x"},
            headers=new_idempotency_key(),
        )
        self.assert_problem(answer, 401, "unauthorized")
        self.refuse(403, "forbidden", "out", 1)
        self.refuse(404, None, "in", 1, token=self.others)
        self.assertEqual(self.move(self.session, "in", 1, token=self.managers).status_code, 201)

    def test_states(self):
        self.assertEqual(self.close(self.session, 100).status_code, 200)
        self.assertEqual(self.refuse(409, "session-not-open", "in", 1)["state"], "closed")
        self.till.with_user(self.cashier).open_session_cb()
        waiting = self.env["pos.session"].search(
            [("config_id", "=", self.till.id), ("state", "=", "opening_control")]
        )
        problem = self.refuse(409, "session-not-open", "in", 1, session=waiting)
        self.assertEqual(problem["state"], "opening_control")

    def test_no_cash_to_count(self):
        till = without_cash(self.env, "APIC")
        shown = self.post("/sessions", {"config_id": till.id}).json()
        session = self.env["pos.session"].browse(shown["id"])
        self.refuse(409, "no-cash-control", "in", 1, session=session)

    def test_wrong_bodies(self):
        for move, pointer in (
            (("in", 0), "/amount"),
            (("in", -5), "/amount"),
            (("in", 1.005), "/amount"),
            (("in", 1e10), "/amount"),
            (("up", 1), "/direction"),
            (("in", 1, ""), "/reason"),
            (("in", 1, " "), "/reason"),
            (("in", 1, "x" * 201), "/reason"),
        ):
            with self.subTest(move=move):
                problem = self.refuse(422, "invalid", *move)
                self.assertEqual([error["pointer"] for error in problem["errors"]], [pointer])

    def test_no_transfer_account(self):
        self.env.company.transfer_account_id = False
        self.refuse(422, "refused", "in", 1)

    def test_key_and_replay(self):
        path = f"/sessions/{self.session.id}/cash-movements"
        body = {"direction": "in", "amount": 1, "reason": "x"}
        answer = self.send("POST", path, token=self.token, json=body)
        self.assert_problem(answer, 400, "idempotency-key-required")
        before, key = len(self.lines()), new_idempotency_key()
        first, again = (self.post(path, body, headers=key) for _ in range(2))
        self.assertEqual((first.json(), again.headers["Idempotency-Replayed"]), (again.json(), "true"))
        self.assertEqual(len(self.lines()), before + 1)
