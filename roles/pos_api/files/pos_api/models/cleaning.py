"""The hourly clean-up: what the API keeps for a time only is deleted in batches, until none is left."""

import logging

from odoo import api, models

BATCH = 5000  # rows of one transaction
TABLES = (
    "pos.api.idempotency.key",
    "pos.api.login.attempt",
    "pos.api.token.family",
    "pos.api.audit",
    "pos.api.tombstone",
)

_logger = logging.getLogger(__name__)


class Cleaning(models.AbstractModel):
    _name = "pos.api.cleaning"
    _description = "POS API clean-up"

    @api.model
    def _run(self):
        """Delete what has expired from every table, each batch in a transaction of its own (ir.cron)."""
        for model in TABLES:
            deleted = self._empty(self.env[model])
            if deleted:
                _logger.info("POS API: %d expired rows of %s deleted", deleted, model)

    @api.model
    def _empty(self, records):
        deleted = 0
        while True:
            batch = records.search(records._expired(), limit=BATCH, order="id")
            batch.unlink()
            deleted += len(batch)
            if len(batch) < BATCH:
                return deleted
            self.env.cr.commit()
