"""Login, refresh, logout and who am I."""

import functools
from datetime import datetime

from odoo import SUPERUSER_ID, api, exceptions, fields

from .. import settings, tokens
from ..frame import principal
from ..frame.call import Reply, operation
from ..frame.problems import Problem, unauthorized
from ..lean import me
from ..models import login_attempt
from ..records import moment
from ..resources.user import describe


@functools.lru_cache(maxsize=8)
def _decoy(context):
    """Return a hash that is verified in place of a password where there is none."""
    return context.hash("decoy")


def _took_no_time(users, login):
    """Return whether a failed login was refused without a look at a password: the user is unknown or
    inactive, has none, or may use API keys only (two-factor authentication)."""
    user = users.search(users._get_login_domain(login), order=users._get_login_order(), limit=1)
    users.env.cr.execute(
        "SELECT coalesce(max(password), '') = '' FROM res_users WHERE id IN %s", (tuple(user.ids) or (0,),)
    )
    return users.env.cr.fetchone()[0] or user.with_user(user)._rpc_api_keys_only()


def begin_attempt(call, account, purpose=""):
    """Return the id of a counted attempt.

    Args:
        call: :class:`~..frame.call.Call`.
        account: what is counted beside the source: a login as typed.
        purpose: what is counted apart from logins.

    Raises:
        Problem: 429 over the limits.
    """
    number, wait = login_attempt.begin(call.request.registry, account, call.source, purpose)
    if wait:
        headers = [("Retry-After", str(wait))]
        raise Problem(429, "Too many attempts; wait before the next one.", "too-many-logins", headers)
    return number


def _check_password(call):
    """Return the id of the user whose credentials were sent.

    The check is Odoo's own, as for its RPC: a password, or an API key of the user; who has two-factor
    authentication on must use an API key. All of it happens in transactions of its own: the counted attempt
    stays when the call is refused.

    Raises:
        Problem: 429 over the limits, 401 otherwise.
    """
    registry, login, password = call.request.registry, call.body["login"], call.body["password"]
    number = begin_attempt(call, login)
    with registry.cursor() as cr:
        context = api.Environment(cr, SUPERUSER_ID, {})["res.users"]._crypt_context()
    decoy = _decoy(context)  # made before the check: its cost, once in a process, falls on every login alike
    try:
        user_id = registry["res.users"]._login(call.database, login, password, {"interactive": False})
    except exceptions.AccessDenied as error:
        login_attempt.fail(registry, number)
        with registry.cursor() as cr:
            if _took_no_time(api.Environment(cr, SUPERUSER_ID, {})["res.users"], login):
                context.verify(password, decoy)
        raise unauthorized("Login or password is wrong.", slug="bad-credentials") from error
    login_attempt.succeed(registry, number, login)
    return user_id


def _tokens(call, family):
    """Return a new access and refresh token of a family, with their user.

    Raises:
        Problem: 403 for a user without a role.
    """
    if principal.role_of(family.user_id) == principal.ANON:
        raise Problem(403, "This user has no role in the point of sale.", "forbidden")
    access, _ = tokens.issue(
        principal.keyring(), settings.current(), principal.database_id(call.env), family.user_id.id, family.id
    )
    refresh, refresh_end = family._new_refresh_token()
    user = family.user_id.with_user(family.user_id)
    return {
        "token_type": "Bearer",
        "access_token": access,
        "expires_in": settings.current().access_token_lifetime,
        "refresh_token": refresh,
        "refresh_expires_at": moment(refresh_end),
        "session_expires_at": moment(family.expires_at),
        "user": describe(user),
    }


@operation("createToken")
def create_token(call):
    principal.keyring()
    user_id = _check_password(call)
    call.actor = user_id
    family = call.env["pos.api.token.family"].sudo()._open(user_id, call.source)
    return Reply(200, _tokens(call, family))


@operation("refreshToken")
def refresh_token(call):
    refused = unauthorized("The refresh token is not valid.", "invalid_token", "invalid-token")
    token = call.env["pos.api.refresh.token"].sudo()._claim(call.body["refresh_token"])
    family, now = token.family_id, fields.Datetime.now()
    if not token or family.revoked_at or not family.user_id.active:
        raise refused
    if token.used_at:
        family._revoke("reuse")
        return refused  # not raised: the revocation has to be committed
    if min(token.expires_at, family.expires_at) <= now:
        raise refused
    token.used_at, call.actor = now, family.user_id.id
    return Reply(200, _tokens(call, family))


@operation("deleteCurrentToken")
def delete_current_token(call):
    call.env["pos.api.token.family"].sudo().browse(call.principal.token.family_id)._revoke("logout")
    return Reply(204)


@operation("getMe", lean=me.compiled)
def get_me(call):
    token = call.principal.token
    body = {
        **describe(call.env.user),
        "access_expires_at": moment(datetime.utcfromtimestamp(token.expires_at)),
        "session_expires_at": moment(call.principal.family_expires_at),
    }
    return Reply(200, body)
