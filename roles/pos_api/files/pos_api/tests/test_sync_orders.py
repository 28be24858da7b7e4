import uuid
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger
from psycopg2.errors import SerializationFailure

from ..operations import sync_orders
from .common import CASHIER, new_till, new_user, open_session
from .selling import SellingCase


class Failure(SerializationFailure):
    """As PostgreSQL raises it."""

    pgcode = "40001"


@tagged("post_install", "-at_install")
class TestSyncOrders(SellingCase):
    def item(self, key=None, minutes=10, moment=None, **order):
        order = {"lines": [self.line()], "payments": [self.payment(5)], **order}
        moment = moment or f"{(fields.Datetime.now() - timedelta(minutes=minutes)).isoformat()}Z"
        return {"idempotency_key": key or uuid.uuid4().hex, "ordered_at": moment, "order": order}

    def sync(self, *items, token=None):
        answer = self.send("POST", "/sync/orders", token=token or self.token, json={"orders": list(items)})
        results = self.valid(answer, 200, "SyncResults")["results"]
        self.assertEqual(
            [one["idempotency_key"] for one in results], [one["idempotency_key"] for one in items]
        )
        return results

    def made(self):
        return self.env["pos.order"].search([("session_id.config_id", "=", self.till.id)], order="id")

    def test_taken_as_sold_then(self):
        item = self.item(minutes=90)
        (result,) = self.sync(item)
        self.assertEqual((result["status"], result["order"]["state"], result["problem"]), (201, "paid", None))
        order = self.made()
        moment = fields.Datetime.to_datetime(item["ordered_at"][:19].replace("T", " "))
        self.assertEqual((order.id, order.date_order), (result["order"]["id"], moment))
        self.assertEqual(set(order.payment_ids.mapped("payment_date")), {moment})
        self.assertEqual(order.picking_ids.mapped("state"), ["done"])
        self.assertEqual(result["order"]["change"], 2.7)

    def test_each_stands_by_itself(self):
        lines = [self.line(), {"product_id": 2147483647, "quantity": 1}]
        results = self.sync(self.item(), self.item(lines=lines), self.item(payments=[self.payment(1)]))
        self.assertEqual([one["status"] for one in results], [201, 422, 201])
        self.assertEqual([one["order"] and one["order"]["state"] for one in results], ["paid", None, "draft"])
        problem = results[1]["problem"]
        self.assertEqual(problem["type"], "urn:tillstack:pos-api:invalid")
        self.assertEqual(problem["errors"][0]["pointer"], "/orders/1/order/lines/1/product_id")
        self.assertEqual(len(self.made()), 2)

    def test_refusals_of_one(self):
        strange = new_till(self.env, "APIU")
        for item, status, slug in (
            (self.item(moment="2126-01-01T00:00:00Z"), 422, "invalid"),
            (self.item(moment="2016-01-01T00:00:00Z"), 422, "invalid"),
            (self.item(session_id=2147483647), 422, "invalid"),
            (self.item(customer_id=2147483647), 422, "invalid"),
            (self.item(payments=[self.payment(9, self.card)]), 422, "invalid"),
            (self.item(payments=[self.payment(9, strange.payment_method_ids[0])]), 422, "invalid"),
        ):
            with self.subTest(item=item):
                (result,) = self.sync(item)
                self.assertEqual((result["status"], result["order"]), (status, None))
                self.assertEqual(result["problem"]["type"], f"urn:tillstack:pos-api:{slug}")
        self.assertFalse(self.made())
        self.till.manual_discount = False
        (result,) = self.sync(self.item(lines=[self.line(discount=5)]))
        self.assertEqual(result["status"], 403)
        self.session.state = "opening_control"
        for item in (self.item(), self.item(session_id=self.session.id)):
            (result,) = self.sync(item)
            self.assertEqual(result["problem"]["type"], "urn:tillstack:pos-api:no-open-session")

    def test_moment_names_its_place(self):
        results = self.sync(self.item(), self.item(moment="2126-01-01T00:00:00Z"))
        self.assertEqual(results[1]["problem"]["errors"][0]["pointer"], "/orders/1/ordered_at")

    def test_clock_a_little_ahead(self):
        self.assertEqual(
            [one["status"] for one in self.sync(self.item(minutes=-4), self.item(minutes=-6))], [201, 422]
        )

    def test_age_ends_before_answers_are_forgotten(self):
        kept = self.use_settings(idempotency_retention=86400).idempotency_retention
        minutes = kept // 60
        results = self.sync(self.item(minutes=minutes - 6), self.item(minutes=minutes - 4))
        self.assertEqual([one["status"] for one in results], [201, 422])

    def test_repetitions(self):
        first = self.item()
        again = {**first, "ordered_at": self.item(minutes=20)["ordered_at"]}
        other = {**first, "order": {**first["order"], "note": "x"}}
        one = self.sync(first, first, again, other)
        self.assertEqual([result["status"] for result in one], [201, 200, 200, 422])
        self.assertEqual(one[3]["problem"]["type"], "urn:tillstack:pos-api:idempotency-key-reused")
        two = self.sync(first)
        self.assertEqual((two[0]["status"], two[0]["order"]), (200, one[0]["order"]))
        self.assertEqual(len(self.made()), 1)

    def test_keys_are_those_of_single_orders(self):
        item = self.item()
        key = {"Idempotency-Key": item["idempotency_key"]}
        single = self.order(headers=key, **item["order"])
        (result,) = self.sync(item)
        self.assertEqual((result["status"], result["order"]), (200, single.json()))
        item = self.item()
        (result,) = self.sync(item)
        single = self.order(headers={"Idempotency-Key": item["idempotency_key"]}, **item["order"])
        self.assertEqual((single.status_code, single.json()), (201, result["order"]))
        self.assertEqual(single.headers["Location"], f"/api/v1/orders/{result['order']['id']}")
        self.assertEqual(len(self.made()), 2)

    def test_key_of_a_refused_order_stays_free(self):
        bad = self.item(customer_id=2147483647)
        good = self.item(key=bad["idempotency_key"])
        self.assertEqual([one["status"] for one in self.sync(bad, good)], [422, 201])

    def close(self):
        self.env["base"].flush()
        self.session.cash_register_id.balance_end_real = self.session.cash_register_balance_end
        self.session.action_pos_session_closing_control()
        if self.session.state != "closed":
            self.session.action_pos_session_validate()
        self.assertEqual(self.session.state, "closed")

    def test_closed_session_gets_one_rescue_session(self):
        self.paid(self.line())
        self.close()
        self.assert_problem(
            self.order(lines=[self.line()], session_id=self.session.id), 409, "no-open-session"
        )
        results = self.sync(*(self.item(session_id=self.session.id) for _ in range(2)))
        self.assertEqual([one["status"] for one in results], [201, 201])
        rescue = self.made()[1:].session_id
        self.assertEqual((len(rescue), rescue.rescue, rescue.state), (1, True, "opened"))
        self.assertEqual((rescue.config_id, rescue.user_id), (self.till, self.cashier))
        # it is not sold in by itself, only where it is named
        self.assert_problem(self.order(lines=[self.line()]), 409, "no-open-session")
        (result,) = self.sync(self.item(session_id=rescue.id))
        self.assertEqual(result["order"]["session"]["id"], rescue.id)
        self.session = rescue
        self.close()

    def test_rescue_leaves_the_next_session_alone(self):
        self.close()
        self.cashier.email = "cashier@example.com"  # Odoo logs the difference to the last closing by mail
        following = open_session(self.till, self.cashier)
        results = self.sync(self.item(session_id=self.session.id), self.item(session_id=following.id))
        made = self.env["pos.order"].browse([one["order"]["id"] for one in results])
        self.assertEqual([order.session_id.rescue for order in made], [True, False])
        shown, _order = self.sold(lines=[self.line()])
        self.assertEqual(shown["session"]["id"], following.id)

    def test_dated_prices_are_those_of_the_time(self):
        self.half.item_ids.date_end = fields.Datetime.now() - timedelta(hours=1)
        customer = self.env["res.partner"].create(
            {"name": "api regular", "property_product_pricelist": self.half.id}
        )
        results = self.sync(*(self.item(minutes=minutes, customer_id=customer.id) for minutes in (90, 10)))
        self.assertEqual([one["order"]["lines"][0]["unit_price"] for one in results], [1, 2])

    @mute_logger("odoo.addons.pos_api.operations.sync_orders")
    def test_each_order_has_the_taxes_of_its_company(self):
        second = self.env["res.company"].create({"name": "offline second"})
        self.env.ref("l10n_generic_coa.configurable_chart_template").try_loading(company=second)
        self.cashier.company_ids |= second
        there = self.env(context={**self.env.context, "allowed_company_ids": second.ids})
        till = new_till(there, "OFF2")
        session = open_session(till, self.cashier)
        tax = {"name": "offline 9 %", "amount": 9, "company_id": second.id}
        self.tea.taxes_id |= there["account.tax"].create(tax)
        method = till.payment_method_ids.filtered("is_cash_count")
        elsewhere = {"session_id": session.id, "payments": [self.payment(5, method)]}
        here = {"session_id": self.session.id}
        results = self.sync(
            self.item(**here), self.item(**elsewhere), self.item(**here), self.item(**elsewhere)
        )
        self.assertEqual([one["status"] for one in results], [201] * 4, results)
        orders = self.env["pos.order"].browse([one["order"]["id"] for one in results])
        self.assertEqual(orders.mapped("company_id.id"), [self.session.company_id.id, second.id])
        self.assertEqual([round(order.amount_tax, 2) for order in orders], [0.3, 0.18, 0.3, 0.18])

    def test_an_error_in_one_holds_up_no_other(self):
        take, items = sync_orders._take, [self.item() for _ in range(3)]

        def broken(call, item):
            shown = take(call, item)
            if item == items[1]:
                raise RuntimeError("secret")
            return shown

        with patch.object(sync_orders, "_take", broken):
            results = self.sync(*items)
        self.assertEqual([one["status"] for one in results], [201, 500, 201])
        self.assertNotIn("secret", str(results))
        self.assertEqual(len(self.made()), 2)

    @mute_logger("odoo.service.model")
    def test_serialization_failure_runs_the_whole_again(self):
        sold, moments = sync_orders.sold, []

        def failing(call, session, body, moment):
            moments.append(moment)
            if len(moments) == 2:
                raise Failure
            return sold(call, session, body, moment)

        with patch.object(sync_orders, "sold", failing):
            results = self.sync(self.item(), self.item())
        self.assertEqual([one["status"] for one in results], [201, 201])
        self.assertEqual(len(moments), 4)

    def test_audit_has_a_row_for_each(self):
        items = [self.item(), self.item()]
        self.sync(items[0], items[0], items[1])
        rows = self.env["pos.api.audit"].search([("user_id", "=", self.cashier.id)], order="id")
        rows = rows.filtered(lambda row: row.path == "/api/v1/sync/orders")
        self.assertEqual(rows.mapped("operation"), ["createOrder", "createOrder", "syncOrders"])
        self.assertEqual(rows[0].idempotency_key, items[0]["idempotency_key"])
        self.assertEqual(rows[0].location, f"/api/v1/orders/{self.made()[0].id}")

    def test_bodies(self):
        def send(orders):
            return self.send("POST", "/sync/orders", token=self.token, json={"orders": orders})

        self.assertEqual(self.pointers(send([]), 422), ["/orders"])
        self.assertEqual(self.pointers(send([self.item()] * 51), 422), ["/orders"])
        item = self.item()
        del item["idempotency_key"]
        self.assertEqual(self.pointers(send([self.item(), item]), 422), ["/orders/1/idempotency_key"])
        answer = send([self.item(), self.item(moment="yesterday")])
        self.assertEqual(self.pointers(answer, 422), ["/orders/1/ordered_at"])
        self.assertFalse(self.made())

    def test_roles(self):
        item = self.item(session_id=self.session.id)
        self.assert_problem(self.send("POST", "/sync/orders", json={"orders": [item]}), 401)
        other = self.access(new_user(self.env, "api-other", CASHIER))
        (result,) = self.sync(item, token=other)
        self.assertEqual(result["problem"]["errors"][0]["pointer"], "/orders/0/order/session_id")
        (result,) = self.sync(item, token=self.access(self.manager))
        self.assertEqual((result["status"], result["order"]["user"]["id"]), (201, self.manager.id))
