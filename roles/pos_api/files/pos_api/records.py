"""One way to declare a resource, from which its reads, writes, lists and its schema in the OpenAPI document
come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from odoo.osv.expression import AND

from .frame.pagination import page
from .frame.problems import Problem

DECIMALS = 6  # more than any price or quantity precision; takes binary noise such as 5.1000000000000005 away
RESOURCES = {}  # name: Resource


def number(value):
    """A quantity, price or amount."""
    return round(value, DECIMALS)


def moment(value):
    """A date and time in UTC (RFC 3339)."""
    return value.isoformat(timespec="seconds") + "Z" if value else None


def reference(value):
    """A many2one, as Odoo's read gives it, as its id and name."""
    return {"id": value[0], "name": value[1]} if value else None


@dataclass(frozen=True)
class Kind:
    """A kind of member: how Odoo's value becomes JSON, and the JSON Schema of what comes out."""

    show: Callable
    schema: dict


def _same(value):
    return value


def nullable(schema):
    """Return a schema that allows null too."""
    return {"anyOf": [schema, {"type": "null"}]}


ID_SCHEMA = {"$ref": "#/components/schemas/Id"}
REFERENCE_SCHEMA = {"$ref": "#/components/schemas/Reference"}
MOMENT_SCHEMA = {"type": "string", "format": "date-time"}

ID = Kind(_same, ID_SCHEMA)
INTEGER = Kind(_same, {"type": "integer"})
NUMBER = Kind(number, {"type": "number"})
BOOLEAN = Kind(bool, {"type": "boolean"})
NAME = Kind(lambda value: value or "", {"type": "string"})
TEXT = Kind(lambda value: value or None, {"type": ["string", "null"]})
DATE = Kind(
    lambda value: value.isoformat() if value else None, {"type": ["string", "null"], "format": "date"}
)
MOMENT = Kind(moment, MOMENT_SCHEMA)
OPTIONAL_MOMENT = Kind(moment, nullable(MOMENT_SCHEMA))
REFERENCE = Kind(reference, REFERENCE_SCHEMA)
OPTIONAL_REFERENCE = Kind(reference, nullable(REFERENCE_SCHEMA))


def choice(*values):
    """Return the kind of a selection column with these values."""
    return Kind(_same, {"type": "string", "enum": list(values)})


def listed(schema):
    """Return the schema of a list."""
    return {"type": "array", "items": schema}


def record(**properties):
    """Return the schema of an object that has all these members and no other."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


@dataclass(frozen=True)
class Field:
    """A member of a resource that is a column in Odoo.

    Attributes:
        name: its name in the API.
        column: its name in Odoo.
        kind: :class:`Kind` of a plain column.
        nested: the resource of an x2many column, shown as a list.
        writable: whether clients may set it.
        description: for the document.
    """

    name: str
    column: str
    kind: Kind | None = None
    nested: Resource | None = None
    writable: bool = False
    description: str = ""

    def schema(self):
        """Return the JSON Schema of the member."""
        return listed(self.nested.ref()) if self.nested else self.kind.schema


@dataclass(frozen=True)
class Computed:
    """A member that is worked out from the record: a function of it, and the JSON Schema of its value."""

    name: str
    function: Callable
    of: dict
    description: str = ""

    def schema(self):
        """Return the JSON Schema of the member."""
        return self.of


@dataclass(frozen=True)
class Filter:
    """A query parameter of a list.

    Attributes:
        name: name of the parameter.
        schema: its JSON Schema; an array is sent with commas.
        domain: function from the checked value to Odoo's domain.
        description: for the document.
    """

    name: str
    schema: dict
    domain: Callable
    description: str = ""

    def parameter(self):
        """Return the parameter object of the document."""
        style = {"style": "form", "explode": False} if self.schema.get("type") == "array" else {}
        return {
            "name": self.name,
            "in": "query",
            "description": self.description,
            "schema": self.schema,
            **style,
        }


@dataclass(frozen=True)
class Resource:
    """A resource.

    Attributes:
        name: name of its schema in the document.
        model: Odoo's model.
        fields: its columns.
        computed: its members that are worked out.
        filters: query parameters of its list.
        sorts: {value of the query parameter ``sort``: Odoo's order}; the first is the default.
        scope: function from a :class:`~.frame.call.Call` to the domain of what this caller may see, on top
            of Odoo's access rights and record rules.
        context: Odoo's context to read it in.
    """

    name: str
    model: str
    fields: tuple
    computed: tuple = ()
    filters: tuple = ()
    sorts: dict = field(default_factory=lambda: {"id": "id"})
    scope: Callable = lambda call: []
    context: dict = field(default_factory=dict)

    def __post_init__(self):
        if RESOURCES.setdefault(self.name, self) is not self:
            raise ValueError(f"Two resources have the name {self.name}.")

    def columns(self):
        """Return the columns of the shown members."""
        return [member.column for member in self.fields]

    def ref(self):
        """Return the reference to this resource's schema."""
        return {"$ref": f"#/components/schemas/{self.name}"}

    def schema(self):
        """Return the JSON Schema of a representation."""
        properties = {}
        for member in (*self.fields, *self.computed):
            described = {"description": member.description} if member.description else {}
            schema = member.schema()
            if described and "$ref" in schema:
                schema = {"allOf": [schema]}
            properties[member.name] = {**schema, **described}
        return record(**properties)


def read(records, resource):
    """Return the representations of a recordset, in its order, with the rights of its environment.

    Only the declared columns are read (Odoo's own prefetching would take every column of the table).
    """
    records = records.with_context(**resource.context)
    rows = {values["id"]: values for values in records.read(resource.columns())}
    nested = {member.column: _nested(records, member, rows) for member in resource.fields if member.nested}
    shown = []
    for current in records:  # iterated, so that what is worked out is fetched for all of them at once
        item = {}
        for member in resource.fields:
            value = rows[current.id][member.column]
            if member.nested:
                item[member.name] = [nested[member.column][number] for number in value]
            else:
                item[member.name] = member.kind.show(value)
        for member in resource.computed:
            item[member.name] = member.function(current)
        shown.append(item)
    return shown


def _nested(records, member, rows):
    """Return {id: representation} of everything that an x2many column of some rows holds."""
    ids = [number for values in rows.values() for number in values[member.column]]
    found = records.env[member.nested.model].browse(ids)
    return dict(zip(ids, read(found, member.nested)))


def find(call, resource, number):
    """Return the record of an id that this caller may see.

    Raises:
        Problem: 404 where there is none.
    """
    found = call.env[resource.model].with_context(**resource.context)
    found = found.search(AND([resource.scope(call), [("id", "=", number)]]))
    if not found:
        raise Problem(404, "There is no such record.")
    return found


def matching(call, resource, domain=()):
    """Return (model in the resource's context, domain of the filters sent within the resource's scope)."""
    sent = [
        condition.domain(call.query[condition.name])
        for condition in resource.filters
        if condition.name in call.query
    ]
    model = call.env[resource.model].with_context(**resource.context)
    return model, AND([resource.scope(call), list(domain), *sent])


def listing(call, resource, domain=()):
    """Return the reply with a page of a resource, by the filters and the order that were asked for.

    Args:
        call: :class:`~.frame.call.Call` of an operation with ``x-list``.
        resource: :class:`Resource`.
        domain: narrows the list further.
    """
    model, wanted = matching(call, resource, domain)
    order = resource.sorts[call.query["sort"]]
    found = model.search(wanted, limit=call.query["limit"] + 1, offset=call.query["offset"], order=order)
    return page(call, read(found, resource))


def columns(resource, data):
    """Return the values in Odoo's names of what a client sent; members that clients may not set are left
    out."""
    values = {}
    for member in resource.fields:
        if not member.writable or member.name not in data:
            continue
        value = data[member.name]
        values[member.column] = (
            [(0, 0, columns(member.nested, item)) for item in value] if member.nested else value
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
