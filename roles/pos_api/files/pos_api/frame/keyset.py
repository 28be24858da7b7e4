"""Keyset paging: a page begins after the sort values of the row that the page before ended with.

The database finds these values in an index, so a page costs the same at every depth, where an offset makes it
go through all rows before. And rows that are added or removed meanwhile shift nothing: no row comes twice and
none is left out.

The values are those of the columns, as the database gives them, and the database compares them: Python would
order texts otherwise than the database's collation does. NULL stands where PostgreSQL puts it: behind
everything, and in descending order before everything.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime

from odoo.osv.expression import AND, OR

from .problems import Problem, invalid
from .validation import read_json

NAME = "after"  # of the query parameter
MAX_INTEGER = 2**31 - 1
MOMENT = "%Y-%m-%dT%H:%M:%S"
REFUSED = "is no cursor of this list: take it from the Link header, or begin without it"


@dataclass(frozen=True)
class Key:
    """A column that a list is sorted by.

    Attributes:
        column: name of Odoo's field.
        descending: whether the greatest comes first.
        kind: type of the field: integer, char or datetime.
        nullable: whether the column may hold NULL.
    """

    column: str
    descending: bool
    kind: str
    nullable: bool


def keys(model, order):
    """Return the :class:`Key` objects of Odoo's order, the last of which is the id.

    Raises:
        ValueError: the order leaves rows unordered, or sorts by what no cursor can hold.
    """
    found = []
    for part in order.split(","):
        column, _, direction = part.strip().partition(" ")
        field = model._fields[column]
        nullable = column != "id" and not field.required
        found.append(Key(column, direction.strip().lower() == "desc", field.type, nullable))
    if found[-1].column != "id" or any(key.kind not in READERS for key in found):
        raise ValueError(f"{model._name}: {order!r} has no id at its end, or a column of another type.")
    return tuple(found)


def _integer(value):
    if type(value) is not int or abs(value) > MAX_INTEGER:
        raise ValueError(value)
    return value


def _char(value):
    if not isinstance(value, str):
        raise ValueError(value)
    return value


def _datetime(value):
    return datetime.strptime(value, MOMENT + ".%f" if "." in value else MOMENT)


READERS = {"integer": _integer, "char": _char, "datetime": _datetime}


def cursor(sort, values):
    """Return the text that stands for a row.

    Args:
        sort: value of the query parameter ``sort``.
        values: of the row's sort columns, as the database gives them.
    """
    shown = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    packed = json.dumps([sort, *shown], ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _unpack(text):
    """Return the list that a cursor holds, None where it is no cursor."""
    try:
        content = read_json(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, Problem):
        return None
    return content if isinstance(content, list) and content else None


def read_cursor(text, sort, known):
    """Return the sort values of a cursor.

    Args:
        text: as a client sends it.
        sort: value of the query parameter ``sort``.
        known: the :class:`Key` objects of that order.

    Raises:
        Problem: 422 for what is no cursor, or one of another order.
    """
    refused = invalid((f"query:{NAME}", REFUSED))
    content = _unpack(text)
    if content is None:
        raise refused
    if content[0] != sort:
        raise invalid((f"query:{NAME}", "is a cursor of another sort: begin without it"))
    values = content[1:]
    if len(values) != len(known):
        raise refused
    try:
        return tuple(
            None if value is None and key.nullable else READERS[key.kind](value)
            for key, value in zip(known, values)
        )
    except (TypeError, ValueError) as error:
        raise refused from error


def segments(known, values):
    """Return Odoo's domains of the rows after a position, in their order: where NULL begins or ends, the rest
    is a domain of its own, so that the database finds each of them in an index.

    Args:
        known: :class:`Key` objects.
        values: the position's, one for each key.
    """
    key, value = known[0], values[0]
    beyond = "<" if key.descending else ">"
    if key.column == "id":
        return [[("id", beyond, value)]]
    ties = OR(segments(known[1:], values[1:]))
    null, filled = [(key.column, "=", False)], [(key.column, "!=", False)]
    if value is None:
        return [AND([null, ties]), filled] if key.descending else [AND([null, ties])]
    # the first condition says no more than the second one, but it is what an index can be asked
    rows = AND([[(key.column, beyond + "=", value)], OR([[(key.column, beyond, value)], ties])])
    return [rows, null] if key.nullable and not key.descending else [rows]


def refuse(call, known):
    """Refuse ``after`` where it cannot be followed.

    Args:
        call: :class:`~.call.Call` of a list.
        known: whether the order that is asked for is one of columns.

    Raises:
        Problem: 422.
    """
    if NAME not in call.query:
        return
    if not known:
        raise invalid((f"query:{NAME}", "is not taken with this sort: use offset"))
    if call.query["offset"]:
        raise invalid((f"query:{NAME}", "is not taken together with an offset: leave one of them out"))


def search(call, resource, model, domain):
    """Return up to ``limit + 1`` records of the page that is asked for.

    Args:
        call: :class:`~.call.Call` of a list.
        resource: :class:`~..records.Resource`.
        model: its model, with the rights and the context to search with.
        domain: what the list is narrowed to.

    Raises:
        Problem: 422 for a cursor that cannot be used.
    """
    sort, limit, offset = call.query["sort"], call.query["limit"] + 1, call.query["offset"]
    order, parts = resource.sorts[sort], [[]]
    refuse(call, order)
    if NAME in call.query:
        known = keys(model, order)
        parts = segments(known, read_cursor(call.query[NAME], sort, known))
    found = model.browse()
    for part in parts:
        found += model.search(AND([domain, part]), limit=limit - len(found), offset=offset, order=order)
        if len(found) == limit:
            break
    return found


def following(call, resource, found):
    """Return the cursor that leads to the next page, None on the last one.

    Args:
        call, resource: as in :func:`search`.
        found: what that has returned.
    """
    limit, sort = call.query["limit"], call.query["sort"]
    if len(found) <= limit:
        return None
    last, known = found[limit - 1], keys(found, resource.sorts[sort])
    if len(known) == 1:
        return cursor(sort, [last.id])
    query = found._where_calc([("id", "=", last.id)], active_test=False)
    columns = [found._inherits_join_calc(found._table, key.column, query) for key in known]
    text, parameters = query.select(*columns)
    found.env.cr.execute(text, parameters)
    return cursor(sort, found.env.cr.fetchone())


def values(known, shown):
    """Return sort values as the database gives them, of what JSON holds of them.

    Args:
        known: :class:`Key` objects.
        shown: list of the values; moments with microseconds.
    """
    return [
        READERS[key.kind](value) if key.kind == "datetime" and value else value
        for key, value in zip(known, shown)
    ]
