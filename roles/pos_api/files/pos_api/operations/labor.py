"""Hours, overtime and shifts of employees, from their attendances."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

from ..days import span
from ..frame.call import Reply, operation
from ..frame.pagination import page
from ..records import moment, number

MOST_SHIFTS = 100  # shifts listed for one employee; all are counted
OVERTIME = "hr.attendance.overtime"  # not in 14.0


@dataclass
class Labor:
    """What one employee worked: hours and number of the shifts that have ended, and how many go on."""

    hours: float = 0.0
    ended: int = 0
    going_on: int = 0


def _clipped(shift, days):
    """Return the hours of an ended shift that lie within the days; of a whole shift Odoo's own number."""
    if days.start <= shift.check_in and shift.check_out <= days.end:
        return shift.worked_hours
    return (min(shift.check_out, days.end) - max(shift.check_in, days.start)).total_seconds() / 3600


def _domain(call, days):
    """Return the domain of the attendances that the days have a part of."""
    domain = [
        ("employee_id.company_id", "=", call.env.company.id),
        ("check_in", "<", days.end),
        "|",
        ("check_out", "=", False),
        ("check_out", ">", days.start),
    ]
    if "employee_id" in call.query:
        domain.append(("employee_id", "=", call.query["employee_id"]))
    return domain


def _worked(call, days):
    """Return {employee's id: :class:`Labor`}. The database adds up the whole shifts; those across an edge are
    looked at one by one."""
    model, domain = call.env["hr.attendance"], _domain(call, days)
    worked = defaultdict(Labor)
    whole = [*domain, ("check_in", ">=", days.start), ("check_out", "<=", days.end)]
    for group in model.read_group(whole, ["worked_hours:sum"], ["employee_id"]):
        labor = worked[group["employee_id"][0]]
        labor.hours, labor.ended = group["worked_hours"], group["employee_id_count"]
    across = ["|", ("check_in", "<", days.start), ("check_out", ">", days.end)]
    for shift in model.search([*domain, ("check_out", "!=", False), *across]):
        labor = worked[shift.employee_id.id]
        labor.hours += _clipped(shift, days)
        labor.ended += 1
    for group in model.read_group([*domain, ("check_out", "=", False)], ["employee_id"], ["employee_id"]):
        worked[group["employee_id"][0]].going_on = group["employee_id_count"]
    return worked


def _overtime(call, days):
    """Return {employee's id: hours} of overtime, None where Odoo counts none: the company has it off, or the
    series does not have it."""
    if OVERTIME not in call.env or not call.env.company.hr_attendance_overtime:
        return None
    groups = call.env[OVERTIME].read_group(
        [
            ("employee_id.company_id", "=", call.env.company.id),
            ("date", ">=", days.first),
            ("date", "<=", days.last),
        ],
        ["duration:sum"],
        ["employee_id"],
    )
    return {group["employee_id"][0]: group["duration"] for group in groups}


def _shifts(call, days, employee):
    """Return the first shifts of an employee within the days, by their beginning."""
    domain = [*_domain(call, days), ("employee_id", "=", employee.id)]
    return [
        {
            "id": shift.id,
            "check_in": moment(shift.check_in),
            "check_out": moment(shift.check_out),
            "hours": number(_clipped(shift, days)) if shift.check_out else 0,
        }
        for shift in call.env["hr.attendance"].search(domain, order="check_in, id", limit=MOST_SHIFTS)
    ]


@operation("getLaborReport")
def get_labor_report(call):
    days, company = span(call), call.env.company
    worked, overtime = _worked(call, days), _overtime(call, days)
    employees = call.env["hr.employee"].browse(worked).sorted(lambda found: (found.name, found.id))
    limit, offset = call.query["limit"], call.query["offset"]
    items = [
        {
            "employee": {"id": employee.id, "name": employee.name},
            "hours": number(worked[employee.id].hours),
            "overtime": None if overtime is None else number(overtime.get(employee.id, 0)),
            "shift_count": worked[employee.id].ended + worked[employee.id].going_on,
            "open_shift_count": worked[employee.id].going_on,
            "shifts": _shifts(call, days, employee),
        }
        for employee in employees[offset : offset + limit + 1]
    ]
    employees_page = page(call, items)
    body = {
        "company": {"id": company.id, "name": company.name},
        "from": moment(days.start),
        "to": moment(days.end - timedelta(seconds=1)),
        "hours": number(sum(labor.hours for labor in worked.values())),
        "overtime": None
        if overtime is None
        else number(sum(overtime.get(employee, 0) for employee in worked)),
        "employee_count": len(worked),
        "employees": employees_page.body["items"],
        "limit": limit,
        "offset": offset,
    }
    return Reply(200, body, employees_page.headers)
