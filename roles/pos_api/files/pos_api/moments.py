"""Moments that clients send: RFC 3339 with an offset. Odoo keeps them in UTC, in whole seconds."""

import re
from datetime import datetime, timezone

SENT_MOMENT = {"type": "string", "format": "date-time", "maxLength": 40}
_TEXT = re.compile(r"([0-9-]{10})[Tt]([0-9:]{8})(?:\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")  # section 5.6


def read_moment(text):
    """Return a date and time with an offset as Odoo keeps it.

    Raises:
        ValueError: it is none; the frame refuses such a text where the document has ``format: date-time``.
    """
    found = _TEXT.fullmatch(text)
    if not found:
        raise ValueError(text)
    day, clock, offset = found.groups()
    offset = "+00:00" if offset in "Zz" else offset
    moment = datetime.fromisoformat(f"{day}T{clock}{offset}")
    try:
        return moment.astimezone(timezone.utc).replace(tzinfo=None)
    except OverflowError as error:
        raise ValueError(text) from error
