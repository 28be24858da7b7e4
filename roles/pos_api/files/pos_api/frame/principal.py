"""Who calls: the bearer token, the state of its user and family in the database, and the role."""

from __future__ import annotations

from dataclasses import dataclass

from .. import keys, settings, tokens
from .problems import Problem, unauthorized

ANON, CASHIER, MANAGER = "anon", "cashier", "manager"
CASHIER_GROUPS = ("base.group_user", "point_of_sale.group_pos_user")
MANAGER_GROUPS = (
    *CASHIER_GROUPS,
    "point_of_sale.group_pos_manager",
    "hr_attendance.group_hr_attendance_user",
    "base.group_partner_manager",
)

# The end of a token's family that is in force, with its user active, and which of the groups above the user
# has now. It is asked in every call: Odoo keeps answers about groups in its caches.
LIVE = (
    "SELECT f.expires_at, ARRAY("
    "SELECT d.module || '.' || d.name FROM ir_model_data d JOIN res_groups_users_rel g ON g.gid = d.res_id"
    " WHERE g.uid = u.id AND d.model = 'res.groups' AND (d.module, d.name) IN ({groups})"
    ") FROM pos_api_token_family f JOIN res_users u ON u.id = f.user_id"
    " WHERE f.id = {{family}} AND f.user_id = {{user}} AND f.revoked_at IS NULL AND u.active"
    " AND f.expires_at > now() AT TIME ZONE 'UTC'"
).format(groups=", ".join("('{}', '{}')".format(*group.split(".")) for group in MANAGER_GROUPS))


@dataclass(frozen=True)
class Principal:
    """The caller: its verified token, the role its user has now and the absolute end of its token family."""

    token: tokens.AccessToken
    role: str
    family_expires_at: object

    @property
    def is_manager(self):
        """Whether the caller has the manager's role."""
        return self.role == MANAGER


def keyring():
    """Return the keyring of the host.

    Raises:
        Problem: 503 where it cannot be used; the log names the file.
    """
    try:
        return keys.keyring(settings.current().key_directory)
    except keys.KeyringError as error:
        keys._logger.critical("POS API: %s", error)
        raise Problem(503, "The signing keys of this server cannot be used.", "unavailable") from error


def database_id(env):
    """Return the unique id of the database, to which every token is bound."""
    return env["ir.config_parameter"].sudo().get_param("database.uuid")


def role_by(has_group):
    """Return the role that groups give: manager, cashier or anon.

    Args:
        has_group: function from a group's external id to whether the user has it.
    """
    if all(map(has_group, MANAGER_GROUPS)):
        return MANAGER
    return CASHIER if all(map(has_group, CASHIER_GROUPS)) else ANON


def role_of(user):
    """Return the role of a user."""
    return role_by(user.has_group)


def suffices(role, operation):
    """Return whether a role is enough for an operation that takes a token."""
    return role != ANON and (operation.role != MANAGER or role == MANAGER)


def _bearer(header):
    """Return the token of an Authorization header (RFC 6750 section 2.1; the only place where one is looked
    for)."""
    scheme, _, token = header.partition(" ")
    if not header or scheme.lower() != "bearer":
        raise unauthorized("Send an access token in the Authorization header.")
    # two Authorization headers reach WSGI joined by a comma, which no token holds
    return token


def identify(request, operation):
    """Set the request's user from its bearer token and return the :class:`Principal`, None where the
    operation looks at no token, or takes one without needing it and none was sent.

    The family, the user's state and the signature are checked on every call, so that logout, deactivation and
    demotion are in force with the next one.

    Raises:
        Problem: 401 for anything wrong with the token, 403 for a role that is not enough.
    """
    sent = request.httprequest.headers.get("Authorization", "")
    if not operation.bearer or (operation.role == ANON and not sent):
        return None
    bearer = _bearer(sent)
    try:
        token = tokens.verify(keyring(), settings.current(), database_id(request.env), bearer)
    except tokens.TokenError as error:
        raise unauthorized(str(error), "invalid_token", "invalid-token") from error
    request.cr.execute(LIVE.format(family="%s", user="%s"), (token.family_id, token.user_id))
    live = request.cr.fetchone()
    if live is None:
        raise unauthorized("The access token has been revoked.", "invalid_token", "invalid-token")
    request.uid = token.user_id
    request.context = request.env["res.users"].context_get()
    expires_at, groups = live
    role = role_by(groups.__contains__)
    if not suffices(role, operation):
        needed = MANAGER if operation.role == MANAGER else CASHIER
        raise Problem(403, f"This operation is for the role {needed}.", "forbidden")
    return Principal(token, role, expires_at)
