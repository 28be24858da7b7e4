"""Records that are made in one statement, with what Odoo's own ``create`` puts into them.

``create`` inserts one row at a time, and what it computes (the company of a line, the rate of an order)
follows in a second statement. Here the ORM works all of that out first, on records whose numbers are
reserved, and the rows go in together. Access rights, record rules, defaults, stored computed fields and
constraints are the ORM's.
"""

from __future__ import annotations

import inspect

from odoo.models import LOG_ACCESS_COLUMNS

TO_MANY = ("one2many", "many2many")
POINT_OF_SALE = "point_of_sale"
ORM = (
    "odoo.models",
    "odoo.addons.base.models.ir_fields",
)  # the latter looks at what an import of files brings
_worked_out = (None, None, {})  # triggers and sequence of the registry, what was worked out of its fields


def reserve(cr, **wanted):
    """Take numbers from PostgreSQL's sequences; return {name: list of numbers} and the transaction's time
    (UTC).

    Args:
        cr: Odoo cursor.
        wanted: {name: (sequence, how many)}.
    """
    taken = ", ARRAY(SELECT nextval(%s) FROM generate_series(1, %s))" * len(wanted)
    values = [part for pair in wanted.values() for part in pair]
    cr.execute(f"SELECT now() AT TIME ZONE 'UTC'{taken}", values)
    moment, *numbers = cr.fetchone()
    return dict(zip(wanted, numbers)), moment


def _dependents(tree, direct=True):
    """Return the fields that depend on some fields of a new record, which no record refers to yet."""
    for key, branch in tree.items():
        if key is None:
            yield from branch
        elif not (direct and key.type in ("many2one", "many2one_reference")):
            yield from _dependents(branch, direct=False)


def _once(function):
    """Work something out of an environment's fields and a key once, as long as they stay the same."""

    def kept(env, key):
        global _worked_out
        # The first is made anew whenever fields are, the second tells of methods that are replaced in place
        # (automated actions).
        triggers, sequence = env.registry.field_triggers, env.registry.registry_sequence
        kept = _worked_out
        if kept[0] is not triggers or kept[1] != sequence:
            _worked_out = kept = (triggers, sequence, {})
        found = kept[2]
        if (function, key) not in found:
            found[function, key] = function(env, key)
        return found[function, key]

    return kept


@_once
def _depending_elsewhere(env, models):
    """Return the fields of other models that depend on new records of some models."""
    found = {
        dependent
        for model in models
        for field in env[model]._fields.values()
        for dependent in _dependents(env.registry.field_triggers.get(field, {}))
    }
    return {field for field in found if field.model_name not in models}


@_once
def _empty(env, model):
    """Return [(field, what its cache holds where nothing is given)] of a model's fields that are not
    computed."""
    none = env[model]
    return [
        (field, () if field.type in TO_MANY else field.convert_to_cache(None, none))
        for name, field in none._fields.items()
        if not field.compute and name != "id"
    ]


@_once
def _computed(env, model):
    """Return the columns of a model that Odoo computes."""
    return [
        field for field in env[model]._fields.values() if field.store and field.compute and field.column_type
    ]


def comes_from(method, module):
    """Return whether a method is defined in a module, past Odoo's decorators."""
    return method is not None and inspect.unwrap(method).__module__ == module


def stand_in(env, methods):
    """Return whether rows of some models can be made here: the methods that are not called are the ones known
    to this module's callers, and nothing of another model is stored with the rows.

    Args:
        env: Odoo environment.
        methods: {model: {method: module that defines the last one}}.
    """
    return _are_known(env, tuple((model, tuple(names.items())) for model, names in methods.items()))


@_once
def _are_known(env, methods):
    for model, names in methods:
        for name, module in names:
            defined = [vars(one)[name] for one in type(env[model]).mro() if name in vars(one)]
            if not defined or not all(
                any(comes_from(one, known) for known in (module, *ORM)) for one in defined
            ):
                return False
    models = tuple(model for model, _names in methods)
    if any(_beside_columns(field) for model in models for field in env[model]._fields.values()):
        return False
    return not any(field.store for field in _depending_elsewhere(env, models)) and not _chained(env, models)


def _beside_columns(field):
    """Return whether Odoo stores a value of a field with a new record that is not in the record's row."""
    given = field.compute or (field.default and field.type != "many2many")
    return bool(field.store and not field.column_type and given)


def _chained(env, models):
    """Return whether another module stores something that Odoo computes of what it computes itself: all is
    worked out here before any of it is stored."""
    computed = {field for model in models for field in _computed(env, model)}
    for field in computed:
        for path in env.registry.field_depends[field]:
            fields = env[field.model_name]._fields
            for name in path.split("."):
                on = fields.get(name)
                if on in computed and on != field and {on._module, field._module} != {POINT_OF_SALE}:
                    return True
                fields = env[on.comodel_name]._fields if on is not None and on.comodel_name else {}
    return False


def _complete(records, values, moment):
    """Return the values of new rows with Odoo's defaults and the columns of its log."""
    model = records.browse()
    model.check_access_rights("create")
    user = records.env.uid
    log = {"create_uid": user, "create_date": moment, "write_uid": user, "write_date": moment}
    # asked for each row: a default may be a number that is counted on
    return [{**model._add_missing_default_values(one), **log} for one in values]


def _remember(records, values):
    """Put new records into the cache, as ``create`` does, and into that of the records that they refer to."""
    cache, given = records.env.cache, values[0]
    for field, empty in _empty(records.env, records._name):
        if field.name not in given or field.type in TO_MANY:
            cache.update(records, field, [empty] * len(records))
    # amounts are rounded by a currency that lies behind a many2one
    for name in sorted(given, key=lambda name: records._fields[name].type != "many2one"):
        field = records._fields[name]
        cached = [field.convert_to_cache(one[name], record) for record, one in zip(records, values)]
        cache.update(records, field, cached)
        for inverse in records.pool.field_inverses[field] if field.type == "many2one" else ():
            others = records.env[field.comodel_name]
            for record, number in zip(records, cached):
                if number and cache.contains(others.browse(number), inverse):
                    _add(others.browse(number), inverse, record)


def _add(target, inverse, record):
    """Add a new record to what is cached of the other side of a many2one."""
    cache = record.env.cache
    if inverse.domain:
        cache.remove(target, inverse)
    else:
        kept = cache.get(target, inverse)
        newest_first = record._order == "id desc"
        cache.set(target, inverse, (record.id, *kept) if newest_first else (*kept, record.id))


def _compute(records, given):
    """Work out the stored fields that Odoo computes, and return their names."""
    missing = [field for field in _computed(records.env, records._name) if field.name not in given]
    for field in missing:
        field.compute_value(records)
    pending = records.env.all.towrite[records._name]
    for number in records.ids:
        pending.pop(number, None)  # it goes in with the row
    return [field.name for field in missing]


def _row(record, values, computed):
    """Return the values of a row's columns as PostgreSQL takes them."""
    fields = record._fields
    found = {name: fields[name].convert_to_write(record[name], record) for name in computed}
    return (
        record.id,
        *(fields[name].convert_to_column(value, record) for name, value in {**values, **found}.items()),
    )


def _statement(cr, table, columns, rows):
    names, places = ", ".join(f'"{name}"' for name in columns), ", ".join(["%s"] * len(rows))
    return cr.mogrify(f'INSERT INTO "{table}" ({names}) VALUES {places}', rows)


def _statements(records, values, computed):
    """Return the statements, as bytes, that insert rows and their many2many relations."""
    cr, fields = records.env.cr, records._fields
    names = [name for name in values[0] if fields[name].store and fields[name].column_type]
    rows = [
        _row(record, {name: one[name] for name in names}, computed) for record, one in zip(records, values)
    ]
    yield _statement(cr, records._table, ("id", *names, *computed), rows)
    for field in (fields[name] for name in values[0]):
        if field.type == "many2many" and field.store:
            pairs = [(one.id, other) for one in records for other in records.env.cache.get(one, field)]
            if pairs:
                yield _statement(cr, field.relation, (field.column1, field.column2), pairs)


def insert(moment, *groups):
    """Make records in one statement.

    Args:
        moment: time of the transaction (UTC), from :func:`reserve`.
        groups: (records with reserved ids, list of their values in Odoo's names) of one model each, those
            that others refer to first. All values of a group have the same names, and none is a one2many.

    Raises:
        odoo.exceptions.AccessError, odoo.exceptions.ValidationError: as ``create``.
    """
    groups = [(records, _complete(records, values, moment)) for records, values in groups]
    env, statements = groups[0][0].env, []
    for records, values in groups:
        _remember(records, values)
    elsewhere = _depending_elsewhere(env, tuple(records._name for records, _values in groups))
    env.cache.invalidate([(field, None) for field in elsewhere])
    for records, values in groups:
        statements += _statements(records, values, _compute(records, values[0]))
    *others, last = statements
    parts = b", ".join(b"new_%d AS (%s)" % pair for pair in enumerate(others))
    env.cr.execute((b"WITH " + parts + b" " if parts else b"") + last)
    for records, values in groups:
        records._validate_fields([name for name in values[0] if name not in LOG_ACCESS_COLUMNS])
        records.check_access_rule("create")
        if records._check_company_auto:
            records._check_company()
