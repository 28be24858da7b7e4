"""The token's user in one statement: what ``describe`` (resources/user.py) tells, and when the login ends."""

from __future__ import annotations

from datetime import datetime

from ..frame.call import Reply
from ..records import moment
from ..resources.session import OPEN_SESSION
from . import compiler
from .readable import narrow
from .scope import Scope

OPEN = ("state", "!=", "closed")


def compiled(call):
    """Return (SQL of a JSON array of the name, login, employee, open sessions and end of the login, function
    that makes the reply of it).

    Args:
        call: :class:`~..frame.call.Call` in its transaction.

    Raises:
        NotCompilable: the sessions cannot be compiled.
    """
    sessions = call.env["pos.session"]
    sessions.check_access_rights("read")
    query = sessions._where_calc([("user_id", "=", call.env.uid), OPEN])
    narrow(sessions, query)
    scope = Scope(sessions, sessions._table, query, [])
    query.order = f'"{scope.alias}".id DESC'
    row = compiler.json_of(scope, OPEN_SESSION).replace("{", "{{").replace("}", "}}")
    listed = scope.aggregate(f"concat('[', string_agg({row}, ', ' {{order}}), ']')").replace("%%", "%")
    employee = (
        "(SELECT json_build_object('id', e.id, 'name', e.name) FROM hr_employee e"
        " WHERE e.user_id = u.id AND e.company_id = u.company_id AND e.active ORDER BY e.name LIMIT 1)"
    )
    text = (
        f"(SELECT json_build_array(p.name, u.login, {employee}, {listed}::json, f.expires_at)"
        " FROM res_users u JOIN res_partner p ON p.id = u.partner_id"
        " JOIN pos_api_token_family f ON f.id = $1 WHERE u.id = $2)"
    )
    return text, _reply


def _reply(_call, caller, found):
    name, login, employee, sessions, session_end = found
    token = caller.token
    return Reply(
        200,
        {
            "id": token.user_id,
            "name": name,
            "login": login,
            "role": caller.user.role,
            "employee": employee,
            "open_sessions": sessions,
            "access_expires_at": moment(datetime.utcfromtimestamp(token.expires_at)),
            "session_expires_at": moment(datetime.fromisoformat(session_end)),
        },
    )
