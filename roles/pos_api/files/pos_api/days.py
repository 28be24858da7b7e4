"""Spans of whole days that clients ask for."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import pytz

from .frame.problems import invalid

MOST = 31  # days of one report


@dataclass(frozen=True)
class Span:
    """Days, both counted in, and the moments at their edges as Odoo keeps them: UTC without a zone; the end
    is the beginning of the day after the last one."""

    first: date
    last: date
    start: datetime
    end: datetime


def span(call):
    """Return the :class:`Span` of ``date_from`` and ``date_to`` in the time zone of the caller's user (UTC
    where there is none); one day without ``date_to``.

    Raises:
        Problem: 422 for days in the wrong order or too many.
    """
    first = date.fromisoformat(call.query["date_from"])
    last = date.fromisoformat(call.query["date_to"]) if "date_to" in call.query else first
    if last < first:
        raise invalid(("query:date_to", "is before date_from"))
    if (last - first).days >= MOST:
        raise invalid(("query:date_to", f"is more than {MOST} days from date_from"))
    zone = pytz.timezone(call.env.user.tz or "UTC")
    try:
        edges = [zone.localize(datetime.combine(day, time())) for day in (first, last + timedelta(days=1))]
        start, end = (edge.astimezone(pytz.utc).replace(tzinfo=None) for edge in edges)
    except OverflowError as error:
        raise invalid(("query:date_from", "is at an end of the calendar")) from error
    return Span(first, last, start, end)
