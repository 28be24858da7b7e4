{
    "name": "Tillstack: Python 3.11",
    "summary": "Lets Odoo 14.0 and 15.0 evaluate their expressions on Python 3.11",
    "version": "1.0.0",
    "license": "LGPL-3",
    "author": "Tillstack developers",
    "category": "Hidden",
    "depends": ["base"],
    "installable": True,
    "auto_install": False,
}
