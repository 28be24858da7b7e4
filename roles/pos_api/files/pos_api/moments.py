"""Moments that clients send: RFC 3339 with an offset. Odoo keeps them in UTC, in whole seconds."""

import re
from datetime import datetime, timezone

from .frame.problems import invalid

SENT_MOMENT = {"type": "string", "format": "date-time", "maxLength": 40}
_TEXT = re.compile(r"([0-9-]{10})[Tt]([0-9:]{8})(?:\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")  # section 5.6


def read_moment(text, where):
    """Return a moment as Odoo keeps it.

    Args:
        text: date and time with an offset.
        where: place of the text, as :func:`~.frame.problems.invalid` takes it.

    Raises:
        Problem: 422 where it is none.
    """
    found = _TEXT.fullmatch(text)
    try:
        day, clock, offset = found.groups()
        offset = "+00:00" if offset in "Zz" else offset
        return datetime.fromisoformat(f"{day}T{clock}{offset}").astimezone(timezone.utc).replace(tzinfo=None)
    except (AttributeError, ValueError, OverflowError):
        sentence = "must be a date and time with its offset from UTC, such as 2030-01-31T09:30:00Z"
        raise invalid((where, sentence)) from None
