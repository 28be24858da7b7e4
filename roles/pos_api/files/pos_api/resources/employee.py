"""Employees: what everybody at the till may see, and what is their own and the managers'. PINs and badges are
written only, and never shown."""

from datetime import datetime, time

import pytz
from odoo import fields
from odoo.osv.expression import OR

from ..frame.principal import MANAGER, role_of
from ..records import (
    BOOLEAN,
    ID,
    MOMENT,
    MOMENT_SCHEMA,
    NAME,
    OPTIONAL_REFERENCE,
    REFERENCE,
    TEXT,
    Computed,
    Field,
    Filter,
    Resource,
    moment,
    nullable,
    number,
)
from ..timeclock import open_shift
from .product import SEARCHED, literal

PUBLIC = (
    Field("id", "id", ID),
    Field("name", "name", NAME, writable=True),
    Field("job_title", "job_title", TEXT, writable=True),
    Field("work_email", "work_email", TEXT, writable=True),
    Field("work_phone", "work_phone", TEXT, writable=True),
    Field("company", "company_id", REFERENCE),
    Field("user", "user_id", OPTIONAL_REFERENCE, description="The Odoo user whom the employee is."),
    Field("active", "active", BOOLEAN, description="false: archived."),
    Field("updated_at", "write_date", MOMENT),
)


def _contains(text):
    return OR([[(column, "ilike", literal(text))] for column in ("name", "job_title", "work_email")])


FILTERS = (
    Filter("q", SEARCHED, _contains, "Part of the name, job title or work e-mail address."),
    Filter(
        "active",
        {"type": "boolean", "default": True},
        lambda value: [("active", "=", value)],
        "false: archived employees, whom managers see.",
    ),
)


def _scope(call):
    return [] if call.principal.is_manager else [("active", "=", True)]


def _private(employee):
    """Return the record behind the public part, with elevated rights: cashiers see what follows from it, and
    never the record."""
    return employee.env["hr.employee"].sudo().browse(employee.id)


def _is_manager(employee):
    return role_of(employee.env.user) == MANAGER


def _sees_hours(employee):
    return employee.user_id == employee.env.user or _is_manager(employee)


def _state(employee):
    return "checked_in" if open_shift(employee) else "checked_out"


def _checked_in_at(employee):
    shift = open_shift(employee)
    return moment(shift.check_in) if shift and _sees_hours(employee) else None


def _time_zone(employee):
    private = _private(employee)
    # before 15.0 there is the employee's own alone, which its resource always has
    return pytz.timezone(private._get_tz() if hasattr(private, "_get_tz") else private.tz)


def _hours_today(employee):
    if not _sees_hours(employee):
        return None
    zone = _time_zone(employee)
    today = datetime.now(zone).date()
    midnight = zone.localize(datetime.combine(today, time.min)).astimezone(pytz.utc).replace(tzinfo=None)
    shifts = (
        employee.env["hr.attendance"]
        .sudo()
        .search([("employee_id", "=", employee.id), ("check_out", ">", midnight)])
    )
    now = fields.Datetime.now()
    seconds = [
        (min(shift.check_out, now) - max(shift.check_in, midnight)).total_seconds()
        for shift in shifts
        if shift.check_in < now
    ]
    return number(sum(seconds) / 3600)


def _has_pin(employee):
    return bool(_private(employee).pin) if _is_manager(employee) else None


def _has_badge(employee):
    return bool(_private(employee).barcode) if _is_manager(employee) else None


ARCHIVED_TOO = {"active_test": False}
EMPLOYEE = Resource(
    name="Employee",
    model="hr.employee.public",
    fields=PUBLIC,
    filters=FILTERS,
    sorts={"name": "name, id", "id": "id"},
    scope=_scope,
    context=ARCHIVED_TOO,
)
EMPLOYEE_DETAIL = Resource(
    name="EmployeeDetail",
    model="hr.employee.public",
    fields=PUBLIC,
    computed=(
        Computed("state", _state, {"type": "string", "enum": ["checked_in", "checked_out"]}),
        Computed(
            "checked_in_at",
            _checked_in_at,
            nullable(MOMENT_SCHEMA),
            "Beginning of the shift that is going on; null for other people's, unless a manager asks.",
        ),
        Computed(
            "hours_today",
            _hours_today,
            {"type": ["number", "null"]},
            "Hours of today's shifts that have ended, in the employee's time zone; the one that is going on"
            " began at checked_in_at. null for other people's, unless a manager asks.",
        ),
        Computed("has_pin", _has_pin, {"type": ["boolean", "null"]}, "null for cashiers."),
        Computed("has_badge", _has_badge, {"type": ["boolean", "null"]}, "null for cashiers."),
    ),
    scope=_scope,
    context=ARCHIVED_TOO,
)
