"""Indexes that Odoo leaves out on what it, and the API, look up for every order, and statistics.

Without them each of these columns is searched from the first row to the last, so that a sale gets slower with
every sale before it. They are made while the module is installed, which locks a table against writing for a
fraction of a second for each 100,000 rows.
"""

from odoo import models

INDEXES = {
    # the till's import looks for an order that it knows already
    "pos_api_order_receipt": "pos_order (pos_reference)",
    # the drafts of a till, of which there are few among many orders
    "pos_api_order_state": "pos_order (state, id)",
    # the payments of an order
    "pos_api_payment_order": "pos_payment (pos_order_id)",
    # what was taken back of a line; few lines take anything back
    "pos_api_line_refund": "pos_order_line (refunded_orderline_id) WHERE refunded_orderline_id IS NOT NULL",
    # the lots of a line
    "pos_api_lot_line": "pos_pack_operation_lot (pos_order_line_id)",
}
# Of so few rows that autovacuum, which waits for 50 changes, would never look at them (PostgreSQL manual,
# autovacuum_analyze_threshold). Without statistics the planner takes a record rule to leave hardly any of
# their rows, and reads all sessions for one page of them.
SMALL = ("pos_config",)


def make(cr):
    """Create the indexes that are not there, and have small tables analysed with each change."""
    for name, place in INDEXES.items():
        cr.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {place}")
    for table in SMALL:
        cr.execute(f"ALTER TABLE {table} SET (autovacuum_analyze_threshold = 0)")
        cr.execute(f"ANALYZE {table}")


def drop(cr):
    """Take the indexes and the settings away."""
    for name in INDEXES:
        cr.execute(f"DROP INDEX IF EXISTS {name}")
    for table in SMALL:
        cr.execute(f"ALTER TABLE {table} RESET (autovacuum_analyze_threshold)")


class Indexes(models.AbstractModel):
    _name = "pos.api.indexes"
    _description = "POS API indexes on Odoo's tables"

    def init(self):
        self.pool.post_init(make, self.env.cr)  # after the columns that this module adds in 14.0
