"""The time clock: PINs, clocking in and out, and what attendances of one employee must not do to each
other."""

import hmac
from datetime import timedelta

from odoo import fields

from .frame.problems import Problem, invalid
from .models import login_attempt
from .records import moment

PAST = timedelta(days=366)  # Odoo works overtime out day by day between the old and the new time


def hold(employee):
    """Let one call at a time change an employee's attendances, or archive the employee.

    It is an update and no mere lock: at REPEATABLE READ the call that had to wait then fails, is run again,
    and sees what the first one did.
    """
    employee.env.cr.execute(
        "UPDATE hr_employee SET active = active WHERE id = %s",
        (employee.id,),
        log_exceptions=False,  # that failure is foreseen
    )


def open_shift(employee):
    """Return the attendance of an employee that has not ended; elevated, since people see their own only."""
    return (
        employee.env["hr.attendance"]
        .sudo()
        .search([("employee_id", "=", employee.id), ("check_out", "=", False)], limit=1)
    )


def check_pin(call, employee, pin):
    """Check an employee's PIN. As at Odoo's kiosk, no PIN is right for an employee who has none.

    Wrong ones are counted as failed logins are: per employee and per source, over all workers and hosts.

    Raises:
        Problem: 429 over the limits, 403 for a wrong PIN.
    """
    account = f"\0pin:{employee.id}"  # no login can be spelled like this: the API takes no NUL
    registry = call.request.registry
    number, wait = login_attempt.begin(registry, account, call.source)
    if wait:
        headers = [("Retry-After", str(wait))]
        raise Problem(429, "Too many wrong PINs; wait before the next one.", "too-many-pins", headers)
    kept = employee.sudo().pin or ""  # PINs are HR's only; it is compared here and goes nowhere
    if not (hmac.compare_digest(pin.encode(), kept.encode()) and kept):
        login_attempt.fail(registry, number)
        errors = [{"pointer": "/pin", "detail": "is not the PIN of this employee"}]
        raise Problem(403, "The PIN is wrong.", "wrong-pin", errors=errors)
    login_attempt.succeed(registry, number, account)


def _check_overlap(employee, start, end=None, but=0):
    """Refuse a shift that another one of the employee overlaps; ``end`` is None while it goes on.

    Odoo's own check lets an open attendance begin before a closed one.

    Raises:
        Problem: 409, with the other shift's times.
    """
    domain = [
        ("employee_id", "=", employee.id),
        ("id", "!=", but),
        "|",
        ("check_out", "=", False),
        ("check_out", ">", start),
    ]
    if end:
        domain.append(("check_in", "<", end))
    other = employee.env["hr.attendance"].sudo().search(domain, limit=1)
    if other:
        until = moment(other.check_out) if other.check_out else "now"
        raise Problem(
            409, f"The employee has a shift from {moment(other.check_in)} to {until} already.", "overlapping"
        )


def clock_in(employee):
    """Return the attendance that begins now. The caller has checked the PIN, so it is written with elevated
    rights, as Odoo's kiosk does.

    Raises:
        Problem: 409 for an employee who is in, or whose shifts reach into the future.
    """
    hold(employee)
    if open_shift(employee):
        raise Problem(409, "This employee is checked in already.", "checked-in")
    now = fields.Datetime.now()
    _check_overlap(employee, now)
    return employee.env["hr.attendance"].sudo().create({"employee_id": employee.id, "check_in": now})


def clock_out(attendance):
    """End an attendance now, with the rights of its environment.

    Raises:
        Problem: 409 where it has ended.
    """
    hold(attendance.employee_id)
    if attendance.check_out:
        raise Problem(409, "This shift has ended already.", "checked-out")
    attendance.check_out = fields.Datetime.now()


def correct(attendance, times):
    """Set the times of an attendance.

    Args:
        attendance: record of hr.attendance.
        times: {"check_in" and/or "check_out": moment}.

    Raises:
        Problem: 422 for a time in the future, too far in the past or in the wrong order; 409 where another
            shift is in the way.
    """
    now = fields.Datetime.now()
    for name, value in times.items():
        if value > now:
            raise invalid((f"/{name}", "must not be in the future"))
        if value < now - PAST:
            raise invalid((f"/{name}", f"must not be more than {PAST.days} days ago"))
    start = times.get("check_in", attendance.check_in)
    end = times.get("check_out", attendance.check_out or None)
    if end and end < start:
        name = "check_out" if "check_out" in times else "check_in"
        raise invalid((f"/{name}", "must leave the beginning before the end"))
    hold(attendance.employee_id)
    _check_overlap(attendance.employee_id, start, end, attendance.id)
    attendance.write(times)
