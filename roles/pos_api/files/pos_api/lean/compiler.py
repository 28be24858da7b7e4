"""Compiles a resource to one SELECT whose rows are the JSON texts that the ordinary way would have sent.

The ORM itself puts in the access rights, the record rules, the domains, the order and the translations; what
is added here is the list of columns.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace

from odoo import SUPERUSER_ID
from odoo.osv.expression import AND, is_false

from ..frame import keyset
from ..records import RESOURCES
from . import variables
from .readable import NotCompilable, narrow
from .scope import Scope

_logger = logging.getLogger(__name__)

STAND_INS_APART = 100
ID_STAND_IN = 2147479999
# Methods that a compiled list stands in for, and the modules whose own ones come to the same
PLAIN = {
    "_search": {
        "odoo.models",
        "odoo.addons.product.models.product",
        "odoo.addons.base.models.res_partner",
    },
    "search": {"odoo.models"},
    "read": {"odoo.models"},
    "_read": {"odoo.models"},
}


@dataclass(frozen=True)
class Select:
    """A compiled list.

    Attributes:
        text: SQL of an array with one element for each record: its JSON text, NULL for one that Python has
            to show; where the order has more columns than the id, that and a JSON array of these columns.
        slots: list of :class:`~.variables.Slot`.
        order: the :class:`~..frame.keyset.Key` objects of the list.
        tables: names of the tables and views that the rows come from.
    """

    text: str
    slots: tuple
    order: tuple
    tables: frozenset


def json_of(scope, resource):
    """Return the SQL of a record's JSON text."""
    parts = ["'{'"]
    for index, member in enumerate((*resource.fields, *resource.computed)):
        parts.append(f"'{', ' if index else ''}\"{member.name}\": '")
        parts.append(_shown(scope, member))
    text = f"concat({', '.join(parts)}, '}}')"
    return f"CASE WHEN {' OR '.join(scope.hard)} THEN NULL ELSE {text} END" if scope.hard else text


def _shown(scope, member):
    if getattr(member, "sql", None):
        return member.sql(scope)
    if getattr(member, "nested", None):
        return _list(scope.lines(member.column), member.nested)
    kind = getattr(member, "kind", None)
    if kind is None or not kind.sql:
        raise NotCompilable(f"the member {member.name} is worked out in Python")
    name = scope.follow(member.column).name() if "{name}" in kind.sql else ""
    return kind.sql.format(value=scope.column(member.column), name=name)


def _list(lines, resource):
    """Return the SQL of the JSON array of a one2many's records."""
    lines.model.check_field_access_rights("read", resource.columns())
    row = json_of(lines, resource).replace("{", "{{").replace("}", "}}")
    if lines.hard:
        raise NotCompilable(f"a {resource.name} may have to be shown by Python")
    return lines.aggregate(f"concat('[', string_agg({row}, ', ' {{order}}), ']')")


def _domain(call, resource, sent):
    """Return (the domain of a list with stand-ins for what the call sent, those stand-ins)."""
    parts, stand_ins = [resource.scope(call)], {}
    for number, condition in enumerate(resource.filters):
        if condition.name not in sent:
            continue
        value = variables.stand_in(condition.schema, number)
        if value is None:
            value = call.query[condition.name]
        else:
            other = variables.stand_in(condition.schema, number + STAND_INS_APART)
            stand_ins[condition.name] = variables.varying(condition.domain(value), condition.domain(other))
        parts.append(condition.domain(value))
    return AND(parts), stand_ins


def tables_of(cr, text):
    """Return the tables and views that a text names."""
    words = list(set(re.findall(r"\w+", text)))
    cr.execute(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm') AND relname = ANY(%s)"
        " AND relnamespace = current_schema()::regnamespace",
        (words,),
    )
    return frozenset(name for (name,) in cr.fetchall())


def _check_plain(records):
    for name, modules in PLAIN.items():
        module = getattr(type(records), name).__module__
        if module not in modules:
            raise NotCompilable(f"{records._name}.{name} is overridden by {module}")


def _keys(records, query, known):
    """Return the SQL of the JSON array of a record's sort columns."""
    parts = []
    for key in known:
        column = records._inherits_join_calc(records._table, key.column, query)
        if key.kind == "datetime":
            column = f"to_char({column}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
        parts.append(column)
    return f"json_build_array({', '.join(parts)})::text"


def _after(known):
    """Return [(a domain of the rows behind a cursor, with stand-ins; {place of its leaf: stand-in})], as
    :func:`~..frame.keyset.segments` divides them, for a cursor without NULL.

    Raises:
        NotCompilable: the order has columns that may be NULL.
    """
    mine, other = (
        [STAND_INS[key.kind](number + place) for place, key in enumerate(known)] for number in (60, 80)
    )
    divided = zip(keyset.segments(known, mine), keyset.segments(known, other))
    return [(domain, variables.varying(domain, its)) for domain, its in divided]


STAND_INS = {
    "integer": lambda number: 2147480000 + number,
    "char": lambda number: f"stand-in {number}",
    "datetime": lambda number: datetime(1970, 1, 1, number % 24, 59, 58),
}


def tables(env):
    """Return the tables that the compiled reads of the catalogue go by (the record rules of a user may add to
    them; then that user's answers are not kept).

    Args:
        env: any environment.
    """
    env = env(user=SUPERUSER_ID, context={"lang": "en_US"}, su=True)
    call = SimpleNamespace(env=env, principal=SimpleNamespace(is_manager=True), query={})
    found = set()
    for resource in kept():
        try:
            for order in filter(None, resource.sorts.values()):
                found |= compile_list(call, resource, order, limit=1).tables
        except NotCompilable as reason:
            _logger.warning("POS API: answers of %s are not kept: %s", resource.name, reason)
    return found


def kept():
    """Return the resources whose answers are kept: those that change seldom and are read all the time."""
    return [resource for resource in RESOURCES.values() if resource.kept]


def compile_list(call, resource, order, sent=(), limit=None, skipping=False, first=1):
    """Return the :class:`Select` of a resource's list, or of one record by its id.

    Args:
        call: :class:`~..frame.call.Call` in its transaction; the rights are those of its user.
        resource: :class:`~..records.Resource`.
        order: Odoo's order, the id at its end.
        sent: names of the filters and of the cursor that are sent.
        limit: most rows; None for one record by its id.
        skipping: whether there is an offset.
        first: number of the first parameter.

    Raises:
        NotCompilable: PostgreSQL cannot do it all.
        odoo.exceptions.AccessError: the user may not read this.
    """
    records = resource.records(call)
    _check_plain(records)
    records.check_access_rights("read")
    records.check_field_access_rights("read", resource.columns())
    domain, stand_ins = _domain(call, resource, sent)
    known = keyset.keys(records, order)
    single = limit is None
    if single:
        parts = [([("id", "=", ID_STAND_IN)], {0: ID_STAND_IN})]
    else:
        parts = _after(known) if keyset.NAME in sent else [([], {})]
    texts, slots = [], []
    for part, (narrowed, varying) in enumerate(parts):
        narrowing = f"{'id' if single else keyset.NAME} {part}"
        text, found = _select(
            records,
            resource,
            AND([domain, narrowed]),
            order,
            None if single or len(known) == 1 else known,
            {**stand_ins, narrowing: varying},
            first + len(slots),
        )
        # written out, not a parameter: what the statement's one plan is good for hangs on it
        text += "" if single else f" LIMIT {limit}"
        if skipping:
            text += f" OFFSET ${first + len(slots) + len(found)}"
            found.append(variables.Slot("offset", 0, int))
        texts.append(f"ARRAY({text})")
        slots += found
    text = " || ".join(texts)
    return Select(text, tuple(slots), known, tables_of(records.env.cr, text))


def _select(records, resource, domain, order, known, stand_ins, first):
    """Return (SQL of the rows, its slots)."""
    if is_false(records, domain):
        raise NotCompilable("nothing can match")
    query = records._where_calc(domain)
    narrow(records, query)
    query.order = records._generate_order_by(order, query).replace("ORDER BY ", "")
    row = json_of(Scope(records, records._table, query, []), resource)
    text, parameters = query.select(f"ARRAY[{row}, {_keys(records, query, known)}]" if known else row)
    text, slots = variables.prepare(records.env.cr, text, parameters, stand_ins, first)
    return text, slots
