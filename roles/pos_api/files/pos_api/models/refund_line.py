"""What a line takes back: Odoo 15.0's own columns, for 14.0, which links no refund to its sale."""

from odoo import fields, models
from odoo.release import version_info

if version_info[0] < 15:

    class PosOrderLine(models.Model):
        _inherit = "pos.order.line"

        refunded_orderline_id = fields.Many2one("pos.order.line", "Refunded Order Line", index=True)
        refund_orderline_ids = fields.One2many(
            "pos.order.line", "refunded_orderline_id", "Refund Order Lines"
        )
