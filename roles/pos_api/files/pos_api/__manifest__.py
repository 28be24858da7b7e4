{
    "name": "POS API",
    "summary": "A JWT-protected REST API for the point of sale, on Odoo's own records",
    "version": "1.0.0",
    "category": "Sales/Point of Sale",
    "author": "Tillstack contributors",
    "license": "LGPL-3",
    "depends": ["auth_signup", "point_of_sale", "pos_hr", "hr_attendance", "stock", "account"],
    "external_dependencies": {"python": ["jwt", "cryptography", "jsonschema"]},
    "data": ["security/ir.model.access.csv", "data/ir_cron.xml", "views/audit.xml"],
    "post_load": "take_over",
    "installable": True,
    "application": False,
}
