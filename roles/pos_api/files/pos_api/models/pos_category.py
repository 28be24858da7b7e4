"""Categories: how many products each has, counted for all of a list at once."""

from odoo import fields, models

from ..resources.product import SOLD


class Category(models.Model):
    _inherit = "pos.category"

    pos_api_own_count = fields.Integer(compute="_compute_pos_api_counts")
    pos_api_count = fields.Integer(compute="_compute_pos_api_counts")

    def _compute_pos_api_counts(self):
        own = {
            group["pos_categ_id"][0]: group["pos_categ_id_count"]
            for group in self.env["product.product"].read_group(SOLD, ["pos_categ_id"], ["pos_categ_id"])
            if group["pos_categ_id"]
        }
        below = {}
        for category in self.search_read([], ["parent_id"]):
            below.setdefault(category["parent_id"] and category["parent_id"][0], []).append(category["id"])

        def total(number):
            return own.get(number, 0) + sum(map(total, below.get(number, ())))

        for category in self:
            category.pos_api_own_count = own.get(category.id, 0)
            category.pos_api_count = total(category.id)
