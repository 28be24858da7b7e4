"""Password resets and changes."""

from odoo import exceptions

from ..frame.call import Reply, operation
from ..frame.problems import Problem, invalid, unauthorized
from ..models import login_attempt
from .auth import begin_attempt

RESETS = ":reset"  # counted apart from logins, so that neither uses up the other's limit


@operation("createPasswordReset")
def create_password_reset(call):
    allowed = call.env["ir.config_parameter"].sudo().get_param("auth_signup.reset_password") == "True"
    if not allowed:
        raise Problem(403, "Password resets by mail are switched off in Odoo.", "forbidden")
    login = call.body["login"].strip()
    login_attempt.fail(call.request.registry, begin_attempt(call, login, RESETS))
    call.env["pos.api.password.reset"].sudo()._ask(login)
    return Reply(202)


def _user_of_token(call):
    """Return the user whom a reset token was mailed to.

    Raises:
        Problem: 422 for a token that is unknown, used or expired; 429 over the limits for failed logins.
    """
    token = call.body["reset_token"]
    number = begin_attempt(call, token)
    # sudo: nobody is logged in; the token is what gives the right
    partner = call.env["res.partner"].sudo()._signup_retrieve_partner(token, check_validity=True)
    if not partner or partner.signup_type != "reset" or not partner.user_ids:
        login_attempt.fail(call.request.registry, number)
        raise invalid(("/reset_token", "is unknown, used or expired"))
    login_attempt.succeed(call.request.registry, number, token)
    partner.signup_cancel()
    return partner.user_ids[0]


def _user_of_password(call):
    """Return the token's user, who has given the current password too.

    An API key does not count as one, or a till's key could be turned into the user's password.

    Raises:
        Problem: 401 without an access token, 403 for a wrong password, 429 over the limits for failed logins.
    """
    if not call.principal:
        raise unauthorized("Send an access token, or a reset token in the body.")
    user = call.env.user
    number = begin_attempt(call, user.login)
    try:
        user.with_user(user)._check_credentials(call.body["current_password"], {"interactive": True})
    except exceptions.AccessDenied as error:
        login_attempt.fail(call.request.registry, number)
        raise Problem(403, "The current password is wrong.", "wrong-password") from error
    login_attempt.succeed(call.request.registry, number, user.login)
    return user


@operation("changePassword")
def change_password(call):
    body = call.body
    if "reset_token" in body and "current_password" in body:
        raise invalid(("/current_password", "must not be given beside reset_token"))
    if "reset_token" not in body and "current_password" not in body:
        raise invalid(("/current_password", "is required, or else reset_token"))
    user = _user_of_token(call) if "reset_token" in body else _user_of_password(call)
    call.actor = user.id
    try:
        user.sudo().write({"password": body["new_password"]})  # sudo: as Odoo's own change of a password
    except exceptions.UserError as error:
        raise invalid(("/new_password", str(error.args[0]))) from error
    return Reply(204)
