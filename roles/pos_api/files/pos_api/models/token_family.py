"""Token families: one per login, ended by logout, reuse of a refresh token, password change or
deactivation."""

import hashlib
import secrets
from datetime import timedelta

from odoo import api, fields, models

from .. import settings

PREFIX = "rt_"


def digest(token):
    """Return what is stored of a refresh token. It holds 256 random bits, so a plain hash cannot be guessed
    back."""
    return hashlib.sha256(token.encode()).hexdigest()


class TokenFamily(models.Model):
    _name = "pos.api.token.family"
    _description = "POS API login"
    _log_access = False
    _order = "id desc"

    user_id = fields.Many2one("res.users", required=True, index=True, ondelete="cascade")
    source = fields.Char(help="Address from which the user logged in")
    created_at = fields.Datetime(required=True)
    expires_at = fields.Datetime(required=True, index=True, help="Absolute end, whatever the use")
    revoked_at = fields.Datetime()
    reason = fields.Char(help="Why it was revoked")
    token_ids = fields.One2many("pos.api.refresh.token", "family_id")

    @api.model
    def _open(self, user_id, source):
        """Return a new family of a user who has just shown a password."""
        now = fields.Datetime.now()
        lifetime = timedelta(seconds=settings.current().refresh_token_lifetime)
        return self.create(
            {"user_id": user_id, "source": source, "created_at": now, "expires_at": now + lifetime}
        )

    def _revoke(self, reason):
        """End the families that are not ended yet."""
        self.filtered(lambda family: not family.revoked_at).write(
            {"revoked_at": fields.Datetime.now(), "reason": reason}
        )

    @api.model
    def _revoke_users(self, user_ids, reason):
        """End all families of some users."""
        self.search([("user_id", "in", user_ids), ("revoked_at", "=", False)])._revoke(reason)

    def _new_refresh_token(self):
        """Return (token, its end) for this family; only the hash stays here."""
        self.ensure_one()
        token = PREFIX + secrets.token_urlsafe(32)
        idle = fields.Datetime.now() + timedelta(seconds=settings.current().refresh_token_idle)
        expires_at = min(idle, self.expires_at)
        self.env["pos.api.refresh.token"].create(
            {"family_id": self.id, "digest": digest(token), "expires_at": expires_at}
        )
        return token, expires_at

    @api.model
    def _expired(self):
        return [("expires_at", "<", fields.Datetime.now() - timedelta(days=1))]


class RefreshToken(models.Model):
    _name = "pos.api.refresh.token"
    _description = "POS API refresh token (hash)"
    _log_access = False

    family_id = fields.Many2one("pos.api.token.family", required=True, index=True, ondelete="cascade")
    digest = fields.Char(required=True)
    expires_at = fields.Datetime(required=True)
    used_at = fields.Datetime(help="A used token that comes again ends its family")

    _sql_constraints = [("digest_unique", "unique(digest)", "This refresh token exists already.")]

    @api.model
    def _claim(self, token):
        """Return the locked record of a refresh token, empty for an unknown one.

        Of two calls with the same token the second waits here for the first, and then sees it as used.
        """
        self.env.cr.execute(
            """
            SELECT t.id
              FROM pos_api_refresh_token t JOIN pos_api_token_family f ON f.id = t.family_id
             WHERE t.digest = %s
               FOR UPDATE
            """,
            (digest(token),),
            log_exceptions=False,  # the second of two calls meets a serialization failure, which is foreseen
        )
        row = self.env.cr.fetchone()
        return self.browse(row[0] if row else [])
