{
    "name": "Bench: a service of OCA's base_rest",
    "summary": "The same read by base_rest; for tests/bench only.",
    "version": "15.0.1.0.0",
    "license": "LGPL-3",
    "depends": ["base_rest"],
    "installable": True,
}
