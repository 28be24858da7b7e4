"""Failed logins, counted in the database so that all workers and hosts see the same number."""

import hashlib
import math
from datetime import timedelta

from odoo import api, fields, models

from .. import settings


def account_key(login):
    """Return what is stored of the login typed: a hash, since people type passwords into the wrong field."""
    return hashlib.sha256(login.strip().lower().encode()).hexdigest()


def begin(registry, login, source):
    """Record an attempt and return (its id, seconds to wait or 0).

    It is committed before the counting, so that of any number of attempts at once no more than the limit
    pass.
    An attempt that has to wait is taken out again: it does not prolong the wait.

    Args:
        registry: Odoo registry; the work is done in a transaction of its own.
        login: as typed.
        source: address of the client.
    """
    limits = settings.current()
    account = account_key(login)
    with registry.cursor() as cr:
        cr.execute(
            "INSERT INTO pos_api_login_attempt (account, source, at)"
            " VALUES (%s, %s, clock_timestamp() AT TIME ZONE 'UTC') RETURNING id",
            (account, source),
        )
        (number,) = cr.fetchone()
        cr.commit()
        wait = max(
            _wait(cr, "account", account, limits.login_failures_per_account, limits.login_window),
            _wait(cr, "source", source, limits.login_failures_per_source, limits.login_window),
        )
        if wait:
            cr.execute("DELETE FROM pos_api_login_attempt WHERE id = %s", (number,))
    return number, wait


def _wait(cr, column, value, limit, window):
    # the limit-th row before this one: when it leaves the window, one more attempt is free
    cr.execute(
        f"""
        SELECT extract(epoch FROM at + make_interval(secs => %s) - (clock_timestamp() AT TIME ZONE 'UTC'))
          FROM pos_api_login_attempt
         WHERE {column} = %s AND at > (clock_timestamp() AT TIME ZONE 'UTC') - make_interval(secs => %s)
         ORDER BY at DESC, id DESC OFFSET %s LIMIT 1
        """,
        (window, value, window, limit),
    )
    row = cr.fetchone()
    return max(math.ceil(row[0]), 1) if row else 0


def succeed(registry, number, login):
    """Forget an attempt that was none, and the account's failures before it."""
    with registry.cursor() as cr:
        cr.execute(
            "DELETE FROM pos_api_login_attempt WHERE id = %s OR account = %s", (number, account_key(login))
        )


class LoginAttempt(models.Model):
    """Rows are only inserted and deleted, so that attempts on one account never wait for each other."""

    _name = "pos.api.login.attempt"
    _description = "POS API failed login"
    _log_access = False

    account = fields.Char(required=True, index=True)
    source = fields.Char(required=True, index=True)
    at = fields.Datetime(required=True, index=True)

    @api.autovacuum
    def _gc_attempts(self):
        horizon = fields.Datetime.now() - timedelta(seconds=settings.current().login_window)
        self.search([("at", "<", horizon)], limit=100000).unlink()
