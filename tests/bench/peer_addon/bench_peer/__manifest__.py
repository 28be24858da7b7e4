{
    "name": "Bench: a plain route with a token",
    "summary": "What a JWT API costs on Odoo's own dispatch; for tests/bench only.",
    "version": "15.0.1.0.0",
    "license": "LGPL-3",
    "depends": ["web"],
    "installable": True,
}
