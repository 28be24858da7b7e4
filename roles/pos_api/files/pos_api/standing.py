"""What every sale reads and hardly any sale changes: products and taxes, the point of sale, its methods.

A process keeps what the ORM has read of it, for one version of the database (:mod:`.models.change_log`), and
puts it into the cache of the next sale's transaction, where Odoo's methods find it. Nothing is kept from a
transaction in which stock has moved, since that may change a cost, nor from one that has itself changed what
is kept: what it reads has no version yet.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from .lean import compiler
from .lean.readable import NotCompilable, narrow, rules
from .models import change_log
from .rows import TO_MANY, comes_from

CALLERS, PRODUCTS = 16, 500  # that are kept; what comes beyond them takes the place of what was there
# {model: fields} that come from the columns of these models' tables, from TABLES, and from nothing else
FIELDS = {
    "account.cash.rounding": ("rounding", "rounding_method"),
    "account.fiscal.position": ("name", "display_name", "tax_ids"),
    "account.fiscal.position.tax": ("position_id", "tax_src_id", "tax_dest_id"),
    "account.tax": (
        "active",
        "amount",
        "amount_type",
        "analytic",
        "cash_basis_transition_account_id",
        "children_tax_ids",
        "company_id",
        "include_base_amount",
        "invoice_repartition_line_ids",
        "is_base_affected",
        "name",
        "price_include",
        "sequence",
        "tax_exigibility",
        "type_tax_use",
    ),
    "account.tax.repartition.line": ("account_id", "factor", "factor_percent", "repartition_type", "tag_ids"),
    "ir.sequence": ("implementation", "padding", "prefix", "suffix", "use_date_range"),
    "pos.config": (
        "available_pricelist_ids",
        "cash_rounding",
        "company_id",
        "currency_id",
        "default_fiscal_position_id",
        "fiscal_position_ids",
        "journal_id",
        "manual_discount",
        "module_pos_hr",
        "name",
        "only_round_cash_method",
        "payment_method_ids",
        "picking_type_id",
        "pricelist_id",
        "restrict_price_control",
        "rounding_method",
        "sequence_id",
        "sequence_line_id",
        "use_pricelist",
    ),
    "pos.session": (
        "config_id",
        "display_name",
        "name",
        "payment_method_ids",
        "rescue",
        "state",
        "update_stock_at_closing",
        "user_id",
    ),
    "pos.payment.method": ("active", "display_name", "is_cash_count", "name", "split_transactions"),
    "product.category": ("complete_name", "parent_id", "property_cost_method"),
    "product.pricelist": ("active", "currency_id", "display_name", "item_ids", "name"),
    "product.product": (
        "account_tag_ids",
        "active",
        "categ_id",
        "cost_currency_id",
        "cost_method",
        "currency_id",
        "default_code",
        "display_name",
        "list_price",
        "name",
        "price_extra",
        "product_template_attribute_value_ids",
        "product_tmpl_id",
        "standard_price",
        "taxes_id",
        "tracking",
        "type",
        "uom_id",
    ),
    "product.template": (
        "account_tag_ids",
        "categ_id",
        "company_id",
        "cost_currency_id",
        "currency_id",
        "list_price",
        "name",
        "taxes_id",
        "tracking",
        "type",
        "uom_id",
    ),
    "res.company": ("currency_id", "name", "tax_calculation_rounding_method"),
    "res.currency": ("active", "decimal_places", "name", "rounding"),
    "uom.uom": ("category_id", "factor", "rounding"),
}
# {(model, field): (method that Odoo computes it by, module that defines the last one)}; by another one it is
# read anew
COMPUTED = {
    ("account.fiscal.position", "display_name"): ("name_get", "odoo.models"),
    ("account.tax.repartition.line", "factor"): ("_compute_factor", "odoo.addons.account.models.account_tax"),
    ("pos.config", "currency_id"): ("_compute_currency", "odoo.addons.point_of_sale.models.pos_config"),
    ("pos.payment.method", "display_name"): ("name_get", "odoo.models"),
    ("pos.session", "display_name"): ("name_get", "odoo.models"),
    ("product.pricelist", "display_name"): ("name_get", "odoo.addons.product.models.product_pricelist"),
    ("product.product", "display_name"): ("name_get", "odoo.addons.product.models.product"),
    ("product.product", "price_extra"): (
        "_compute_product_price_extra",
        "odoo.addons.product.models.product",
    ),
    ("product.template", "cost_currency_id"): (
        "_compute_cost_currency_id",
        "odoo.addons.product.models.product_template",
    ),
    ("product.template", "currency_id"): (
        "_compute_currency_id",
        "odoo.addons.product.models.product_template",
    ),
}
TABLES = (
    "account_journal",
    "ir_property",
    "ir_translation",
    "product_attribute",
    "product_attribute_value",
    "product_pricelist_item",
    "product_template_attribute_line",
    "product_template_attribute_value",
)


# the version, whether this transaction sees more than it tells, and of the user, who may change without it,
# what a sale shows
BEGIN = f"""
    SELECT {change_log.CATALOGUE.version}, {change_log.CATALOGUE.changed_here}, p.id, p.name, ARRAY(
           SELECT c.id FROM res_company_users_rel r JOIN res_company c ON c.id = r.cid
            WHERE r.user_id = u.id ORDER BY c.sequence, c.name)
      FROM res_users u JOIN res_partner p ON p.id = u.partner_id WHERE u.id = %s
"""


@dataclass
class Standing:
    """What is kept for a caller.

    Attributes:
        state: (registry sequence, cache sequence, version of the database) that it holds for.
        values: {field: its part of the ORM's cache}.
        lists: {ids of companies: the same of what leads to many records, which rules narrow by companies}.
        sold: {ids of companies: ids of products that this caller may sell in them}.
        found: {(ids of companies, name): ids that this caller has found by that name}.
    """

    state: tuple
    values: dict = field(default_factory=dict)
    lists: dict = field(default_factory=dict)
    sold: dict = field(default_factory=dict)
    found: dict = field(default_factory=dict)

    def sold_in(self, env):
        """Return the set of the products that may be sold in an environment's companies, to be added to."""
        return self.sold.setdefault(_companies(env), set())

    def part(self, known, companies):
        """Return the dictionary that a field's values are kept in."""
        return self.lists.setdefault(companies, {}) if known.type in TO_MANY else self.values


class _Process:
    """What this process keeps, of one registry."""

    lock = threading.Lock()
    registry = None
    traced = frozenset()  # tables whose changes are logged
    complete = False  # whether these are all that what is kept comes from
    ruled = {}  # caller: (sequences, whether the changes of what rules look at are logged)
    fields = ()  # that are kept
    callers = OrderedDict()  # caller: Standing


_sequences = WeakKeyDictionary()  # transaction: signalling sequences from before its snapshot
# transaction: {caller or (caller, ids of companies): Standing that is in its cache}, None for one that keeps
# nothing
_used = WeakKeyDictionary()
_entered = WeakKeyDictionary()  # transaction: ids of the companies whose lists are in its cache


def _companies(env):
    return tuple(env.context.get("allowed_company_ids", ()))


def tables(env):
    """Return the tables that what is kept comes from."""
    found = set(TABLES)
    for model, names in FIELDS.items():
        records = env[model]
        found.add(records._table)
        for known in filter(None, map(records._fields.get, names)):
            if known.store and known.type == "many2many":
                found.add(known.relation)
    return found


change_log.CATALOGUE.sources.append(tables)


def begin(env, sequences):
    """Tell what an environment's transaction may take from what is kept, and add to it.

    Args:
        env: of a transaction that has just begun.
        sequences: (registry sequence, cache sequence) of the registry from before it: a later one would stand
            for changes that it does not see.
    """
    if hasattr(env, "transaction"):  # not in 14.0
        _sequences[env.transaction] = sequences


def enter(env):
    """Forget what a transaction's cache holds of other companies than those of an environment: lists that
    record rules narrow, such as a product's taxes, are cached there without the companies they were read for.

    Args:
        env: environment for one company that the transaction goes on with.
    """
    transaction, companies = getattr(env, "transaction", env.all), _companies(env)  # 14.0 has but ``all``
    if _entered.setdefault(transaction, companies) != companies:
        _entered[transaction] = companies
        env["base"].flush()
        env.cache.invalidate()
        (_used.get(transaction) or {}).clear()


def at_hand(env):
    """Return the :class:`Standing` of an environment's caller, its values in the transaction's cache; None
    where nothing is kept."""
    if not hasattr(env, "transaction"):
        return None  # 14.0
    if env.registry.in_test_mode():
        return None  # the version tells of what is committed
    used = _used.setdefault(env.transaction, {})
    if used is None:
        return None
    caller, companies = _caller(env), _companies(env)
    if caller not in used:
        used[caller] = _begin(env, caller)
    if (caller, companies) not in used:
        used[caller, companies] = standing = used[caller]
        with _Process.lock:
            _take(env, standing.lists.get(companies, {}) if standing else {})
    return used[caller]


def _caller(env):
    """Return what values depend on that the ORM's cache does not tell apart, and whose rights they are."""
    return env.uid, env.lang, env.context.get("tz")


def _begin(env, caller):
    registry = env.registry
    if _Process.registry is not registry:
        _Process.callers.clear()
        _Process.ruled = {}
        _Process.traced = change_log.traced(env.cr)
        _Process.complete = tables(env) <= _Process.traced
        _Process.fields = [
            known
            for model, names in FIELDS.items()
            for known in map(env[model]._fields.get, names)
            if known and _comes_from_columns(env[model], known)
        ]
        _Process.registry = registry
    sequences = _sequences.get(env.transaction)
    if not _Process.complete or sequences is None or not _rules_are_traced(env, caller, sequences):
        return None
    env.cr.execute(BEGIN, (env.uid,))
    version, changed, *user = env.cr.fetchone()
    _remember_user(env, *user)
    if changed:
        return None
    state = (*sequences, version)
    with _Process.lock:
        found = _Process.callers.get(caller)
        if found is None or found.state != state:
            found = _Process.callers[caller] = Standing(state)
            while len(_Process.callers) > CALLERS:
                _Process.callers.popitem(last=False)
        _take(env, found.values)
    return found


def _take(env, kept):
    """Put what is kept into the cache of an environment's transaction."""
    for known, values in kept.items():
        _merge(env.cache._data[known], values, env.registry.field_depends_context[known])


def _rules_are_traced(env, caller, sequences):
    """Return whether the changes are logged of all that the caller's record rules look at."""
    known, traced = _Process.ruled.get(caller, (None, False))
    if known != sequences:
        traced = _traced_by_rules(env)
        _Process.ruled[caller] = (sequences, traced)
        while len(_Process.ruled) > CALLERS:
            _Process.ruled.pop(next(iter(_Process.ruled)), None)
    return traced


def _traced_by_rules(env):
    texts = []
    for records in map(env.__getitem__, FIELDS):
        if rules(records):
            query = records._where_calc([], active_test=False)
            try:
                narrow(records, query)
            except NotCompilable:
                return False
            texts.append(query.select("1")[0])
    return compiler.tables_of(env.cr, " ".join(texts)) <= _Process.traced


def _comes_from_columns(records, known):
    """Return whether a field comes from what is logged: a column, what it is related to, a property, or what
    Odoo's own method makes of those."""
    if known.store or known.related or known.company_dependent:
        return True
    method, module = COMPUTED.get((records._name, known.name), ("", ""))
    return bool(method) and comes_from(getattr(type(records), method, None), module)


def _remember_user(env, partner_id, name, company_ids):
    """Put what every sale tells of its user and compares with the user's companies into the cache, without
    the rest of the rows that Odoo would read for it."""
    user, partner = env.user, env["res.partner"].browse(partner_id)
    env.cache.set(user, user._fields["partner_id"], partner_id)
    env.cache.set(user, user._fields["company_ids"], tuple(company_ids))
    env.cache.set(partner, partner._fields["name"], name)


def _merge(target, source, by_context):
    """Add a field's values to others of it: {id: value}, or {context: {id: value}}."""
    if by_context:
        for context, values in source.items():
            _merge(target.setdefault(context, {}), values, ())
    elif len(source) != len(target):
        target.update(source)


def _more(kept, read, by_context):
    """Return whether more values of a field were read than are kept."""
    if by_context:
        return any(_more(kept.get(context, {}), values, ()) for context, values in read.items())
    return len(read) > len(kept)


def _changed_here(env):
    env.cr.execute(f"SELECT {change_log.CATALOGUE.changed_here}")
    return env.cr.fetchone()[0]


def found(env, name, search):
    """Return the ids that ``search()`` finds, which the tables of what is kept must decide alone.

    Args:
        env: environment whose companies the search is made in.
        name: tells the search from others.
        search: function without arguments that returns records.
    """
    standing = at_hand(env)
    if standing is None:
        return search().ids
    kept, key = standing.found, (_companies(env), name)
    if key in kept:
        return kept[key]
    ids = search().ids
    # Clients choose what is asked for, so what is not there is not kept; nor is what is not yet committed.
    if ids and not _changed_here(env):
        kept[key] = ids
    return ids


def keep(env):
    """Keep what a transaction that has moved no stock has read."""
    standing = (_used.get(env.transaction) or {}).get(_caller(env))
    if standing is None:
        return
    cache, by_context = env.cache._data, env.registry.field_depends_context
    companies = _companies(env)
    grown = [
        known
        for known in _Process.fields
        if known in cache
        and _more(standing.part(known, companies).get(known, {}), cache[known], by_context[known])
    ]
    if not grown:
        return
    if _changed_here(env):
        return
    with _Process.lock:
        if sum(map(len, standing.sold.values())) > PRODUCTS:
            standing.values, standing.lists, standing.sold, standing.found = {}, {}, {}, {}
            return
        for known in grown:
            target = standing.part(known, companies).setdefault(known, {})
            _merge(target, cache[known], by_context[known])


def let_go(env):
    """Keep nothing more of a transaction: it changes what is kept."""
    if hasattr(env, "transaction"):
        _used[env.transaction] = None
