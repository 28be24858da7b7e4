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


MOMENTS = ("check_in", "check_out", "write_date")


def _tag(attendance):
    """Return the entity tag. There is no single read of an attendance, so each one tells its tag."""
    values = (attendance[column] for column in MOMENTS)
    moments = (f"{value:%Y-%m-%d %H:%M:%S.%f}" if value else "" for value in values)
    return etag([attendance.employee_id.display_name, attendance.id, *moments])


def _tag_sql(scope):
    parts = [f"to_json({scope.follow('employee_id').name()})", scope.column("id")]
    for column in MOMENTS:
        moment = f"to_char({scope.column(column)}, 'YYYY-MM-DD HH24:MI:SS.US')"
        parts.append(f"to_json(coalesce({moment}, ''))")
    separator = ", ',', "
    text = f"concat('[', {separator.join(parts)}, ']')"
    return f"to_json(concat('\"', left(encode(sha256(convert_to({text}, 'UTF8')), 'hex'), 32), '\"'))"


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
    computed=(
        Computed(
            "etag", _tag, {"type": "string"}, "What If-Match takes to change this attendance.", _tag_sql
        ),
    ),
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
    # cashiers' rights are elevated: the scope keeps them in bounds
    access=lambda model, call: model.sudo(not call.principal.is_manager),
)
