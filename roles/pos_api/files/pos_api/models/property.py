"""Search for customers by their barcode, which 14.0 leaves to administrators."""

from odoo import api, models
from odoo.release import version_info

if version_info[0] < 15:

    class Property(models.Model):
        _inherit = "ir.property"

        @api.model
        def search_multi(self, name, model, operator, value):
            # sudo, as Odoo itself does since 15.0: what comes out is a domain, and the rules for customers
            # stand; without it not even Odoo's own check that a barcode is new can run
            barcode = (name, model) == ("barcode", "res.partner")
            properties = self.sudo() if barcode else self
            return super(Property, properties).search_multi(name, model, operator, value)
