"""Attendances: the shifts of employees."""

from odoo.osv.expression import AND, OR

from ..frame.conditional import etag
from ..moments import SENT_MOMENT, read_moment
from ..records import (
    ID,
    ID_SCHEMA,
    MOMENT,
    NUMBER,
    OPTIONAL_MOMENT,
    REFERENCE,
    Computed,
    Field,
    Filter,
    Resource,
)


def _scope(call):
    """All of the caller's companies for managers; for cashiers their own, and of others those that go on and
    that they clocked in: at a till that several people share, the one who came must be able to leave."""
    companies = [("employee_id.company_id", "in", call.env.companies.ids)]
    if call.principal.is_manager:
        return companies
    own = [("employee_id.user_id", "=", call.env.uid)]
    begun_here = [("create_uid", "=", call.env.uid), ("check_out", "=", False)]
    return AND([companies, OR([own, begun_here])])


def attendances(call):
    """Return the model; for cashiers with elevated rights, which the resource's scope keeps in bounds."""
    return call.env["hr.attendance"].sudo(not call.principal.is_manager)


def _tag(attendance):
    """Return the entity tag. There is no single read of an attendance, so each one tells its tag."""
    name = attendance.employee_id.display_name
    columns = ("id", "check_in", "check_out", "write_date")
    return etag([name, *(str(attendance[column]) for column in columns)])


ATTENDANCE = Resource(
    name="Attendance",
    model="hr.attendance",
    fields=(
        Field("id", "id", ID),
        Field("employee", "employee_id", REFERENCE),
        Field("check_in", "check_in", MOMENT),
        Field("check_out", "check_out", OPTIONAL_MOMENT, description="null while the shift goes on."),
        Field("worked_hours", "worked_hours", NUMBER, description="0 while the shift goes on."),
        Field("updated_at", "write_date", MOMENT),
    ),
    computed=(Computed("etag", _tag, {"type": "string"}, "What If-Match takes to change this attendance."),),
    filters=(
        Filter("employee_id", ID_SCHEMA, lambda value: [("employee_id", "=", value)], "Of one employee."),
        Filter(
            "date_from",
            SENT_MOMENT,
            lambda value: [("check_in", ">=", read_moment(value))],
            "Begun at this moment or later.",
        ),
        Filter(
            "date_to",
            SENT_MOMENT,
            lambda value: [("check_in", "<", read_moment(value))],
            "Begun before this moment.",
        ),
        Filter(
            "open",
            {"type": "boolean"},
            lambda value: [("check_out", "=" if value else "!=", False)],
            "Whether the shift goes on.",
        ),
    ),
    sorts={"-check_in": "check_in desc, id desc", "check_in": "check_in, id"},
    scope=_scope,
)
