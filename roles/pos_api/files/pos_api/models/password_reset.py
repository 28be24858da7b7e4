"""Password resets that were asked for and not looked at yet.

The call only adds a row here, whoever was named, so its answer and its time cannot tell whether there is such
a user. The rest is done by a job.
"""

import logging
from datetime import datetime, timedelta

from odoo import api, fields, models
from odoo.tools import email_normalize

from .. import settings

VALID_HOURS = 24  # as in Odoo's own reset, whose mail says so
TEMPLATE = "auth_signup.reset_password_email"

_logger = logging.getLogger(__name__)


class PasswordReset(models.Model):
    _name = "pos.api.password.reset"
    _description = "POS API password reset asked for"
    _log_access = False

    login = fields.Char(required=True, help="As typed; deleted as soon as it has been looked at")
    at = fields.Datetime(required=True)

    @api.model
    def _ask(self, login):
        """Leave a login or an e-mail address to the job."""
        self.env.cr.execute(
            "INSERT INTO pos_api_password_reset (login, at)"
            " VALUES (%s, clock_timestamp() AT TIME ZONE 'UTC')",
            (login,),
        )

    @api.model
    def _run(self):
        """Queue the mails that were asked for, then send them (ir.cron); each in a transaction of its own."""
        mails = []
        for asked in self.search([], order="id"):
            login = asked.login
            asked.unlink()
            try:
                with self.env.cr.savepoint():
                    mails += self._queue(login)
            except Exception:  # one user's trouble must not keep the others waiting
                _logger.exception("POS API: a password reset mail could not be queued")
            self.env.cr.commit()
        for mail in self.env["mail.mail"].browse(mails).exists():
            mail.send()
            self.env.cr.commit()

    @api.model
    def _user(self, login):
        """Return the one active user of a login or else of an e-mail address, as Odoo looks for it; empty
        where there is none, or more than one."""
        users = self.env["res.users"]
        found = users.search(users._get_login_domain(login)) or users.search([("email", "=", login)])
        return found if len(found) == 1 else users

    @api.model
    def _queue(self, login):
        """Make a token as Odoo's own reset does and queue its mail.

        Returns:
            list: id of the mail.mail; empty where nobody can be written to, or where the last mail went out
            so shortly ago that a flood of requests is more likely than a lost mail.
        """
        user = self._user(login)
        if not user or not email_normalize(user.email):
            return []
        partner = user.partner_id
        # Odoo's signup code measures in local time, naively
        end = datetime.now() + timedelta(hours=VALID_HOURS)
        pause = timedelta(seconds=settings.current().login_window)
        if partner.signup_type == "reset" and (partner.signup_expiration or datetime.min) > end - pause:
            return []
        partner.signup_prepare(signup_type="reset", expiration=end)
        values = {
            "email_to": user.email_formatted,
            "email_cc": False,
            "recipient_ids": [],
            "partner_ids": [],
            "scheduled_date": False,
            "auto_delete": True,
        }
        return [self.env.ref(TEMPLATE).send_mail(user.id, force_send=False, email_values=values)]
