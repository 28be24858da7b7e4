"""What Odoo computes in Python, in SQL. Each expression holds for the method that it was read from: where a
module overrides that, the ORM computes it."""

from __future__ import annotations

import inspect

from .readable import readable

PROPERTIES = "odoo.addons.base.models.ir_property"
NAMES = {}  # model: (methods {name: module that defines the last one}, function from a scope to SQL)
VALUES = {}  # (model, field): the same


def holds(model, methods):
    """Return whether the methods in force are the ones that an expression was read from; a name may have the
    model in front, with a colon between."""
    for name, module in methods.items():
        other, _, method = name.rpartition(":")
        found = getattr(type(model.env[other] if other else model), method, None)
        if found is None or inspect.unwrap(found).__module__ != module:
            return False
    return True


def _register(table, key, methods):
    def add(function):
        table[key] = (methods, function)
        return function

    return add


def _found(table, key, scope):
    methods, function = table.get(key, ({}, None))
    return function(scope) if function and holds(scope.model, methods) else None


def name_of(scope):
    """Return the SQL of the display name of a scope's records, None where no expression is known."""
    return _found(NAMES, scope.model._name, scope)


def value_of(scope, name):
    """Return the SQL of a computed field, None where no expression is known."""
    return _found(VALUES, (scope.model._name, name), scope)


def translated(scope, model, column, alias):
    """Return (SQL of a translated column of a row that is not joined into the query, its join)."""
    lang = scope.model.env.lang
    if not lang:
        return f"{alias}.{column}", ""
    known = scope.query._cr.mogrify("%s", (lang,)).decode().replace("%", "%%")
    return (
        f"coalesce({alias}_t.value, {alias}.{column})",
        f" LEFT JOIN ir_translation {alias}_t ON {alias}_t.res_id = {alias}.id AND {alias}_t.type = 'model'"
        f" AND {alias}_t.name = '{model},{column}' AND {alias}_t.lang = {known} AND {alias}_t.value <> ''",
    )


@_register(NAMES, "pos.category", {"name_get": "odoo.addons.point_of_sale.models.pos_category"})
def _category_path(scope):
    name, join = translated(scope, "pos.category", "name", "c")
    own, above = scope.column("name"), scope.follow("parent_id")
    path = (
        "(WITH RECURSIVE up(id, parent_id, name, depth) AS ("
        f' SELECT c.id, c.parent_id, {name}, 0 FROM pos_category c{join} WHERE c.id = "{scope.alias}".id'
        f" UNION ALL SELECT c.id, c.parent_id, {name}, up.depth + 1"
        f" FROM up JOIN pos_category c ON c.id = up.parent_id{join}"
        ") SELECT string_agg(up.name, ' / ' ORDER BY up.depth DESC) FROM up)"
    )
    # most are at the top or right below it, where a join is cheaper than a recursion
    return (
        f"CASE WHEN {scope.column('parent_id')} IS NULL THEN {own}"
        f" WHEN {above.column('parent_id')} IS NULL THEN concat({above.column('name')}, ' / ', {own})"
        f" ELSE {path} END"
    )


@_register(NAMES, "product.pricelist", {"name_get": "odoo.addons.product.models.product_pricelist"})
def _pricelist_name(scope):
    currency = scope.follow("currency_id")
    return f"concat({scope.column('name')}, ' (', {currency.column('name')}, ')')"


@_register(NAMES, "res.country.state", {"name_get": "odoo.addons.base.models.res_country"})
def _state_name(scope):
    country = scope.follow("country_id")
    return f"concat({scope.column('name')}, ' (', {country.column('code')}, ')')"


@_register(NAMES, "res.currency", {"name_get": "odoo.addons.base.models.res_currency"})
def _currency_name(scope):
    return scope.column("name")


@_register(NAMES, "hr.employee", {"name_get": "odoo.addons.hr.models.hr_employee"})
def _employee_name(scope):
    return f"coalesce({scope.column('name')}, '')"  # followed with elevated rights, so the record's own


@_register(
    NAMES,
    "account.move",
    {
        "name_get": "odoo.addons.account.models.account_move",
        "_get_move_display_name": "odoo.addons.account.models.account_move",
    },
)
def _entry_name(scope):
    scope.hard.append(f"{scope.column('state')} = 'draft'")  # named in the user's language by Odoo's code
    name, ref = scope.column("name"), scope.column("ref")
    numbered = f"coalesce(nullif(nullif({name}, ''), '/'), concat('(* ', {scope.column('id')}, ')'))"
    cut = f"left({ref}, 50), CASE WHEN length({ref}) > 50 THEN '...' END"
    return f"concat({numbered}, CASE WHEN {ref} <> '' THEN concat(' (', {cut}, ')') END)"


PROPERTY = {"char": "value_text", "many2one": "value_reference"}  # type: column of ir.property


def property_of(scope, name):
    """Return the SQL of a value that each company has of its own, as ``ir.property`` finds it: the record's
    or else the one for all, the company's or else that of all companies."""
    field, cr = scope.model._fields[name], scope.query._cr
    kind = scope.model.env["ir.model.fields"]._get(scope.model._name, name).id
    column = PROPERTY.get(field.type)
    if column is None or not holds(scope.model.env["ir.property"], {"_get_multi": PROPERTIES}):
        return None
    value = f"p.{column}"
    if field.type == "many2one":
        table = scope.model.env[field.comodel_name]._table
        value = (
            f"(SELECT r.id FROM \"{table}\" r WHERE r.id = split_part(p.value_reference, ',', 2)::integer)"
        )
    own = f"concat('{scope.model._name},', \"{scope.alias}\".id)"
    text = (
        f"(SELECT {value} FROM ir_property p WHERE p.fields_id = %s"
        " AND (p.company_id = %s OR p.company_id IS NULL)"
        f" AND (p.res_id = {own} OR p.res_id IS NULL)"
        " ORDER BY p.res_id NULLS LAST, p.company_id NULLS LAST LIMIT 1)"
    )
    return cr.mogrify(text, (kind, scope.model.env.company.id)).decode().replace("%", "%%")


PRICELISTS = "odoo.addons.product.models.product_pricelist"


@_register(
    VALUES,
    ("res.partner", "property_product_pricelist"),
    {
        "_compute_product_pricelist": "odoo.addons.product.models.res_partner",
        "product.pricelist:_get_partner_pricelist_multi": PRICELISTS,
        "product.pricelist:_get_partner_pricelist_multi_filter_hook": PRICELISTS,
    },
)
def _customer_pricelist(scope):
    own, lists = property_of(scope, "property_product_pricelist"), scope.model.env["product.pricelist"]
    usable = scope.once(
        f"(SELECT l.id FROM product_pricelist l WHERE l.id = {own} AND l.active)", "own pricelist"
    )
    domain = lists._get_partner_pricelist_multi_search_domain_hook(scope.model.env.company.id)
    first = readable(lists, domain, "TRUE", '"product_pricelist".id', lists._order + " LIMIT 1")
    first = scope.once(f"({first})", "first pricelist")
    # without one of its own, Odoo goes by the customer's country, where pricelists have groups of countries
    grouped = "EXISTS (SELECT FROM res_country_group_pricelist_rel)"
    hard = f"{usable} IS NULL AND ({grouped} OR {first} IS NULL)"
    if hard not in scope.hard:
        scope.hard.append(hard)
    return f"coalesce({usable}, {first})"


_COMBINATION = """
 FROM product_variant_combination c
 JOIN product_template_attribute_value p ON p.id = c.product_template_attribute_value_id
 JOIN product_template_attribute_line l ON l.id = p.attribute_line_id
 JOIN product_attribute a ON a.id = l.attribute_id
 JOIN product_attribute_value v ON v.id = p.product_attribute_value_id{join}
WHERE c.product_product_id = "{alias}".id"""
# Values that are the only one of their line say nothing; archived ones count where the variant has one.
_TELLING = """ AND a.create_variant <> 'no_variant'
  AND (SELECT count(*) FROM product_template_attribute_value o
        WHERE o.attribute_line_id = l.id AND (o.ptav_active OR NOT {all_active})) <> 1"""
_ALL_ACTIVE = """(SELECT bool_and(coalesce(p2.ptav_active, false)) FROM product_variant_combination c2
  JOIN product_template_attribute_value p2 ON p2.id = c2.product_template_attribute_value_id
  JOIN product_template_attribute_line l2 ON l2.id = p2.attribute_line_id
  JOIN product_attribute a2 ON a2.id = l2.attribute_id
 WHERE c2.product_product_id = "{alias}".id AND a2.create_variant <> 'no_variant')"""


def _combined(scope):
    """Return the SQL of whether a product is a variant with values. It is no EXISTS, which PostgreSQL may
    turn into a hash of the whole table."""
    return (
        "(SELECT true FROM product_variant_combination c"
        f' WHERE c.product_product_id = "{scope.alias}".id LIMIT 1)'
    )


@_register(NAMES, "product.product", {"name_get": "odoo.addons.product.models.product"})
def _variant_name(scope):
    name = scope.column("name")
    value, join = translated(scope, "product.attribute.value", "name", "v")
    telling = _TELLING.format(all_active=_ALL_ACTIVE.format(alias=scope.alias))
    values = (
        f"(SELECT string_agg({value}, ', ' ORDER BY a.sequence, a.id, l.id, v.sequence, v.id, p.id)"
        f"{_COMBINATION.format(join=join, alias=scope.alias)}{telling})"
    )
    told = f"(SELECT concat(' (', v.list, ')') FROM (SELECT {values} AS list OFFSET 0) v WHERE v.list <> '')"
    shown = f"concat({name}, CASE WHEN {_combined(scope)} THEN {told} END)"
    if scope.model.env.context.get("display_default_code", True):
        code = scope.column("default_code")
        return f"concat('[' || nullif({code}, '') || '] ', {shown})"
    return shown


@_register(VALUES, ("product.product", "display_name"), {"name_get": "odoo.addons.product.models.product"})
def _product_display_name(scope):
    return _variant_name(scope)


@_register(
    VALUES, ("pos.category", "display_name"), {"name_get": "odoo.addons.point_of_sale.models.pos_category"}
)
def _category_display_name(scope):
    return _category_path(scope)


@_register(
    VALUES,
    ("product.product", "lst_price"),
    {
        "_compute_product_lst_price": "odoo.addons.product.models.product",
        "_compute_product_price_extra": "odoo.addons.product.models.product",
    },
)
def _list_price(scope):
    if "uom" in scope.model.env.context:
        return None
    _precision, scale = scope.model._fields["lst_price"].get_digits(scope.model.env)
    extra = (
        "(SELECT sum(p.price_extra) FROM product_variant_combination c"
        " JOIN product_template_attribute_value p ON p.id = c.product_template_attribute_value_id"
        f' WHERE c.product_product_id = "{scope.alias}".id)'
    )
    extra = f"CASE WHEN {_combined(scope)} THEN coalesce({extra}, 0) ELSE 0 END"
    return f"round(coalesce({scope.column('list_price')}, 0) + {extra}, {scale})"


@_register(
    VALUES,
    ("pos.config", "currency_id"),
    {"_compute_currency": "odoo.addons.point_of_sale.models.pos_config"},
)
def _config_currency(scope):
    journal, company = scope.follow("journal_id"), scope.follow("company_id")
    of_journal = journal.follow("company_id")
    return (
        f"CASE WHEN {scope.column('journal_id')} IS NULL THEN {company.column('currency_id')}"
        f" ELSE coalesce({journal.column('currency_id')}, {of_journal.column('currency_id')}) END"
    )
