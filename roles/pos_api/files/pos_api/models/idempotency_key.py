"""Answers kept by Idempotency-Key, written in the transaction that did the work."""

import json
from datetime import timedelta

from odoo import api, fields, models

from .. import settings


class IdempotencyKey(models.Model):
    _name = "pos.api.idempotency.key"
    _description = "POS API answer kept for repetitions"
    _log_access = False

    user_id = fields.Many2one("res.users", required=True, ondelete="cascade")
    operation = fields.Char(required=True)
    key = fields.Char(required=True)
    digest = fields.Char(required=True, help="Hash of the request")
    status = fields.Integer()
    headers = fields.Text()
    body = fields.Text()
    created_at = fields.Datetime(required=True, index=True)

    _sql_constraints = [
        ("key_unique", "unique(user_id, operation, key)", "This Idempotency-Key was used already."),
    ]

    @api.model
    def _lock(self, user_id, operation, key):
        """Return whether this transaction got the key's lock, which goes with the transaction, and {digest,
        status, headers, body} of the answer that is kept, or None."""
        self.env.cr.execute(
            """
            SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0)), digest, status, headers, body
              FROM (SELECT) AS always LEFT JOIN pos_api_idempotency_key
                ON user_id = %s AND operation = %s AND key = %s
            """,
            (f"pos_api:{operation}:{user_id}:{key}", user_id, operation, key),
        )
        locked, digest, status, headers, body = self.env.cr.fetchone()
        if digest is None:
            return locked, None
        kept = {"digest": digest, "status": status, "headers": json.loads(headers), "body": json.loads(body)}
        return locked, kept

    @api.model
    def _keep(self, user_id, operation, key, digest, status, headers, body):
        """Keep the answer of a key.

        Where another transaction committed the same key after this one's snapshot, PostgreSQL raises a
        serialization failure here; the call is then run again and finds the key.
        """
        self.env.cr.execute(
            "INSERT INTO pos_api_idempotency_key"
            " (user_id, operation, key, digest, status, headers, body, created_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, now() AT TIME ZONE 'UTC') ON CONFLICT DO NOTHING",
            (user_id, operation, key, digest, status, json.dumps(headers), json.dumps(body)),
            log_exceptions=False,  # that failure is foreseen
        )

    @api.model
    def _expired(self):
        horizon = fields.Datetime.now() - timedelta(seconds=settings.current().idempotency_retention)
        return [("created_at", "<", horizon)]
