"""How an order is rung up, by Odoo's own methods. Totals, taxes and prices are the server's."""

from dataclasses import dataclass

from odoo.models import BaseModel
from odoo.tools import float_is_zero

from . import standing
from .frame.problems import Problem, invalid
from .lots import sold_lots
from .pricing import (
    has_list_price,
    in_steps,
    list_price,
    list_prices,
    sum_line,
    sum_order,
    taxes_of,
    unit_price,
)
from .records import columns, find, write
from .resources.order import LINE, ORDER
from .resources.product import NAMES, SOLD
from .resources.session import open_sessions
from .rows import comes_from

PRICELISTS = "odoo.addons.product.models.product_pricelist"
LOOK_FOR_RULES = ("get_products_price", "_compute_price_rule", "_compute_price_rule_get_items")
RECEIPT_LANE = 900  # middle part of our receipt numbers; the till's own are its login numbers, counted from 1


def hold(sessions, condition="state = 'opened'"):
    """Lock sessions against closing until the end of the transaction; other sales share the lock. Return
    whether there is one in the wanted state."""
    sessions.flush(["state"])
    sessions.env.cr.execute(
        f"SELECT id FROM pos_session WHERE id IN %s AND {condition} FOR SHARE",
        (tuple(sessions.ids) or (0,),),
        log_exceptions=False,  # a session closed since the snapshot is a serialization failure, and foreseen
    )
    return bool(sessions.env.cr.fetchone())


def no_open_session():
    """Return the 409 for a sale without an open session."""
    return Problem(
        409,
        "No session is open: open the point of sale, with its opening cash, and try again.",
        "no-open-session",
    )


def named_session(call, session_id):
    """Return a session that the caller may sell in, whatever its state: a cashier's own, any for a manager.

    Raises:
        Problem: 422 where it is another's or unknown.
    """
    sessions = call.env["pos.session"]
    ids = standing.found(
        call.env, ("session", session_id), lambda: sessions.search([("id", "=", session_id)])
    )
    session = sessions.browse(ids)
    if not session or (session.user_id != call.env.user and not call.principal.is_manager):
        raise invalid(("/session_id", "is not a session in which you may sell"))
    return session


def in_company(record):
    """Return a record of the point of sale in its company, which may not be the user's first."""
    company = record.company_id
    entered = record.with_context(allowed_company_ids=company.ids).with_company(company)
    standing.enter(entered.env)
    return entered


def selling_session(call, session_id=None):
    """Return the session to sell in: the named one, or else the caller's only open one. It is held open.

    Rescue sessions stand beside the one that is sold in, so they have to be named.

    Raises:
        Problem: 409 where no session (or not this one) is open, 422 where the session has to be named or is
            unknown.
    """
    if session_id is not None:
        sessions = named_session(call, session_id)
    else:
        ids = standing.found(call.env, "open sessions", lambda: open_sessions(call.env, call.env.uid))
        sessions = call.env["pos.session"].browse(ids)
        sessions = sessions.filtered_domain([("state", "=", "opened"), ("rescue", "=", False)])
        if len(sessions) > 1:
            raise invalid(("/session_id", "is required: you have more than one session open"))
    if not hold(sessions):
        raise no_open_session()
    return in_company(sessions)


def _rescue_session(session):
    """Return the session that takes late orders of a closed one, as Odoo's own import makes it.

    Where it has to be made, the closed session is claimed first: of two calls at once the second one finds
    what the first one made.
    """
    if not session.search_count(
        [("config_id", "=", session.config_id.id), ("rescue", "=", True), ("state", "=", "opened")]
    ):
        claim(session)
    late = {"pos_session_id": session.id, "name": "taken offline", "amount_total": 0}  # for Odoo's log
    return session.env["pos.order"]._get_valid_session(late)


def offline_session(call, session_id=None):
    """Return the session for an order that was taken offline: as :func:`selling_session` does, but where the
    named one has been closed meanwhile, the rescue session of its point of sale.

    Raises:
        Problem: as :func:`selling_session`.
    """
    if session_id is None:
        return selling_session(call)
    session = named_session(call, session_id)
    if session.state not in ("closing_control", "closed"):
        return selling_session(call, session_id)
    rescue = _rescue_session(in_company(session))
    if not hold(rescue):
        raise no_open_session()
    return in_company(rescue)


def claim(record):
    """Make sure that no other call changes a record in this transaction's time.

    The row is written, not only locked: at REPEATABLE READ the call that comes second then fails with a
    serialization failure, is run again and sees what the first one did.
    """
    record.env.cr.execute(
        f"UPDATE \"{record._table}\" SET write_date = now() AT TIME ZONE 'UTC' WHERE id = %s",
        (record.id,),
        log_exceptions=False,  # that failure is foreseen
    )
    record.invalidate_cache(["write_date"], record.ids)


def order_at_hand(call, state="opened"):
    """Return the order of the path, with its session held in a state and no other call changing it.

    Args:
        call: :class:`~.frame.call.Call` whose path names the order.
        state: ``opened``, or ``unclosed`` for what is still possible while the session is being closed.

    Raises:
        Problem: 404, or 409 where the session is in another state.
    """
    order = find(call, ORDER, call.path["id"])
    if not hold(order.session_id, "state = 'opened'" if state == "opened" else "state <> 'closed'"):
        raise no_open_session()
    claim(order)
    return in_company(order)


def need_draft(order):
    """Refuse what only drafts allow (409)."""
    if order.state != "draft":
        raise Problem(409, "The order is no longer a draft.", "not-a-draft")


def known_customer(env, customer_id):
    """Return a customer; none for None.

    Raises:
        Problem: 422 for an unknown one.
    """
    if customer_id is None:
        return env["res.partner"]
    customer = env["res.partner"].search([("id", "=", customer_id)])
    if not customer:
        raise invalid(("/customer_id", "is not a known customer"))
    return customer


def _check_products(env, lines, at):
    """Refuse lines whose product is not sold here (422)."""
    kept = standing.at_hand(env)
    sold = kept.sold_in(env) if kept else set()
    unknown = {line["product_id"] for line in lines} - sold
    if unknown:
        sold.update(env["product.product"].search([*SOLD, ("id", "in", list(unknown))]).ids)
    errors = [
        (f"{at.format(index)}/product_id", "is not a product of the point of sale")
        for index, line in enumerate(lines)
        if line["product_id"] not in sold
    ]
    if errors:
        raise invalid(*errors)


def _check_price_control(call, config, lines, at):
    """Refuse a client's price or discount where the point of sale keeps them to managers or has none."""
    for index, line in enumerate(lines):
        if "unit_price" in line and config.restrict_price_control and not call.principal.is_manager:
            raise Problem(
                403,
                f"{at.format(index)}/unit_price: this point of sale leaves prices to managers.",
                "price-control",
            )
        if line.get("discount") and not config.manual_discount:
            raise Problem(
                403,
                f"{at.format(index)}/discount: this point of sale has no discounts by line.",
                "price-control",
            )


def _pricelist(config, customer):
    """Return the customer's pricelist where the point of sale offers it, as its screen does, or else its
    own."""
    preferred = customer.property_product_pricelist
    offered = config.use_pricelist and preferred and preferred in config.available_pricelist_ids
    return preferred if offered else config.pricelist_id


def _fiscal_position(config, customer):
    """Return the customer's fiscal position, or else the default one; none where the point of sale does not
    offer it, as on its screen."""
    wanted = customer.property_account_position_id or config.default_fiscal_position_id
    return wanted & config.fiscal_position_ids


@dataclass(frozen=True)
class Terms:
    """What follows from an order's session and customer. Its names are those of an order, so that what prices
    an order prices one that is not made yet."""

    session_id: BaseModel
    partner_id: BaseModel
    pricelist_id: BaseModel
    fiscal_position_id: BaseModel

    @property
    def env(self):
        """Odoo environment of the sale."""
        return self.session_id.env

    @property
    def config_id(self):
        """The point of sale."""
        return self.session_id.config_id

    @property
    def company_id(self):
        """The company that sells."""
        return self.session_id.company_id

    @property
    def currency_id(self):
        """The currency of the amounts."""
        return self.config_id.currency_id

    def _get_rounded_amount(self, amount):
        """Return an amount as Odoo rounds that of an order."""
        order = self.env["pos.order"].new({"session_id": self.session_id.id})
        return order._get_rounded_amount(amount)

    def values(self):
        """Return the columns of an order that follow from its customer."""
        return {
            "partner_id": self.partner_id.id,
            "pricelist_id": self.pricelist_id.id,
            "fiscal_position_id": self.fiscal_position_id.id,
        }


def terms(session, customer):
    """Return the :class:`Terms` of a sale to a customer, or to nobody."""
    config = session.config_id
    return Terms(session, customer, _pricelist(config, customer), _fiscal_position(config, customer))


def _may_have_rules(pricelist):
    """Return whether Odoo has to look for rules of a pricelist."""
    methods = (getattr(type(pricelist), name, None) for name in LOOK_FOR_RULES)
    if standing.at_hand(pricelist.env) is None or not all(comes_from(one, PRICELISTS) for one in methods):
        return True
    rules = pricelist.env["product.pricelist.item"].sudo()
    return bool(
        standing.found(
            pricelist.env,
            ("rules", pricelist.id),
            lambda: rules.search([("pricelist_id", "=", pricelist.id)], limit=1),
        )
    )


def new_lines(call, order, lines, at="/lines/{}", moment=None):
    """Return the values of the lines that a body asks for, in Odoo's names, priced but not summed.

    Args:
        call: :class:`~.frame.call.Call`.
        order: draft order, or the :class:`Terms` of a new one.
        lines: checked lines of the body.
        at: place of a line in the body, for refusals.
        moment: when it was sold, for pricelists with dates; now, if not given.

    Raises:
        Problem: 403 for a price or discount that is not the caller's to set, 422 for products that are not
            sold here.
    """
    env = order.env
    _check_products(env, lines, at)
    _check_price_control(call, order.config_id, lines, at)
    products = env["product.product"].browse([line["product_id"] for line in lines])
    quantities, lots = [], []
    for index, (sent, product) in enumerate(zip(lines, products)):
        quantity = in_steps(product, sent["quantity"])
        if float_is_zero(quantity, precision_digits=6):
            raise invalid((f"{at.format(index)}/quantity", "is less than the product's unit can tell"))
        where = f"{at.format(index)}/lots"
        found, wrong = sold_lots(order.config_id, product, quantity, sent.get("lots", ()), where)
        if wrong:
            raise invalid((where, wrong))
        quantities.append(quantity)
        lots.append(found)
    priced = list_prices(
        order,
        [pair for sent, *pair in zip(lines, products, quantities) if "unit_price" not in sent],
        moment,
        _may_have_rules(order.pricelist_id),
    )
    return [
        {
            "discount": 0.0,
            **columns(LINE, sent),
            "qty": quantity,
            "price_unit": unit_price(env, sent["unit_price"])
            if "unit_price" in sent
            else priced[product.id, quantity],
            "product_id": product.id,
            "full_product_name": product.with_context(**NAMES).display_name,
            "tax_ids": [(6, 0, taxes_of(product, order.company_id).ids)],
            "pack_lot_ids": found,
        }
        for sent, product, quantity, found in zip(lines, products, quantities, lots)
    ]


def add_lines(call, order, lines, at="/lines/{}", moment=None):
    """Add priced and taxed lines to a draft order and work out its totals.

    Args, Raises:
        As :func:`new_lines`.
    """
    for values in new_lines(call, order, lines, at, moment):
        line = order.env["pos.order.line"].create(
            {**values, "order_id": order.id, "price_subtotal": 0, "price_subtotal_incl": 0}
        )
        sum_line(line)
    sum_order(order)


def set_customer(order, customer):
    """Give a draft order a customer, or none, with the pricelist and fiscal position that go with it. Lines
    are priced anew unless their price was set by hand, as the till does it."""
    by_list = order.lines.filtered(has_list_price)
    order.write(terms(order.session_id, customer).values())
    for line in order.lines:
        if line in by_list:
            line.price_unit = list_price(order, line.product_id, line.qty)
        sum_line(line)
    sum_order(order)


def seller(env, config):
    """Return the values of an order that tell who sells: the user, and where cashiers are employees, the
    user's own employee. Employees are HR's only, so this one is looked up with elevated rights."""
    employees = env.user.sudo().employee_ids if config.module_pos_hr else env["hr.employee"]
    own = employees.filtered(lambda employee: employee.company_id == config.company_id)[:1]
    return {"user_id": env.uid, "employee_id": own.id}


def take_off(lines):
    """Remove lines of a draft, with their lots, which Odoo would leave behind."""
    lines.pack_lot_ids.unlink()
    lines.unlink()


def receipt_number(session, number):
    """Return a receipt number in the form that the till reads (14 digits and dashes), unique within the
    session."""
    return f"Order {session.id:05d}-{RECEIPT_LANE + number // 10000 % 100:03d}-{number % 10000:04d}"


def draft(call, session, body, moment=None):
    """Create a draft order with priced and taxed lines.

    Args:
        call: :class:`~.frame.call.Call`.
        session: open session, from :func:`selling_session`.
        body: checked body: lines, and optionally customer_id and note.
        moment: when it was sold (UTC); now, if not given.

    Raises:
        Problem: 403 for a price or discount that is not the caller's to set, 422 for unknown products or
            customers.
    """
    env = session.env
    order = write(
        env["pos.order"],
        ORDER,
        body,
        **terms(session, known_customer(env, body.get("customer_id"))).values(),
        **({"date_order": moment} if moment else {}),
        **seller(env, session.config_id),
        session_id=session.id,
        company_id=session.company_id.id,
        amount_total=0,
        amount_tax=0,
        amount_paid=0,
        amount_return=0,
    )
    order.pos_reference = receipt_number(session, order.id)
    add_lines(call, order, body["lines"], moment=moment)
    return order
