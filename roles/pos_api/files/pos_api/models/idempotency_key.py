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
    def _lock(self, scope):
        """Return whether this transaction got the key's lock; the lock goes with the transaction."""
        self.env.cr.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", ("pos_api:" + scope,)
        )
        return self.env.cr.fetchone()[0]

    @api.model
    def _find(self, user_id, operation, key):
        """Return {digest, status, headers, body} of a key, or None."""
        self.env.cr.execute(
            "SELECT digest, status, headers, body FROM pos_api_idempotency_key"
            " WHERE user_id = %s AND operation = %s AND key = %s",
            (user_id, operation, key),
        )
        row = self.env.cr.fetchone()
        if not row:
            return None
        return {"digest": row[0], "status": row[1], "headers": json.loads(row[2]), "body": json.loads(row[3])}

    @api.model
    def _reserve(self, user_id, operation, key, digest):
        """Insert a key and return its id.

        Where another transaction committed the same key after this one's snapshot, PostgreSQL raises a
        serialization failure here; the call is then run again and finds the key.
        """
        self.env.cr.execute(
            "INSERT INTO pos_api_idempotency_key (user_id, operation, key, digest, created_at)"
            " VALUES (%s, %s, %s, %s, now() AT TIME ZONE 'UTC') ON CONFLICT DO NOTHING RETURNING id",
            (user_id, operation, key, digest),
            log_exceptions=False,  # that failure is foreseen
        )
        return self.env.cr.fetchone()[0]

    @api.model
    def _keep(self, number, status, headers, body):
        """Keep the answer of a reserved key."""
        self.env.cr.execute(
            "UPDATE pos_api_idempotency_key SET status = %s, headers = %s, body = %s WHERE id = %s",
            (status, json.dumps(headers), json.dumps(body), number),
        )

    @api.model
    def _expired(self):
        horizon = fields.Datetime.now() - timedelta(seconds=settings.current().idempotency_retention)
        return [("created_at", "<", horizon)]
