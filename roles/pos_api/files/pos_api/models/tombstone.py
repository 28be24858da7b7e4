"""What was deleted of the records that tills keep copies of. Odoo leaves no trace of a deletion, and a till
must not go on selling what is gone."""

from datetime import timedelta

from odoo import api, fields, models

CURSOR_LIFE = timedelta(days=30)  # an older cursor of GET /sync/changes is refused
KEPT = CURSOR_LIFE + timedelta(days=1)


class Tombstone(models.Model):
    _name = "pos.api.tombstone"
    _description = "POS API record deleted"
    _log_access = False

    section = fields.Char(required=True, help="Section of GET /sync/changes")
    record_id = fields.Integer(required=True)
    at = fields.Datetime(required=True, index=True)

    @api.model
    def _bury(self, section, ids):
        """Note that records of a section are deleted; whoever may delete them need not have a right here."""
        self.env.cr.execute(
            "INSERT INTO pos_api_tombstone (section, record_id, at)"
            " SELECT %s, unnest(%s::int[]), now() AT TIME ZONE 'UTC'",
            (section, list(ids)),
        )

    @api.model
    def _expired(self):
        return [("at", "<", fields.Datetime.now() - KEPT)]


class Buried(models.AbstractModel):
    """Mixed into a model whose deletions are noted."""

    _name = "pos.api.buried"
    _description = "POS API deletions noted"
    _section = None

    def unlink(self):
        ids = self.ids
        result = super().unlink()
        self.env["pos.api.tombstone"]._bury(self._section, ids)
        return result


class Category(models.Model):
    _name = "pos.category"
    _inherit = ["pos.category", "pos.api.buried"]
    _section = "categories"


class Tax(models.Model):
    _name = "account.tax"
    _inherit = ["account.tax", "pos.api.buried"]
    _section = "taxes"


class PaymentMethod(models.Model):
    _name = "pos.payment.method"
    _inherit = ["pos.payment.method", "pos.api.buried"]
    _section = "payment_methods"


class Product(models.Model):
    _name = "product.product"
    _inherit = ["product.product", "pos.api.buried"]
    _section = "products"


class Customer(models.Model):
    _name = "res.partner"
    _inherit = ["res.partner", "pos.api.buried"]
    _section = "customers"


class ProductTemplate(models.Model):
    _inherit = "product.template"

    def unlink(self):
        # its variants go with it in the database, past their own unlink
        variants = self.with_context(active_test=False).product_variant_ids.ids
        result = super().unlink()
        self.env["pos.api.tombstone"]._bury("products", variants)
        return result
