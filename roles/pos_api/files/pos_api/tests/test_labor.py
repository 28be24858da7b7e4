from datetime import date, datetime, timedelta

from odoo.tests import tagged

from ..frame import document
from ..frame.validation import check_body
from ..operations.labor import MOST_SHIFTS, OVERTIME
from .common import ApiCase
from .test_employees import new_employee


@tagged("post_install", "-at_install")
class TestLabor(ApiCase):
    """The days are in June 2026; the manager's are two hours ahead of UTC then."""

    def setUp(self):
        super().setUp()
        self.manager.tz = "Europe/Amsterdam"
        self.ada = new_employee(self.env, "labor Ada", tz="Europe/Amsterdam")
        self.bob = new_employee(self.env, "labor Bob", tz="Europe/Amsterdam")
        self.token = self.access(self.manager)

    def shift(self, employee, start, end=None):
        """Return an attendance; start and end are texts in UTC."""
        return self.env["hr.attendance"].create(
            {"employee_id": employee.id, "check_in": start, "check_out": end or False}
        )

    def report(self, **query):
        query = {"date_from": "2026-06-08", "date_to": "2026-06-14", **query}
        answer = self.send("GET", "/reports/labor", token=self.token, params=query)
        self.assertEqual(answer.status_code, 200, answer.text)
        check_body(document.load()["components"]["schemas"]["LaborReport"], answer.json())
        return answer.json()

    def hours(self, **query):
        return {item["employee"]["name"]: item["hours"] for item in self.report(**query)["employees"]}

    def test_hours_are_odoo_s_own(self):
        shifts = [
            self.shift(self.ada, "2026-06-08 07:00:00", "2026-06-08 11:20:00"),
            self.shift(self.ada, "2026-06-09 07:00:00", "2026-06-09 15:40:07"),
            self.shift(self.bob, "2026-06-09 08:00:00", "2026-06-09 10:00:00"),
        ]
        report = self.report()
        self.assertEqual((report["from"], report["to"]), ("2026-06-07T22:00:00Z", "2026-06-14T21:59:59Z"))
        self.assertEqual((report["employee_count"], report["company"]["id"]), (2, self.env.company.id))
        ada, bob = report["employees"]
        self.assertEqual(ada["employee"], {"id": self.ada.id, "name": "labor Ada"})
        self.assertAlmostEqual(ada["hours"], sum(shift.worked_hours for shift in shifts[:2]), places=5)
        self.assertEqual((ada["shift_count"], ada["open_shift_count"], bob["hours"]), (2, 0, 2))
        self.assertEqual([shift["id"] for shift in ada["shifts"]], [shifts[0].id, shifts[1].id])
        self.assertEqual(ada["shifts"][0]["check_in"], "2026-06-08T07:00:00Z")
        self.assertAlmostEqual(report["hours"], ada["hours"] + 2, places=5)

    def test_shifts_across_the_edges_are_clipped(self):
        self.shift(self.ada, "2026-06-07 20:00:00", "2026-06-08 01:00:00")  # 3 h in, from 22:00
        self.shift(self.ada, "2026-06-14 21:30:00", "2026-06-15 05:00:00")  # half an hour in
        self.shift(self.bob, "2026-06-01 00:00:00", "2026-06-20 00:00:00")
        self.shift(self.ada, "2026-06-07 10:00:00", "2026-06-07 20:00:00")
        self.shift(self.ada, "2026-06-15 06:00:00", "2026-06-15 10:00:00")
        self.assertEqual(self.hours(), {"labor Ada": 3.5, "labor Bob": 7 * 24})
        ada = self.report()["employees"][0]
        self.assertEqual([shift["hours"] for shift in ada["shifts"]], [3, 0.5])
        self.assertEqual(ada["shifts"][0]["check_in"], "2026-06-07T20:00:00Z")
        self.assertEqual(self.hours(date_from="2026-06-14", date_to="2026-06-14")["labor Ada"], 0.5)

    def test_parts_of_a_shift_add_up(self):
        shift = self.shift(self.ada, "2026-06-10 15:13:00", "2026-06-11 04:44:31")
        days = [self.hours(date_from=f"2026-06-{day}", date_to=f"2026-06-{day}") for day in (10, 11)]
        self.assertAlmostEqual(sum(day["labor Ada"] for day in days), shift.worked_hours, places=5)

    def test_a_shift_that_goes_on(self):
        self.shift(self.ada, "2026-06-08 07:00:00", "2026-06-08 09:00:00")
        self.shift(self.ada, "2026-06-09 07:00:00")
        (ada,) = self.report()["employees"]
        self.assertEqual((ada["hours"], ada["shift_count"], ada["open_shift_count"]), (2, 2, 1))
        self.assertEqual((ada["shifts"][1]["check_out"], ada["shifts"][1]["hours"]), (None, 0))
        self.assertEqual(self.report(date_from="2026-06-01", date_to="2026-06-07")["employees"], [])

    def test_overtime(self):
        if OVERTIME not in self.env:
            self.skipTest("this series has no overtime")
        self.assertIsNone(self.report()["overtime"])
        company = self.env.company
        company.write({"hr_attendance_overtime": True, "overtime_start_date": date(2026, 6, 1)})
        self.shift(self.ada, "2026-06-13 08:00:00", "2026-06-13 11:00:00")  # a Saturday
        self.shift(self.ada, "2026-06-14 23:00:00", "2026-06-15 01:00:00")  # of the Monday after, in her zone
        self.shift(self.bob, "2026-06-14 08:00:00", "2026-06-14 09:00:00")
        overtime = self.env[OVERTIME].search([("employee_id", "=", self.ada.id)])
        report = self.report()
        self.assertEqual(
            {item["employee"]["name"]: item["overtime"] for item in report["employees"]},
            {"labor Ada": 3, "labor Bob": 1},
        )
        self.assertEqual(report["overtime"], 4)
        self.assertEqual(overtime.filtered(lambda row: row.date == date(2026, 6, 13)).duration, 3)

    def test_pages_and_one_employee(self):
        self.shift(self.ada, "2026-06-09 07:00:00", "2026-06-09 09:00:00")
        self.shift(self.bob, "2026-06-09 07:00:00", "2026-06-09 10:00:00")
        self.assertEqual(self.hours(limit=1), {"labor Ada": 2})
        self.assertEqual(self.hours(limit=1, offset=1), {"labor Bob": 3})
        self.assertEqual(self.report(limit=1)["hours"], 5, "the sums are of all pages")
        self.assertEqual(self.hours(employee_id=self.bob.id), {"labor Bob": 3})
        query = {"date_from": "2026-06-08", "date_to": "2026-06-14", "limit": 1}
        answer = self.send("GET", "/reports/labor", token=self.token, params=query)
        self.assertIn('rel="next"', answer.headers["Link"])

    def test_listed_shifts_are_bounded_and_counted(self):
        start = datetime(2026, 6, 8, 6)
        self.env["hr.attendance"].create(
            [
                {
                    "employee_id": self.ada.id,
                    "check_in": start + timedelta(minutes=10 * number),
                    "check_out": start + timedelta(minutes=10 * number + 6),
                }
                for number in range(MOST_SHIFTS + 5)
            ]
        )
        (ada,) = self.report()["employees"]
        self.assertEqual((ada["shift_count"], len(ada["shifts"])), (MOST_SHIFTS + 5, MOST_SHIFTS))
        self.assertAlmostEqual(ada["hours"], (MOST_SHIFTS + 5) / 10, places=4)

    def test_archived_employees_have_worked_too(self):
        self.shift(self.ada, "2026-06-09 07:00:00", "2026-06-09 09:00:00")
        self.ada.active = False
        self.assertEqual(self.hours(), {"labor Ada": 2})

    def test_another_company_s_are_not_counted(self):
        company = self.env["res.company"].create({"name": "labor elsewhere"})
        theirs = new_employee(self.env, "labor Elsewhere", company_id=company.id)
        self.shift(theirs, "2026-06-09 07:00:00", "2026-06-09 09:00:00")
        self.assertEqual(self.hours(), {})
        self.assertEqual(self.hours(employee_id=theirs.id), {})

    def test_refusals_name_the_parameter(self):
        for query, name in (
            ({}, "date_from"),
            ({"date_from": "2026-06-31"}, "date_from"),
            ({"date_from": "june"}, "date_from"),
            ({"date_from": "2026-06-01T00:00:00Z"}, "date_from"),
            ({"date_from": "2026-06-02", "date_to": "2026-06-01"}, "date_to"),
            ({"date_from": "2026-06-01", "date_to": "2026-07-02"}, "date_to"),
            ({"date_from": "0001-01-01"}, "date_from"),
            ({"date_from": "9999-12-31"}, "date_from"),
            ({"date_from": "2026-06-01", "employee_id": "0"}, "employee_id"),
            ({"date_from": "2026-06-01", "limit": "101"}, "limit"),
            ({"date_from": "2026-06-01", "other": "1"}, "other"),
        ):
            with self.subTest(query=query):
                answer = self.send("GET", "/reports/labor", token=self.token, params=query)
                self.assertEqual(self.assert_problem(answer, 422)["errors"][0]["query"], name)
        self.report(date_from="2026-06-01", date_to="2026-07-01")

    def test_roles(self):
        query = {"params": {"date_from": "2026-06-08"}}
        self.assert_problem(self.send("GET", "/reports/labor", **query), 401)
        cashier = self.access(self.cashier)
        self.assert_problem(self.send("GET", "/reports/labor", token=cashier, **query), 403, "forbidden")
        self.assertEqual(self.send("GET", "/reports/labor", token=self.token, **query).status_code, 200)
