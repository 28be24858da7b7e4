"""The token's user in one statement: what ``describe`` (resources/user.py) tells, and the ends of the token
and the login."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace

from odoo import SUPERUSER_ID

from ..frame.call import Reply
from ..models import change_log
from ..records import moment
from ..resources.session import OPEN_SESSION
from . import compiler
from .readable import NotCompilable, narrow
from .scope import Scope

OPEN = ("state", "!=", "closed")


def compiled(call):
    """Return (SQL of a JSON array of the name, login, employee and open sessions, function that makes the
    reply of it).

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
        f"(SELECT json_build_array(p.name, u.login, {employee}, {listed}::json)"
        f" FROM res_users u JOIN res_partner p ON p.id = u.partner_id WHERE u.id = {call.env.uid:d})"
    )
    return text, _reply


def tables(env):
    """Return the tables that the statement reads (the record rules of a user may add to them; then the user's
    answers are not kept).

    Args:
        env: any environment.
    """
    try:
        text, _show = compiled(SimpleNamespace(env=env(user=SUPERUSER_ID, su=True)))
    except NotCompilable:
        return frozenset()  # the ordinary way answers
    return compiler.tables_of(env.cr, text)


change_log.CALLERS.sources.append(tables)


def _reply(_call, caller, found):
    name, login, employee, sessions = found
    return Reply(
        200,
        {
            "id": caller.token.user_id,
            "name": name,
            "login": login,
            "role": caller.who.user.role,
            "employee": employee,
            "open_sessions": sessions,
            "access_expires_at": moment(datetime.utcfromtimestamp(caller.token.expires_at)),
            "session_expires_at": moment(caller.who.ends),
        },
    )
