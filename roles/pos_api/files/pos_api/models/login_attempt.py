"""Failed logins and what is limited like them, counted in the database so that all workers and hosts see the
same number."""

import hashlib
import math
from datetime import timedelta

from odoo import api, fields, models

from .. import settings


def account_key(login):
    """Return what is stored of the login typed: a hash, since people type passwords into the wrong field."""
    return hashlib.sha256(login.strip().lower().encode()).hexdigest()


def begin(registry, login, source, purpose=""):
    """Record an attempt and return (its id, seconds to wait or 0).

    It is committed before the counting, so that of any number of attempts at once no more than the limit
    pass.
    An attempt that has to wait is taken out again: it does not prolong the wait.

    Args:
        registry: Odoo registry; the work is done in a transaction of its own.
        login: as typed.
        source: address of the client.
        purpose: what is counted apart from logins, for accounts and sources alike.
    """
    limits = settings.current()
    account, source = account_key(login) + purpose, source + purpose
    with registry.cursor() as cr:
        cr.execute(
            "INSERT INTO pos_api_login_attempt (account, source, at)"
            " VALUES (%s, %s, clock_timestamp() AT TIME ZONE 'UTC') RETURNING id",
            (account, source),
        )
        (number,) = cr.fetchone()
        cr.commit()
        wait = max(
            _wait(cr, number, "account", account, limits.login_failures_per_account, limits.login_window),
            _wait(cr, number, "source", source, limits.login_failures_per_source, limits.login_window),
        )
        if wait:
            cr.execute("DELETE FROM pos_api_login_attempt WHERE id = %s", (number,))
    return number, wait


def _wait(cr, number, column, value, limit, window):
    """Return the seconds until an attempt may pass; 0 where fewer than ``limit`` others are in the window."""
    cr.execute(
        f"""
        SELECT extract(epoch FROM at + make_interval(secs => %s) - moment.utc), failed
          FROM pos_api_login_attempt, (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS utc) AS moment
         WHERE {column} = %s AND at > moment.utc - make_interval(secs => %s) AND id <> %s
         ORDER BY at DESC, id DESC LIMIT %s
        """,
        (window, value, window, number, limit),
    )
    others = cr.fetchall()
    if len(others) < limit:
        return 0
    if not all(failed for _, failed in others):
        return 1  # some are still being checked, and may turn out to be right
    return max(math.ceil(others[-1][0]), 1)


def fail(registry, number):
    """Keep an attempt as one that counts."""
    with registry.cursor() as cr:
        cr.execute("UPDATE pos_api_login_attempt SET failed = true WHERE id = %s", (number,))


def succeed(registry, number, login):
    """Forget an attempt that was none, and the account's failures before it."""
    with registry.cursor() as cr:
        cr.execute(
            "DELETE FROM pos_api_login_attempt WHERE id = %s OR (account = %s AND failed)",
            (number, account_key(login)),
        )


class LoginAttempt(models.Model):
    """One row for each attempt, written by that attempt only, so that none waits for another."""

    _name = "pos.api.login.attempt"
    _description = "POS API failed login"
    _log_access = False

    account = fields.Char(required=True, index=True)
    source = fields.Char(required=True, index=True)
    at = fields.Datetime(required=True, index=True)
    failed = fields.Boolean(help="Not set while the password is being checked")

    @api.model
    def _expired(self):
        horizon = fields.Datetime.now() - timedelta(seconds=settings.current().login_window)
        return [("at", "<", horizon)]
