"""The audit of writes: rows are only ever added, each by its own call, so no call waits for another's."""

from datetime import timedelta

from odoo import api, fields, models

from .. import settings


class Audit(models.Model):
    _name = "pos.api.audit"
    _description = "POS API audit of writes"
    _log_access = False
    _order = "id desc"

    at = fields.Datetime(required=True, index=True)
    # no foreign key: a row outlives its user, and a foreign key would lock the user's row in every write
    user_id = fields.Integer("User", index=True)
    family = fields.Integer(help="Login (token family) that the call belonged to")
    source = fields.Char(help="Address of the client")
    operation = fields.Char(required=True, index=True)
    path = fields.Char(required=True)
    status = fields.Integer(required=True)
    location = fields.Char(help="Path of what was made")
    idempotency_key = fields.Char()
    members = fields.Char(help="Names of the members of the body; never their values")

    @api.model
    def _add(self, **values):
        """Insert a row."""
        names = list(values)
        self.env.cr.execute(
            f"INSERT INTO pos_api_audit (at, {', '.join(names)})"
            f" VALUES (clock_timestamp() AT TIME ZONE 'UTC', {', '.join(['%s'] * len(names))})",
            list(values.values()),
        )

    @api.model
    def _expired(self):
        horizon = fields.Datetime.now() - timedelta(seconds=settings.current().audit_retention)
        return [("at", "<", horizon)]
