"""One way to declare what a resource shows and takes, one function that reads it, one that writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

DECIMALS = 6  # more than any price or quantity precision; takes binary noise such as 5.1000000000000005 away


def plain(value):
    """Text, booleans, whole numbers."""
    return value


def text(value):
    """Text; Odoo's false for an empty one becomes null."""
    return value or None


def number(value):
    """A quantity, price or amount."""
    return round(value, DECIMALS)


def moment(value):
    """A date and time in UTC (RFC 3339)."""
    return value.isoformat(timespec="seconds") + "Z" if value else None


def reference(value):
    """A many2one as its id and name."""
    return {"id": value[0], "name": value[1]} if value else None


@dataclass(frozen=True)
class Field:
    """A member of a resource.

    Attributes:
        name: its name in the API.
        column: its name in Odoo.
        show: how Odoo's value becomes JSON.
        nested: the resource of an x2many column, shown as a list.
        writable: whether clients may set it.
    """

    name: str
    column: str
    show: Callable = plain
    nested: Resource | None = None
    writable: bool = False


@dataclass(frozen=True)
class Resource:
    """A resource: its model, its members, and those that are worked out from the record (name: function)."""

    model: str
    fields: tuple
    computed: tuple = ()

    def columns(self):
        """Return the columns of the shown members."""
        return [field.column for field in self.fields]


def read(records, resource):
    """Return the representations of a recordset, in its order, with the rights of its environment.

    Only the declared columns are read (Odoo's own prefetching would take every column of the table).
    """
    shown = []
    for values in records.read(resource.columns()):
        item = {}
        for field in resource.fields:
            value = values[field.column]
            if field.nested:
                item[field.name] = read(records.env[field.nested.model].browse(value), field.nested)
            else:
                item[field.name] = field.show(value)
        record = records.browse(values["id"])
        for name, compute in resource.computed:
            item[name] = compute(record)
        shown.append(item)
    return shown


def columns(resource, data):
    """Return the values in Odoo's names of what a client sent; members that clients may not set are left
    out."""
    values = {}
    for field in resource.fields:
        if not field.writable or field.name not in data:
            continue
        value = data[field.name]
        values[field.column] = (
            [(0, 0, columns(field.nested, item)) for item in value] if field.nested else value
        )
    return values


def write(records, resource, data, **internal):
    """Create a record (empty recordset) or change one, and return it.

    Args:
        records: recordset of the resource's model.
        resource: :class:`Resource`.
        data: checked body.
        internal: further values in Odoo's names, set by the server.
    """
    values = {**columns(resource, data), **internal}
    if not records:
        return records.create(values)
    records.write(values)
    return records
