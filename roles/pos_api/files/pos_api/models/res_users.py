"""Users: what ends their logins to the API, and which throttle counts for it."""

from odoo import models

from ..frame.request import is_api


class Users(models.Model):
    _inherit = "res.users"

    def write(self, values):
        result = super().write(values)
        if "password" in values or values.get("active") is False:
            reason = "password" if "password" in values else "deactivated"
            self.env["pos.api.token.family"].sudo()._revoke_users(self.ids, reason)
        if "company_ids" in values:
            # Odoo keeps the rules' domains by the companies that a request names; the API's name none, so
            # that the user's own are in them.
            self.clear_caches()
        return result

    def _on_login_cooldown(self, failures, previous):
        # Odoo's own cooldown counts in each worker's memory and answers like a wrong password; for the API
        # the shared count in pos.api.login.attempt takes its place
        return False if is_api() else super()._on_login_cooldown(failures, previous)
