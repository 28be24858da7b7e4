"""What a product's page has beside the columns, in SQL: taxes, price and variants.

The price is worked out where it is a plain one: a pricelist without rules in the product's own currency, no
fiscal position, and percentages of it, on top or included. Python works out any other.
"""

from ..lean.expressions import holds, translated
from ..lean.readable import NotCompilable, narrow, readable
from ..lean.scope import Scope
from ..records import DECIMALS

METHODS = {
    "product.pricelist:get_product_price": "odoo.addons.product.models.product_pricelist",
    "product.pricelist:get_products_price": "odoo.addons.product.models.product_pricelist",
    "product.pricelist:_compute_price_rule": "odoo.addons.product.models.product_pricelist",
    "product.pricelist:_compute_price_rule_get_items": "odoo.addons.product.models.product_pricelist",
    "price_compute": "odoo.addons.product.models.product",
    "account.tax:compute_all": "odoo.addons.account.models.account_tax",
    "account.tax:_compute_amount": "odoo.addons.account.models.account_tax",
}
REPARTED = (
    "coalesce((SELECT sum(p.factor_percent) FROM account_tax_repartition_line p"
    " WHERE p.invoice_tax_id = {tax}.id AND p.repartition_type = 'tax'), 0)"
)
PLAIN_TAX = (
    "{tax}.amount_type = 'percent'"
    f" AND NOT coalesce({{tax}}.include_base_amount, false) AND {REPARTED} = 100"
)


def _taxes_of(scope, company, columns, order=""):
    """Return the SQL of a SELECT of the product's taxes in a company, its id given in SQL."""
    template = scope.column("product_tmpl_id")
    condition = (
        f'"account_tax".company_id = {company} AND "account_tax".id IN'
        f" (SELECT r.tax_id FROM product_taxes_rel r WHERE r.prod_id = {template})"
    )
    templates = scope.model.env["product.template"]
    domain = templates._fields["taxes_id"].get_domain_list(templates)
    return readable(scope.model.env["account.tax"], domain, condition, columns, order)


def taxes(scope):
    """Return the SQL of the JSON array of a product's taxes in the caller's company."""
    tax = '"account_tax"'
    name = scope.model.env["account.tax"]._fields["name"]
    if name.translate:
        raise NotCompilable("names of taxes are translated")
    row = (
        f"concat('{{\"id\": ', {tax}.id, ', \"name\": ', to_json({tax}.name), ', \"amount\": ',"
        f" trim_scale(round({tax}.amount::numeric, {DECIMALS})), ', \"amount_type\": ',"
        f" to_json({tax}.amount_type), ', \"price_include\": ',"
        f" CASE WHEN {tax}.price_include THEN 'true' ELSE 'false' END, '}}')"
    )
    ordered = f"string_agg({row}, ', ' ORDER BY {tax}.sequence, {tax}.id)"
    listed = _taxes_of(scope, scope.model.env.company.id, f"concat('[', {ordered}, ']')")
    return f"({listed})"


def pricing(scope):
    """Return the SQL of the JSON of a product's price at the caller's open point of sale, or the company's
    first."""
    env = scope.model.env
    if not holds(scope.model, METHODS):
        raise NotCompilable("prices or taxes are worked out by another module")
    mine = [("user_id", "=", env.uid), ("state", "!=", "closed")]
    newest, first = '"pos_session".id DESC LIMIT 1', '"pos_config".id LIMIT 1'
    opened = readable(env["pos.session"], mine, "TRUE", '"pos_session".config_id', newest)
    ours = readable(
        env["pos.config"], [("company_id", "=", env.company.id)], "TRUE", '"pos_config".id', first
    )
    config = scope.joined(env["pos.config"], f"coalesce(({opened}), ({ours}))", "till")
    pricelist, company = config.follow("pricelist_id"), config.follow("company_id")
    currency, own = pricelist.follow("currency_id"), scope.column("company_id")
    # Odoo keeps external ids in a cache and signals when they change.
    ids = env["ir.model.data"]
    main = getattr(ids, "_xmlid_to_res_id", None) or ids.xmlid_to_res_id  # 15.0, 14.0
    whose = f"coalesce({own}, {main('base.main_company')})"
    of_product = f"(SELECT c.currency_id FROM res_company c WHERE c.id = {whose})"
    tax = '"account_tax"'
    unusual = _taxes_of(scope, company.column("id"), "1") + f" AND NOT ({PLAIN_TAX.format(tax=tax)})"
    number = pricelist.column("id")
    scope.hard.append(
        f"{number} IS NOT NULL AND ("
        f"EXISTS (SELECT FROM product_pricelist_item i WHERE i.pricelist_id = {number})"
        f" OR {config.column('default_fiscal_position_id')} IS NOT NULL"
        f" OR {pricelist.column('currency_id')} IS DISTINCT FROM {of_product}"
        f" OR {company.column('tax_calculation_rounding_method')} = 'round_globally'"
        f" OR EXISTS ({unusual}))"
    )
    digits = env["decimal.precision"].precision_get("Product Price")
    price, step = f"round({scope.column('lst_price')}, {digits})", currency.column("rounding")
    bare = f"round({price} / {step}) * {step}"
    # what is included comes off together, and what is on top counts from there (account.tax, compute_all)
    included = _taxes_of(
        scope,
        company.column("id"),
        f"coalesce(sum({tax}.amount::numeric) FILTER (WHERE {tax}.price_include), 0)",
    )
    untaxed = f"round({bare} / (1 + ({included}) / 100) / {step}) * {step}"
    taxed = _taxes_of(
        scope,
        company.column("id"),
        f"coalesce(sum(round({untaxed} * {tax}.amount::numeric / 100 / {step}) * {step})"
        f" FILTER (WHERE {tax}.price_include IS NOT TRUE), 0)",
    )
    shown = f"trim_scale(round({{}}, {DECIMALS}))"
    return (
        f"CASE WHEN {number} IS NULL THEN 'null' ELSE concat('{{\"pricelist\": {{\"id\": ', {number},"
        f" ', \"name\": ', to_json({pricelist.column('name')}), '}}, \"currency\": ',"
        f" to_json({currency.column('name')}), ', \"price\": ', {shown.format(price)},"
        f" ', \"price_without_tax\": ', {shown.format(untaxed)},"
        f" ', \"price_with_tax\": ', {shown.format(f'{bare} + ({taxed})')}, '}}') END"
    )


_ATTRIBUTES = """
 FROM product_variant_combination c
 JOIN product_template_attribute_value p ON p.id = c.product_template_attribute_value_id
 JOIN product_template_attribute_line l ON l.id = p.attribute_line_id
 JOIN product_attribute a ON a.id = l.attribute_id{attribute_join}
 JOIN product_attribute_value v ON v.id = p.product_attribute_value_id{value_join}
WHERE c.product_product_id = "{alias}".id"""


def _on_sale(scope):
    """Return the scope of the variants of a product's template that are on sale, in a query of their own."""
    template, products = scope.follow("product_tmpl_id").column("id"), scope.model.browse()
    query = products._where_calc([("available_in_pos", "=", True), ("sale_ok", "=", True)])
    narrow(products, query)
    query.add_where(f'"{products._table}".product_tmpl_id = {template}')
    query.order = products._generate_order_by(None, query).replace("ORDER BY ", "")
    return Scope(products, products._table, query, [])


def variants(scope):
    """Return the SQL of the JSON array of the variants of a product's template that are on sale."""
    each, alias = _on_sale(scope), scope.model._table
    attribute, attribute_join = translated(each, "product.attribute", "name", "a")
    value, value_join = translated(each, "product.attribute.value", "name", "v")
    source = _ATTRIBUTES.format(attribute_join=attribute_join, value_join=value_join, alias=alias)
    pairs = f"concat(to_json({attribute}), ': ', to_json({value}))"
    order = "a.sequence, a.id, l.id, v.sequence, v.id, p.id"
    attributes = f"(SELECT concat('{{{{', string_agg({pairs}, ', ' ORDER BY {order}), '}}}}'){source})"
    # two attributes of one name become one member
    twice = f"(SELECT count(*) <> count(DISTINCT {attribute}){source})"
    row = (
        f'concat(\'{{{{"id": \', "{alias}".id, \', "name": \', to_json({each.column("display_name")}),'
        f" ', \"attributes\": ', {attributes}, '}}}}')"
    )
    listed = f"concat('[', string_agg({row}, ', ' {{order}}), ']')"
    scope.hard.append(f"coalesce({_on_sale(scope).aggregate(f'bool_or({twice})')}, false)")
    return each.aggregate(listed)
