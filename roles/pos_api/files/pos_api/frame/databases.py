"""Which database the API serves."""

from odoo.tools import config

from .problems import Problem


def only_database():
    """Return the name of the database that the API serves.

    Raises:
        Problem: 503 where odoo.conf does not name exactly one.
    """
    names = [name.strip() for name in (config["db_name"] or "").split(",") if name.strip()]
    if len(names) != 1:
        raise Problem(503, "This server is not set up for exactly one database (db_name).", "unavailable")
    return names[0]
