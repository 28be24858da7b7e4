"""The POS API addon: see docs/api.md for its use and openapi.json for the list of its operations."""

from . import frame, models, operations
from .frame.takeover import take_over
from .models import change_log, indexes


def take_away(cr, registry):
    """Take away what Odoo does not know to be this module's (the manifest's ``uninstall_hook``)."""
    change_log.stop_tracing(cr, registry)
    indexes.drop(cr)
