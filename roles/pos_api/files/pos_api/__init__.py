"""The POS API addon: see docs/api.md for its use and openapi.json for the list of its operations."""

from . import frame, models, operations
from .frame.takeover import take_over
from .models.change_log import stop_tracing
