"""Prices, taxes and totals as the point of sale's own screen works them out.

Odoo's server has no such method: where a fiscal position changes a tax that is included in the price, its
``pos.order.line`` and the screen come to different prices, and the order is what the screen sends.
"""

from collections import defaultdict
from decimal import Decimal

from odoo import fields
from odoo.release import version_info
from odoo.tools import float_compare, float_round


def unit_price(env, price):
    """Return a unit price in the digits of product prices."""
    return float_round(price, precision_digits=env["decimal.precision"].precision_get("Product Price"))


def in_steps(product, quantity):
    """Return a quantity in the steps of the product's unit."""
    digits = product.env["decimal.precision"].precision_get("Product Unit of Measure")
    return float_round(quantity, precision_rounding=max(product.uom_id.rounding, 10**-digits))


def taxes_of(product, company):
    """Return a product's taxes in a company, before any fiscal position."""
    return product.taxes_id.filtered(lambda tax: tax.company_id == company)


def _mapped(order, tax, product):
    arguments = (product, order.partner_id) if version_info[0] < 15 else ()
    return order.fiscal_position_id.map_tax(tax, *arguments)


def taxes_for(order, product):
    """Return a product's taxes in an order, after its fiscal position."""
    return _mapped(order, taxes_of(product, order.company_id), product)


def _after_fiscal_position(order, product, price):
    """Return a price in which included taxes that the fiscal position takes away are taken out, and those
    that it puts in their place are put in."""
    gone = new = order.env["account.tax"]
    for tax in taxes_of(product, order.company_id) if order.fiscal_position_id else ():
        mapped = _mapped(order, tax, product)
        if mapped[:1].price_include:
            new |= mapped
        if tax.price_include and tax not in mapped:
            gone |= tax
    if not gone:
        return price
    currency = order.pricelist_id.currency_id
    bare = gone.compute_all(price, currency, 1)["total_excluded"]
    return new.compute_all(bare, currency, 1, handle_price_include=False)["total_included"] if new else bare


def _priced(order, product, price):
    return unit_price(order.env, _after_fiscal_position(order, product, price))


def _without_rules(order, products, moment):
    """Return {id: price} as ``_compute_price_rule`` gives it where no rule applies."""
    pricelist, date = order.pricelist_id, moment or fields.Datetime.now()
    products = order.env["product.product"].browse([product.id for product in products])
    prices = products.price_compute("list_price")
    return {
        product.id: product.currency_id._convert(
            prices[product.id], pricelist.currency_id, order.env.company, date, round=False
        )
        for product in products
    }


def list_price(order, product, quantity, moment=None):
    """Return the unit price that an order's pricelist and fiscal position give.

    Args:
        order: the order.
        product: variant.
        quantity: for prices that depend on it.
        moment: for pricelists with dates (UTC); now, if not given.
    """
    return list_prices(order, [(product, quantity)], moment)[product.id, quantity]


def list_prices(order, wanted, moment=None, rules=True):
    """Return {(id of the variant, quantity): unit price} as :func:`list_price`, for a whole order at once.

    Args:
        order: the order, or its :class:`~.selling.Terms`.
        wanted: list of (variant, quantity).
        moment: for pricelists with dates (UTC); now, if not given.
        rules: False where the pricelist is known to have none, so that Odoo need not look for them.
    """
    prices, left = {}, {(product.id, quantity): product for product, quantity in wanted}
    if left and not rules:
        found = _without_rules(order, left.values(), moment)
        return {
            (product.id, quantity): _priced(order, product, found[product.id])
            for (_number, quantity), product in left.items()
        }
    while left:
        # Odoo's answer has one price a product, so another quantity of it takes another turn
        turn = {number: (left[number, quantity], quantity) for number, quantity in left}
        products, quantities = zip(*turn.values())
        found = order.pricelist_id.get_products_price(
            list(products), list(quantities), [order.partner_id] * len(turn), date=moment or False
        )
        for product, quantity in turn.values():
            prices[product.id, quantity] = _priced(order, product, found[product.id])
            del left[product.id, quantity]
    return prices


def has_list_price(line):
    """Return whether a line's price is the one that its order gives now; another one was set by hand, or
    comes from the sale that the line takes back."""
    price = list_price(line.order_id, line.product_id, line.qty)
    return not line.refunded_orderline_id and not float_compare(price, line.price_unit, precision_digits=6)


def sum_line(line):
    """Work out a line's amounts from its quantity, price, discount and taxes."""
    line.update(line._compute_amount_line_all())


def line_amounts(order, product, quantity, price, discount, taxes):
    """Return Odoo's result of the taxes on a line that is not made yet, as ``_compute_amount_line_all`` calls
    for it."""
    return _mapped(order, taxes, product).compute_all(
        price * (1 - (discount or 0.0) / 100.0),
        order.pricelist_id.currency_id,
        quantity,
        product=product,
        partner=order.partner_id,
    )


def _total(amounts):
    """Return a sum as PostgreSQL's numeric gives it, which Odoo's helper adds in."""
    return float(sum(Decimal(repr(amount)) for amount in amounts))


def order_totals(order, computed):
    """Return (total, tax) of an order that is not made yet, from its lines' :func:`line_amounts`."""
    currency = order.pricelist_id.currency_id
    if order.company_id.tax_calculation_rounding_method == "round_globally":
        return _totals_rounded_globally(currency, computed)
    included = _total(one["total_included"] for one in computed)
    tax = included - _total(one["total_excluded"] for one in computed)
    return currency.round(included), currency.round(tax)


def _totals_rounded_globally(currency, computed):
    """Return (total, tax) in a company that rounds the sum of each tax, not the tax of each line."""
    taxes = defaultdict(float)
    for one in computed:
        for tax in one["taxes"]:
            taxes[tax["id"]] += tax["amount"]
    tax = sum(currency.round(amount) for amount in taxes.values())
    return currency.round(sum(one["total_excluded"] for one in computed)) + tax, tax


def sum_order(order):
    """Work out an order's totals from its lines and payments."""
    order._compute_batch_amount_all()
    if order.company_id.tax_calculation_rounding_method != "round_globally":
        return
    # the helper adds what is rounded line by line
    computed = [
        line.tax_ids_after_fiscal_position.compute_all(
            line.price_unit * (1 - (line.discount or 0.0) / 100.0),
            order.pricelist_id.currency_id,
            line.qty,
            product=line.product_id,
            partner=order.partner_id,
        )
        for line in order.lines
    ]
    order.amount_total, order.amount_tax = _totals_rounded_globally(order.pricelist_id.currency_id, computed)
