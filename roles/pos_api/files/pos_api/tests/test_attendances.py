import threading
import uuid
from contextlib import contextmanager
from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, registry
from odoo.tests import BaseCase, get_db_name, tagged
from odoo.tools import mute_logger

from .. import timeclock
from ..frame import document
from ..frame.validation import check_body
from ..models import login_attempt
from .common import BASE, CASHIER, MANAGER, ApiCase, KeysMixin, new_idempotency_key, new_user, send
from .test_concurrency import at_once
from .test_employees import new_employee


def text(moment):
    """Return a moment as the API writes it."""
    return moment.isoformat(timespec="seconds") + "Z"


@tagged("post_install", "-at_install")
class TestAttendances(ApiCase):
    def setUp(self):
        super().setUp()
        self.stranger = new_user(self.env, "api-other-cashier", CASHIER)
        self.own = new_employee(self.env, "clock Ada", user_id=self.cashier.id, pin="1111")
        self.other = new_employee(self.env, "clock Bob", pin="2222")
        self.now = fields.Datetime.now()
        self.token, self.boss = self.access(self.cashier), self.access(self.manager)

    def shift(self, employee, start, end=None):
        """Return an attendance; start and end are hours before now."""
        return self.env["hr.attendance"].create(
            {
                "employee_id": employee.id,
                "check_in": self.now - timedelta(hours=start),
                "check_out": end is not None and self.now - timedelta(hours=end),
            }
        )

    def clock_in(self, employee=None, pin="1111", token=None, key=None):
        return self.send(
            "POST",
            "/attendances",
            token=token or self.token,
            headers=key or new_idempotency_key(),
            json={"employee_id": (employee or self.own).id, "pin": pin},
        )

    def listed(self, token=None, **query):
        answer = self.send("GET", "/attendances", token=token or self.token, params=query)
        self.assertEqual(answer.status_code, 200, answer.text)
        check_body(document.load()["components"]["schemas"]["AttendancePage"], answer.json())
        return answer.json()["items"]

    def ids(self, token=None, **query):
        return [item["id"] for item in self.listed(token, **query)]

    def change(self, attendance, token=None, tag=None, **body):
        if tag is None:
            (tag,) = (i["etag"] for i in self.listed(self.boss, limit=100) if i["id"] == attendance.id)
        return self.send(
            "PATCH",
            f"/attendances/{attendance.id}",
            token=token or self.token,
            headers={"If-Match": tag},
            json=body,
        )

    # lists

    def test_list_and_filters(self):
        old = self.shift(self.own, 30, 26)
        new = self.shift(self.own, 2)
        foreign = self.shift(self.other, 3, 1)
        everything = {old.id, new.id, foreign.id}
        self.assertEqual(self.ids(), [new.id, old.id])
        self.assertEqual(self.ids(sort="check_in"), [old.id, new.id])
        self.assertEqual(self.ids(open="true"), [new.id])
        self.assertEqual(self.ids(open="false"), [old.id])
        self.assertEqual(self.ids(date_from=text(new.check_in)), [new.id])
        self.assertEqual(self.ids(date_to=text(new.check_in)), [old.id])
        local = (new.check_in + timedelta(hours=2)).isoformat(timespec="seconds") + "+02:00"
        self.assertEqual(self.ids(date_from=local), [new.id])
        self.assertEqual(self.ids(employee_id=self.other.id), [], "of others, a cashier sees none")
        self.assertEqual(everything & set(self.ids(self.boss, limit=100)), everything)
        self.assertEqual(self.ids(self.boss, employee_id=self.other.id), [foreign.id])
        self.assertEqual(self.ids(self.access(self.stranger)), [])

    def test_list_shows(self):
        shift = self.shift(self.own, 3, 1.5)
        (item,) = self.listed()
        self.assertEqual(item["employee"], {"id": self.own.id, "name": "clock Ada"})
        self.assertEqual((item["check_in"], item["check_out"]), (text(shift.check_in), text(shift.check_out)))
        self.assertEqual(item["worked_hours"], 1.5)

    def test_list_refusals_name_the_parameter(self):
        for name, value in (
            ("date_from", "yesterday"),
            ("date_to", "2026-13-01T00:00:00Z"),
            ("date_from", "2026-01-01"),
            ("date_from", "0001-01-01T00:00:00+14:00"),
            ("date_from", "2026-01-01T00:00:00"),
            ("open", "1"),
            ("employee_id", "x"),
            ("other", "x"),
        ):
            with self.subTest(name=name, value=value):
                answer = self.send("GET", "/attendances", token=self.token, params={name: value})
                self.assertEqual(self.assert_problem(answer, 422)["errors"][0]["query"], name)

    def test_another_company_s_are_not_listed(self):
        company = self.env["res.company"].create({"name": "clock elsewhere"})
        shift = self.shift(new_employee(self.env, "clock Elsewhere", company_id=company.id, pin="1111"), 1)
        self.assertNotIn(shift.id, self.ids(self.boss, limit=100))
        refused = self.clock_in(shift.employee_id, token=self.boss)
        self.assertEqual(self.assert_problem(refused, 422)["errors"][0]["pointer"], "/employee_id")
        self.assert_problem(self.change(shift, self.boss, '"x"', check_out=text(self.now)), 404)

    def test_roles(self):
        shift = self.shift(self.own, 1)
        clock = {"headers": new_idempotency_key(), "json": {"employee_id": self.own.id, "pin": "1111"}}
        self.assert_problem(self.send("GET", "/attendances"), 401)
        self.assert_problem(self.send("POST", "/attendances", **clock), 401)
        out = {"headers": {"If-Match": "*"}, "json": {"pin": "1111"}}
        self.assert_problem(self.send("PATCH", f"/attendances/{shift.id}", **out), 401)
        self.assert_problem(self.change(shift, self.access(self.stranger), pin="1111"), 404)
        for body in ({"check_out": text(self.now)}, {"check_in": text(self.now)}):
            self.assert_problem(self.change(shift, **body), 403, "forbidden")
        self.assertFalse(shift.check_out)

    # in

    def test_clock_in(self):
        answer = self.clock_in()
        self.assertEqual(answer.status_code, 201, answer.text)
        body = answer.json()
        check_body(document.load()["components"]["schemas"]["Attendance"], body)
        shift = self.env["hr.attendance"].browse(body["id"])
        self.assertEqual((shift.employee_id, shift.check_out), (self.own, False))
        self.assertLess(abs(shift.check_in - fields.Datetime.now()), timedelta(seconds=30))
        self.assertEqual(answer.headers["Location"], f"{BASE}/attendances/{shift.id}")
        self.assertEqual(answer.headers["ETag"], body["etag"])
        self.assertEqual(self.listed()[0], body)
        self.assertEqual(self.own.attendance_state, "checked_in")

    def test_clock_in_twice(self):
        key = new_idempotency_key()
        first = self.clock_in(key=key)
        again = self.clock_in(key=key)
        self.assertEqual((again.status_code, again.json()), (201, first.json()))
        self.assertEqual(again.headers["ETag"], first.headers["ETag"])
        self.assert_problem(self.clock_in(), 409, "checked-in")
        self.assertEqual(self.env["hr.attendance"].search_count([("employee_id", "=", self.own.id)]), 1)

    def test_clock_in_under_a_shift_that_reaches_into_the_future(self):
        self.shift(self.own, 1, -1)
        self.assert_problem(self.clock_in(), 409, "overlapping")

    def test_clock_in_with_a_wrong_pin(self):
        for employee, pin in ((self.own, "1112"), (self.own, "2222"), (self.own, "é"), (self.other, "1111")):
            answer = self.clock_in(employee, pin)
            self.assertEqual(self.assert_problem(answer, 403, "wrong-pin")["errors"][0]["pointer"], "/pin")
            self.assertNotIn("1111", answer.text)
        self.assertFalse(self.env["hr.attendance"].search([("employee_id", "=", self.own.id)]))

    def test_no_pin_is_right_for_an_employee_without_one(self):
        self.own.pin = False
        for pin in ("0000", "False", "None"):
            self.assert_problem(self.clock_in(pin=pin), 403, "wrong-pin")
        self.assert_problem(self.clock_in(pin=""), 422)

    def test_clock_in_refusals_name_the_field(self):
        archived = new_employee(self.env, "clock Cy", pin="1111", active=False)
        for body, pointer in (
            ({"employee_id": archived.id, "pin": "1111"}, "/employee_id"),
            ({"employee_id": 2147483647, "pin": "1111"}, "/employee_id"),
            ({"employee_id": self.own.id}, "/pin"),
            ({"employee_id": self.own.id, "pin": 1111}, "/pin"),
            ({"pin": "1111"}, "/employee_id"),
            ({"employee_id": self.own.id, "pin": "1111", "check_in": text(self.now)}, "/check_in"),
        ):
            with self.subTest(body=body):
                answer = self.send(
                    "POST", "/attendances", token=self.token, headers=new_idempotency_key(), json=body
                )
                self.assertEqual(self.assert_problem(answer, 422)["errors"][0]["pointer"], pointer)
        refused = self.send(
            "POST", "/attendances", token=self.token, json={"employee_id": self.own.id, "pin": "1111"}
        )
        self.assert_problem(refused, 400)

    # out

    def test_clock_out(self):
        shift = self.shift(self.own, 2)
        answer = self.change(shift, pin="1111")
        self.assertEqual(answer.status_code, 200, answer.text)
        check_body(document.load()["components"]["schemas"]["Attendance"], answer.json())
        self.assertEqual(answer.json()["check_out"], text(shift.check_out))
        self.assertAlmostEqual(shift.worked_hours, 2.0, delta=0.02)
        self.assertEqual(answer.headers["ETag"], self.listed()[0]["etag"])
        self.assert_problem(self.change(shift, pin="1111"), 409, "checked-out")

    def test_clock_out_somebody_who_came_at_this_till(self):
        shift = self.env["hr.attendance"].browse(self.clock_in(self.other, "2222").json()["id"])
        self.assertEqual(self.ids(), [shift.id])
        self.assertEqual(self.change(shift, pin="2222").status_code, 200)
        self.assertTrue(shift.check_out)
        self.assertEqual(self.ids(), [], "it is somebody else's")

    def test_clock_out_with_a_wrong_pin(self):
        shift = self.shift(self.own, 2)
        self.assert_problem(self.change(shift, pin="2222"), 403, "wrong-pin")
        self.assertFalse(shift.check_out)

    def test_change_needs_the_present_tag(self):
        shift = self.shift(self.own, 2)
        tag = self.listed()[0]["etag"]
        path = f"/attendances/{shift.id}"
        self.assert_problem(self.send("PATCH", path, token=self.token, json={"pin": "1111"}), 428)
        self.assertEqual(self.change(shift, tag=tag, pin="1111").status_code, 200)
        refused = self.change(shift, self.boss, tag, check_out=text(self.now))
        self.assert_problem(refused, 412)
        self.assertEqual(refused.headers["ETag"], self.listed()[0]["etag"])

    # corrections

    def test_correct(self):
        shift = self.shift(self.own, 5, 3)
        start, end = self.now - timedelta(hours=4), self.now - timedelta(hours=1)
        answer = self.change(shift, self.boss, check_in=text(start), check_out=text(end))
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual((shift.check_in, shift.check_out, shift.worked_hours), (start, end, 3.0))
        self.assertEqual(answer.json()["worked_hours"], 3)

    def test_correct_an_open_shift_ends_it(self):
        shift = self.shift(self.own, 5)
        local = (self.now - timedelta(hours=1) + timedelta(hours=5, minutes=30)).isoformat() + "+05:30"
        self.assertEqual(self.change(shift, self.boss, check_out=local).status_code, 200)
        self.assertEqual(shift.check_out, self.now - timedelta(hours=1))

    def test_correct_moves_overtime(self):
        if "hr.attendance.overtime" not in self.env:
            self.skipTest("this series has no overtime")
        company = self.own.company_id
        company.write(
            {"hr_attendance_overtime": True, "overtime_start_date": self.now.date() - timedelta(30)}
        )
        sunday = self.now.date() - timedelta(days=self.now.isoweekday())
        noon = fields.Datetime.to_datetime(sunday) + timedelta(hours=12)
        shift = self.env["hr.attendance"].create(
            {"employee_id": self.own.id, "check_in": noon, "check_out": noon + timedelta(hours=1)}
        )
        self.assertEqual(self.own.total_overtime, 1.0)
        self.change(shift, self.boss, check_out=text(noon + timedelta(hours=3)))
        self.assertEqual(self.own.total_overtime, 3.0)

    def test_correct_refusals(self):
        shift = self.shift(self.own, 5, 3)
        later = self.now + timedelta(hours=1)
        before = self.now - timedelta(days=400)
        for body, pointer in (
            ({"check_out": text(later)}, "/check_out"),
            ({"check_in": text(later), "check_out": text(self.now)}, "/check_in"),
            ({"check_out": text(self.now - timedelta(hours=6))}, "/check_out"),
            ({"check_in": text(self.now - timedelta(hours=2))}, "/check_in"),
            ({"check_in": text(before)}, "/check_in"),
            ({"check_in": "now"}, "/check_in"),
            ({"check_in": None}, "/check_in"),
            ({"pin": "1111", "check_out": text(self.now)}, "/pin"),
            ({"employee_id": self.other.id}, "/employee_id"),
            ({}, "/pin"),
        ):
            with self.subTest(body=body):
                problem = self.assert_problem(self.change(shift, self.boss, **body), 422)
                self.assertEqual(problem["errors"][0]["pointer"], pointer)
        self.assertEqual((shift.check_in, shift.worked_hours), (self.now - timedelta(hours=5), 2.0))

    def test_correct_into_another_shift(self):
        first, second = self.shift(self.own, 8, 6), self.shift(self.own, 5, 3)
        running = self.shift(self.own, 1)
        for shift, hours in (
            (first, {"check_out": 4}),
            (second, {"check_in": 7}),
            (first, {"check_out": 0.5}),
            (running, {"check_in": 4}),
            (running, {"check_in": 10}),
        ):
            with self.subTest(shift=shift, hours=hours):
                body = {name: text(self.now - timedelta(hours=value)) for name, value in hours.items()}
                self.assert_problem(self.change(shift, self.boss, **body), 409, "overlapping")
        touching = self.change(first, self.boss, check_out=text(second.check_in))
        self.assertEqual(touching.status_code, 200, touching.text)
        self.shift(self.other, 8, 6)  # another employee's are not in the way

    def test_a_manager_clocks_out_by_pin_too(self):
        shift = self.shift(self.own, 1)
        self.assertEqual(self.change(shift, self.boss, pin="1111").status_code, 200)
        self.assertTrue(shift.check_out)


@tagged("post_install", "-at_install")
class TestTimeClockAtOnce(KeysMixin, BaseCase):
    """The time clock against the running server, with real transactions."""

    def setUp(self):
        super().setUp()
        self.registry = registry(get_db_name())
        self.use_keys()
        login = f"clock-{uuid.uuid4().hex}"
        with self.committed() as env:
            cashier = new_user(env, login, CASHIER)
            self.cashier = cashier.id
            self.employee = new_employee(env, login, pin="1111").id
        self.addCleanup(self.put_away)
        self.token = send(
            "POST", BASE + "/auth/tokens", json={"login": login, "password": f"{login}-password"}
        ).json()["access_token"]

    @contextmanager
    def committed(self):
        """Give an environment whose changes are committed."""
        with self.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {})

    def put_away(self):
        with self.committed() as env:
            env.cr.execute(
                "DELETE FROM pos_api_login_attempt WHERE account = %s",
                (login_attempt.account_key(f"\0pin:{self.employee}"),),
            )
            env["hr.employee"].browse(self.employee).unlink()
            env["res.users"].browse(self.cashier).active = False

    def clock_in(self, pin="1111"):
        return send(
            "POST",
            BASE + "/attendances",
            token=self.token,
            headers=new_idempotency_key(),
            json={"employee_id": self.employee, "pin": pin},
        )

    def clock_out(self, made, pin):
        return send(
            "PATCH",
            f"{BASE}/attendances/{made['id']}",
            token=self.token,
            headers={"If-Match": made["etag"]},
            json={"pin": pin},
        )

    @mute_logger("odoo.sql_db", "odoo.service.model")
    def test_of_several_at_once_one_is_in(self):
        answers = at_once(4, lambda _index: self.clock_in())
        self.assertEqual(sorted(answer.status_code for answer in answers), [201, 409, 409, 409])
        with self.committed() as env:
            self.assertEqual(env["hr.attendance"].search_count([("employee_id", "=", self.employee)]), 1)

    @mute_logger("odoo.sql_db", "odoo.service.model")
    def test_the_second_one_waits_and_sees_the_first(self):
        """A call that began before the other's commit is refused all the same."""
        waiting = {}
        thread = threading.Thread(target=lambda: waiting.update(answer=self.clock_in()))
        with self.committed() as env:
            env["hr.attendance"].create(
                {"employee_id": self.employee, "check_in": fields.Datetime.now() - timedelta(hours=1)}
            )
            env["base"].flush()
            thread.start()
            thread.join(1.0)
            self.assertTrue(thread.is_alive(), "the call must wait for the other transaction")
        thread.join()
        self.assertEqual(waiting["answer"].status_code, 409, waiting["answer"].text)

    @mute_logger("odoo.sql_db", "odoo.service.model")
    def test_corrections_at_once_do_not_overlap(self):
        """Each of the two fits by itself, and neither changes what the other does, nor the last shift."""
        now = fields.Datetime.now()
        with self.committed() as env:
            first, second, _last = env["hr.attendance"].create(
                [
                    {
                        "employee_id": self.employee,
                        "check_in": now - timedelta(hours=start),
                        "check_out": now - timedelta(hours=end),
                    }
                    for start, end in ((8, 7), (5, 4), (2, 1))
                ]
            )
            manager = new_user(env, f"boss-{uuid.uuid4().hex}", MANAGER)
            self.addCleanup(self.archive, manager.id)
            login = manager.login
        answer = send("POST", BASE + "/auth/tokens", json={"login": login, "password": f"{login}-password"})
        self.token = answer.json()["access_token"]
        shown = send("GET", f"{BASE}/attendances?employee_id={self.employee}", token=self.token).json()[
            "items"
        ]
        (tag,) = (item["etag"] for item in shown if item["id"] == second.id)
        waiting = {}

        def move():
            waiting["answer"] = send(
                "PATCH",
                f"{BASE}/attendances/{second.id}",
                token=self.token,
                headers={"If-Match": tag},
                json={"check_in": text(now - timedelta(hours=6.5))},
            )

        thread = threading.Thread(target=move)
        with self.committed() as env:
            timeclock.correct(
                env["hr.attendance"].browse(first.id), {"check_out": now - timedelta(hours=5.5)}
            )
            env["base"].flush()
            thread.start()
            thread.join(1.0)
            self.assertTrue(thread.is_alive(), "the call must wait for the other transaction")
        thread.join()
        self.assertEqual(waiting["answer"].status_code, 409, waiting["answer"].text)
        self.assertEqual(waiting["answer"].json()["type"], "urn:tillstack:pos-api:overlapping")

    def archive(self, user):
        with self.committed() as env:
            env["res.users"].browse(user).active = False

    def test_wrong_pins_are_throttled(self):
        for _ in range(5):
            self.assertEqual(self.clock_in("0000").status_code, 403)
        refused = self.clock_in()
        self.assertEqual(refused.status_code, 429, refused.text)
        self.assertEqual(refused.json()["type"], "urn:tillstack:pos-api:too-many-pins")
        self.assertTrue(200 < int(refused.headers["Retry-After"]) <= 300)
        with self.committed() as env:
            self.assertFalse(env["hr.attendance"].search([("employee_id", "=", self.employee)]))
            other = new_employee(env, "clock other", pin="1111")
            account = login_attempt.account_key(f"\0pin:{self.employee}")
            env.cr.execute("SELECT count(*) FROM pos_api_login_attempt WHERE account = %s", (account,))
            self.assertEqual(env.cr.fetchone(), (5,))
            self.addCleanup(self.unlink, other.id)
        mine, self.employee = self.employee, other.id
        self.assertEqual(self.clock_in().status_code, 201, "another employee is not throttled")
        self.employee = mine

    def unlink(self, employee):
        with self.committed() as env:
            env["hr.employee"].browse(employee).unlink()

    def test_the_right_pin_forgets_the_wrong_ones(self):
        for _ in range(4):
            self.assertEqual(self.clock_in("0000").status_code, 403)
        made = self.clock_in().json()
        for _ in range(4):
            self.assertEqual(self.clock_out(made, "0000").status_code, 403)
        self.assertEqual(self.clock_out(made, "1111").status_code, 200)

    def test_wrong_pins_at_the_way_out_count_too(self):
        made = self.clock_in().json()
        for _ in range(5):
            self.assertEqual(self.clock_out(made, "0000").status_code, 403)
        self.assertEqual(self.clock_out(made, "1111").status_code, 429)
