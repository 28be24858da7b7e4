"""From SQL of Odoo's with its parameters to the text of a prepared statement.

What stays the same for a user (record rules, language, states) is written into the text. What a call brings
(filters, limit, offset) becomes ``$1``, ``$2`` and so on: a plan is compiled with stand-ins for these values,
which are then found among the parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from odoo.tools import float_repr, float_round

from .readable import NotCompilable

PLACEHOLDER = re.compile(r"(%s|%%)")
IN_LIST = re.compile(r"(\bnot\s+)?\bin \($", re.IGNORECASE)


@dataclass(frozen=True)
class Slot:
    """Where a value of a call goes.

    Attributes:
        name: of the filter.
        leaf: place of the value among the leaves of the filter's domain.
        convert: function from the leaf's value to the parameter.
    """

    name: str
    leaf: int
    convert: Callable


def stand_in(schema, number):
    """Return a value that a schema takes and nothing else has, None for what belongs into the text itself
    (choices, of which there are few).

    Args:
        schema: JSON Schema of the parameter.
        number: distinguishes the stand-ins of a plan.
    """
    kind, items = schema.get("type"), schema.get("items", {})
    if schema.get("$ref", "").endswith("/Id"):
        kind = "integer"
    if kind == "string" and schema.get("format") == "date-time":
        return f"1970-01-01T{number // 60:02d}:{number % 60:02d}:58Z"
    if kind == "string" and "enum" not in schema and "format" not in schema:
        return f"stand-in {number}"
    if kind == "integer":
        return 2147480000 + number
    if kind == "number":
        return 999000000.25 + number
    if kind == "array" and items.get("type", "integer") == "integer" and "enum" not in items:
        return [2147480000 + number]
    return None


def leaves(domain):
    """Return the values of a domain's leaves."""
    return [leaf[2] for leaf in domain if isinstance(leaf, (tuple, list))]


def varying(domain, other):
    """Return {place: value} of the leaves in which a domain differs from the same one with other stand-ins,
    each value once."""
    found = {}
    for place, (mine, its) in enumerate(zip(leaves(domain), leaves(other))):
        if mine != its and mine not in found.values():
            found[place] = mine
    return found


def _same(value):
    return value


def _rounded(digits):
    def convert(given):
        return float_repr(float_round(given, precision_digits=digits), precision_digits=digits)

    return convert


def _conversion(value, parameter, before):
    """Return the function that makes a parameter of a leaf's value, None where it is not that value."""
    if isinstance(value, list):
        return list if parameter == value[0] and IN_LIST.search(before) else None
    if isinstance(value, float) and isinstance(parameter, str):  # a column with digits
        whole, _, decimals = parameter.partition(".")
        return _rounded(len(decimals)) if whole == str(int(value)) else None
    if isinstance(value, datetime):
        return str if str(parameter) == str(value) else None
    if not isinstance(parameter, (bool, list, tuple)) and str(parameter) == str(
        value
    ):  # an id may come as text
        return _same
    if isinstance(value, str) and parameter == f"%{value}%":
        return lambda given: f"%{given}%"
    return None


def prepare(cr, text, parameters, stand_ins, first):
    """Return (text with ``$n``, its :class:`Slot` objects in their order).

    Args:
        cr: cursor, for its quoting.
        text: SQL with ``%s``.
        parameters: values for it.
        stand_ins: {filter: {place of a leaf in its domain: value}}; parameters found among these become
            slots.
        first: number of the first slot.

    Raises:
        NotCompilable: a stand-in went somewhere else (a query was made with it while the domain was read).
    """
    out, slots, remaining = [], [], iter(parameters)
    for piece in PLACEHOLDER.split(text):
        if piece == "%%":
            out.append("%")
        elif piece == "%s":
            out.append(_one(cr, out, next(remaining), stand_ins, slots, first))
        else:
            out.append(piece)
    found = {(slot.name, slot.leaf) for slot in slots}
    wanted = {(name, place) for name, values in stand_ins.items() for place in values}
    if wanted - found:
        raise NotCompilable(f"the filter {min(wanted - found)[0]} is worked out outside the query")
    return "".join(out), slots


def _one(cr, out, parameter, stand_ins, slots, first):
    for name, values in stand_ins.items():
        for place, value in values.items():
            convert = _conversion(value, parameter, out[-1])
            if convert is None:
                continue
            number = first + len(slots)
            slots.append(Slot(name, place, convert))
            if convert is list:  # of any length, where the text has a list of one
                any_of = "<> ALL(" if IN_LIST.search(out[-1])[1] else "= ANY("
                out[-1] = IN_LIST.sub(any_of, out[-1])
            return f"${number}"
    return cr.mogrify("%s", (parameter,)).decode()
