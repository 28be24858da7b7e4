"""The person behind a token."""

from ..frame.principal import role_of
from ..records import read
from .session import OPEN_SESSION, open_sessions


def describe(user):
    """Return a user with role, employee and open sessions. The user's own employee is read with elevated
    rights, since employees are HR's only; no more than id and name come out."""
    employee = user.sudo().employee_ids.filtered(lambda found: found.company_id == user.company_id)[:1]
    return {
        "id": user.id,
        "name": user.name,
        "login": user.login,
        "role": role_of(user),
        "employee": {"id": employee.id, "name": employee.name} if employee else None,
        "open_sessions": read(open_sessions(user.env, user.id), OPEN_SESSION),
    }
