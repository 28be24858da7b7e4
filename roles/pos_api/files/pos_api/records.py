"""One way to declare a resource, from which its reads, writes, lists and its schema in the OpenAPI document
come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from odoo.osv.expression import AND

from .frame import keyset
from .frame.pagination import page
from .frame.problems import Problem

DECIMALS = 6  # more than any price or quantity precision; takes binary noise such as 5.1000000000000005 away
RESOURCES = {}  # name: Resource


def number(value):
    """A quantity, price or amount; a whole one without decimals, as PostgreSQL writes it."""
    rounded = round(value, DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded


def moment(value):
    """A date and time in UTC (RFC 3339)."""
    return value.isoformat(timespec="seconds") + "Z" if value else None


def reference(value):
    """A many2one, as Odoo's read gives it, as its id and name."""
    return {"id": value[0], "name": value[1]} if value else None


@dataclass(frozen=True)
class Kind:
    """A kind of member.

    Attributes:
        show: function from Odoo's value to JSON.
        schema: JSON Schema of what comes out.
        sql: the same in SQL, as a text of JSON: a format with ``{value}``, the column, and for a many2one
            ``{name}``, its display name. Empty: Python only.
    """

    show: Callable
    schema: dict
    sql: str = ""


def _same(value):
    return value


def nullable(schema):
    """Return a schema that allows null too."""
    return {"anyOf": [schema, {"type": "null"}]}


ID_SCHEMA = {"$ref": "#/components/schemas/Id"}
REFERENCE_SCHEMA = {"$ref": "#/components/schemas/Reference"}
MOMENT_SCHEMA = {"type": "string", "format": "date-time"}


def _or_null(text):
    return f"CASE WHEN {{value}} IS NULL THEN 'null' ELSE {text} END"


_MOMENT = _or_null("""concat('"', to_char({value}, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '"')""")
_REFERENCE = _or_null("""concat('{{"id": ', {value}, ', "name": ', to_json(({name})::text), '}}')""")
ID = Kind(_same, ID_SCHEMA, "{value}")
INTEGER = Kind(_same, {"type": "integer"}, "coalesce({value}, 0)")
NUMBER = Kind(number, {"type": "number"}, f"trim_scale(round(coalesce({{value}}, 0)::numeric, {DECIMALS}))")
BOOLEAN = Kind(bool, {"type": "boolean"}, "CASE WHEN {value} THEN 'true' ELSE 'false' END")
NAME = Kind(lambda value: value or "", {"type": "string"}, "to_json(coalesce({value}, ''))")
TEXT = Kind(
    lambda value: value or None,
    {"type": ["string", "null"]},
    "coalesce(to_json(nullif({value}, ''))::text, 'null')",
)
DATE = Kind(
    lambda value: value.isoformat() if value else None,
    {"type": ["string", "null"], "format": "date"},
    _or_null("""concat('"', to_char({value}, 'YYYY-MM-DD'), '"')"""),
)
MOMENT = Kind(moment, MOMENT_SCHEMA, _MOMENT)
OPTIONAL_MOMENT = Kind(moment, nullable(MOMENT_SCHEMA), _MOMENT)
REFERENCE = Kind(reference, REFERENCE_SCHEMA, _REFERENCE)
OPTIONAL_REFERENCE = Kind(reference, nullable(REFERENCE_SCHEMA), _REFERENCE)


def choice(*values):
    """Return the kind of a selection column with these values."""
    return Kind(_same, {"type": "string", "enum": list(values)}, "to_json({value})")


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
        sql: of a column that Odoo computes, its JSON in SQL: function from a :class:`~.lean.scope.Scope`.
    """

    name: str
    column: str
    kind: Kind | None = None
    nested: Resource | None = None
    writable: bool = False
    description: str = ""
    sql: Callable | None = None

    def schema(self):
        """Return the JSON Schema of the member."""
        return listed(self.nested.ref()) if self.nested else self.kind.schema


@dataclass(frozen=True)
class Computed:
    """A member that is worked out from the record.

    Attributes:
        name: its name in the API.
        function: from the record to its value.
        of: JSON Schema of the value.
        description: for the document.
        sql: the same in SQL: function from a :class:`~.lean.scope.Scope` to a text of JSON; None: Python
            only.
    """

    name: str
    function: Callable
    of: dict
    description: str = ""
    sql: Callable | None = None

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
        sorts: {value of the query parameter ``sort``: Odoo's order, the id at its end; None for one that the
            operation makes itself, and that has pages by offset only}; the first is the default.
        scope: function from a :class:`~.frame.call.Call` to the domain of what this caller may see, on top
            of Odoo's access rights and record rules.
        context: Odoo's context to read it in.
        access: function from the model and a call to the model with the rights to read it with, where the
            scope alone keeps the caller in bounds.
        kept: whether the answers of its list, or of one record, are kept until a table that they read has
            changed.
    """

    name: str
    model: str
    fields: tuple
    computed: tuple = ()
    filters: tuple = ()
    sorts: dict = field(default_factory=lambda: {"id": "id"})
    scope: Callable = lambda call: []
    context: dict = field(default_factory=dict)
    access: Callable = lambda model, call: model
    kept: bool = False

    def __post_init__(self):
        if RESOURCES.setdefault(self.name, self) is not self:
            raise ValueError(f"Two resources have the name {self.name}.")

    def records(self, call):
        """Return the model (empty recordset) in this resource's context, with the rights to read it with."""
        return self.access(call.env[self.model].with_context(**self.context), call)

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


def stored(records, names):
    """Return the values of some columns of records, read from the database."""
    return records.read(names)


def cached(records, names):
    """Return the values of some columns of records that were made in this transaction, as they are cached."""
    return records._read_format(names)


def read(records, resource, values=stored):
    """Return the representations of a recordset, in its order, with the rights of its environment.

    Only the declared columns are read (Odoo's own prefetching would take every column of the table).

    Args:
        records: recordset of the resource's model.
        resource: :class:`Resource`.
        values: where they come from: :func:`stored` or :func:`cached`.
    """
    records = records.with_context(**resource.context)
    rows = {one["id"]: one for one in values(records, resource.columns())}
    nested = {
        member.column: _nested(records, member, rows, values) for member in resource.fields if member.nested
    }
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


def _nested(records, member, rows, values):
    """Return {id: representation} of everything that an x2many column of some rows holds."""
    ids = [number for row in rows.values() for number in row[member.column]]
    found = records.env[member.nested.model].browse(ids)
    return dict(zip(ids, read(found, member.nested, values)))


def find(call, resource, number):
    """Return the record of an id that this caller may see.

    Raises:
        Problem: 404 where there is none.
    """
    found = resource.records(call).search(AND([resource.scope(call), [("id", "=", number)]]))
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
    return resource.records(call), AND([resource.scope(call), list(domain), *sent])


def listing(call, resource, domain=()):
    """Return the reply with a page of a resource, by the filters and the order that were asked for.

    Args:
        call: :class:`~.frame.call.Call` of an operation with ``x-list``.
        resource: :class:`Resource`.
        domain: narrows the list further.
    """
    found = keyset.search(call, resource, *matching(call, resource, domain))
    return page(call, read(found, resource), keyset.following(call, resource, found))


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
