"""Verify's own users, tills and goods, so that checks which write touch nobody else's.

All of it is made once, through Odoo's own web client, marked by `MARK`, and kept in the archive while no run
goes on; what single calls made besides is deleted where nothing refers to it. The mark is not the name of
verify's first till (`verify.shop.till`): a browser looks for that one by a part of its name.
"""

import secrets
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from verify.clients.odoo_rpc import OdooError, OdooSession, call
from verify.clients.web import Site
from verify.shop.callers import Caller
from verify.shop.ledger import Ledger
from verify.shop.records import EVERY, archive, call_long, ensure, ensure_all, reference

MARK = "Tillstack-verification"
TEMPORARY = f"{MARK} temporary"
CASHIER = ("base.group_user", "point_of_sale.group_pos_user")
MANAGER = (
    *CASHIER,
    "point_of_sale.group_pos_manager",
    "hr_attendance.group_hr_attendance_user",
    "base.group_partner_manager",
)
LOGINS = {"verify-cashier": CASHIER, "verify-other": CASHIER, "verify-manager": MANAGER}
# Name of a till, and the code of its cash journal. The spare one is opened and closed by calls.
TILLS = {"cashier": "TSVC", "other": "TSVO", "spare": "TSVS"}
GOODS_PRICE = 11.0  # with TAX_PERCENT in it, so 10 without: whole numbers in every currency
SERVICE_PRICE = 10.0  # without tax
LABEL_PRICE = 5.0
TAX_PERCENT = 10
STOCK = 1_000_000
# At the time clock: so many that none begins three shifts in one second. Odoo keeps whole seconds, and its
# check of a shift's end takes any of those that began in one second for the one before.
CLERKS = 120
LABELS = 24  # products whose price is changed


@dataclass(frozen=True)
class People:
    """Verify's users, logged in, and what they sell.

    Attributes:
        site: the web server.
        series: Odoo's series.
        cashier, other, manager: callers; `other` is a cashier with a till of its own.
        config_id, other_config_id: tills with an open session of the cashier's, and of the other's.
        spare_config_id: a till that calls open and close.
        session_id, other_session_id: open sessions; the other's is for one order of a known amount alone.
        method_id, card_id: the cashier's ways to be paid, in cash and by card.
        spare_method_id: cash at the spare till.
        product_id: stored goods at `GOODS_PRICE`, `TAX_PERCENT` in it.
        service_id: a service at `SERVICE_PRICE`, without tax.
        category_id: category of both.
        customer_id: a customer.
        employee_id: an employee who stays away from the time clock.
        pin: of all employees, of this run.
        resets: whether Odoo lets users reset their password by mail.
        ledger: where orders are entered that the API acknowledges.
        clerks: ids of employees who are free to clock in.
        labels: ids of products whose price nobody is changing.
        families: tokens of logins that calls may use up.
        kept: what calls have prepared once and use again, by name.
    """

    site: Site
    series: str
    cashier: Caller
    other: Caller
    manager: Caller
    config_id: int
    other_config_id: int
    spare_config_id: int
    session_id: int
    other_session_id: int
    method_id: int
    card_id: int
    spare_method_id: int
    product_id: int
    service_id: int
    category_id: int
    customer_id: int
    employee_id: int
    pin: str
    resets: bool
    ledger: Ledger
    clerks: SimpleQueue[int] = field(repr=False)
    labels: SimpleQueue[int] = field(repr=False)
    families: SimpleQueue[dict[str, Any]] = field(repr=False)
    kept: dict[str, Any] = field(repr=False)


def gather(odoo: OdooSession, site: Site, series: str, ledger: Ledger) -> People:
    """Make verify's users and shop, or take them out of the archive, and open the sessions.

    What a killed run left open is closed first. Three logins are made at the API.

    Args:
        odoo: the administrator's session.
        site: the web server.
        series: "15.0" or "14.0".
        ledger: where orders are entered.

    Raises:
        OdooError: Odoo refused something, such as a module that is missing.
        LoginRefusedError: the API let one of the users not in.
    """
    close_sessions(odoo, series)
    _delete_temporary(odoo)  # of a killed run, whose clerks are still checked in
    passwords = {login: secrets.token_urlsafe(24) for login in LOGINS}
    pin = f"{secrets.randbelow(10**6):06}"
    users = {login: _user(odoo, login, passwords[login], LOGINS[login]) for login in LOGINS}
    pricelist = ensure(odoo, "product.pricelist", MARK, {})
    category = ensure(odoo, "pos.category", MARK, {})
    goods, service, labels = _products(odoo, category)
    card = ensure(odoo, "pos.payment.method", f"{MARK} card", _card(odoo, series))
    cash = {
        name: ensure(odoo, "pos.payment.method", f"{MARK} cash {name}", _cash(odoo, series, name, code))
        for name, code in TILLS.items()
    }
    shared = {
        "pricelist_id": pricelist,
        "available_pricelist_ids": [[6, 0, [pricelist]]],
        "journal_id": ensure(odoo, "account.journal", f"{MARK} sales", {"type": "general", "code": "TSVP"}),
        "invoice_journal_id": ensure(
            odoo, "account.journal", f"{MARK} invoices", {"type": "sale", "code": "TSVI"}
        ),
    }
    tills = {name: _till(odoo, series, name, [cash[name], card], shared) for name in TILLS}
    _stock_up(odoo, series, tills["cashier"], goods)
    clerks = ensure_all(
        odoo, "hr.employee", [f"{MARK} clerk {number + 1}" for number in range(CLERKS)], {"pin": pin}
    )
    employee = ensure(
        odoo, "hr.employee", f"{MARK} cashier", {"user_id": users["verify-cashier"]}, {"pin": pin}
    )
    return People(
        site=site,
        series=series,
        cashier=Caller(site, "verify-cashier", passwords["verify-cashier"]),
        other=Caller(site, "verify-other", passwords["verify-other"]),
        manager=Caller(site, "verify-manager", passwords["verify-manager"]),
        config_id=tills["cashier"],
        other_config_id=tills["other"],
        spare_config_id=tills["spare"],
        session_id=open_session(odoo, tills["cashier"], users["verify-cashier"]),
        other_session_id=open_session(odoo, tills["other"], users["verify-other"]),
        method_id=cash["cashier"],
        card_id=card,
        spare_method_id=cash["spare"],
        product_id=goods,
        service_id=service,
        category_id=category,
        customer_id=ensure(odoo, "res.partner", f"{MARK} customer", {"email": "customer@tillstack.invalid"}),
        employee_id=employee,
        pin=pin,
        resets=call(odoo, "ir.config_parameter", "get_param", "auth_signup.reset_password") == "True",
        ledger=ledger,
        clerks=_queue(clerks),
        labels=_queue(labels),
        families=SimpleQueue(),
        kept={},
    )


def dismiss(odoo: OdooSession, series: str) -> None:
    """Close all sessions of verify's tills, delete what single calls made, and archive the rest.

    It goes by the mark alone, so it also clears up after a `gather` that did not come to its end.
    """
    close_sessions(odoo, series)
    _delete_temporary(odoo)
    for model in ("hr.employee", "pos.config", "product.product", "product.template"):
        archive(odoo, model, _marked(odoo, model))
    for model in ("account.tax", "product.pricelist"):
        archive(odoo, model, _marked(odoo, model))
    users = call(odoo, "res.users", "search", [["login", "in", list(LOGINS)]])
    archive(odoo, "res.users", users)  # which ends all their logins
    archive(odoo, "res.partner", _marked(odoo, "res.partner"))


def open_session(odoo: OdooSession, config: int, user: int) -> int:
    """Open a session of a till for a user, its drawer counted as the last closing left it.

    Returns:
        The id of the pos.session, in state opened.
    """
    session = int(call(odoo, "pos.session", "create", {"config_id": config, "user_id": user}))
    _finish_opening(odoo, session)
    return session


def open_sessions(odoo: OdooSession) -> list[int]:
    """Return the ids of the sessions of verify's tills that are not closed."""
    tills = [f"{MARK} {name}" for name in TILLS]
    configs = call(odoo, "pos.config", "search", [["name", "in", tills]], context=EVERY)
    found: list[int] = call(
        odoo, "pos.session", "search", [["config_id", "in", configs], ["state", "!=", "closed"]]
    )
    return found


def close_sessions(odoo: OdooSession, series: str) -> list[int]:
    """Close and post all sessions of verify's tills, the cash counted as expected.

    Returns:
        The ids of the drafts that were removed, as Odoo's screen asks for before it closes.

    Raises:
        OdooError: Odoo did not close one of them.
    """
    removed: list[int] = []
    for session in open_sessions(odoo):
        drafts = call(odoo, "pos.order", "search", [["session_id", "=", session], ["state", "=", "draft"]])
        if drafts:
            call_long(odoo, "pos.order", "unlink", drafts)
            removed += drafts
        close_session(odoo, series, session)
    return removed


def close_session(odoo: OdooSession, series: str, session: int) -> None:
    """Close and post a session by Odoo's own methods, the cash counted as expected.

    Raises:
        OdooError: it is not closed then.
    """
    _finish_opening(odoo, session)
    if series == "14.0":
        (read,) = call(
            odoo, "pos.session", "read", [session], ["cash_register_id", "cash_register_balance_end"]
        )
        if read["cash_register_id"]:
            counted = {"balance_end_real": read["cash_register_balance_end"]}
            call(odoo, "account.bank.statement", "write", [read["cash_register_id"][0]], counted)
        call_long(odoo, "pos.session", "action_pos_session_closing_control", [session])
        if _state(odoo, session) != "closed":
            call_long(odoo, "pos.session", "action_pos_session_validate", [session])
    else:
        cash = call(odoo, "pos.session", "get_closing_control_data", [session])["default_cash_details"]
        call(odoo, "pos.session", "post_closing_cash_details", [session], cash["amount"])
        call(odoo, "pos.session", "update_closing_control_state_session", [session], "")
        call_long(odoo, "pos.session", "close_session_from_ui", [session], [])
    if (state := _state(odoo, session)) != "closed":
        raise OdooError(f"session {session} of verify's till is {state} after its closing")


def _finish_opening(odoo: OdooSession, session: int) -> None:
    (read,) = call(odoo, "pos.session", "read", [session], ["state", "cash_register_balance_start"])
    if read["state"] == "opening_control":
        call(odoo, "pos.session", "set_cashbox_pos", [session], read["cash_register_balance_start"], "")


def _state(odoo: OdooSession, session: int) -> str:
    (read,) = call(odoo, "pos.session", "read", [session], ["state"])
    return str(read["state"])


def _user(odoo: OdooSession, login: str, password: str, groups: tuple[str, ...]) -> int:
    """Return the id of a user, active and with the password of this run; no mail is sent."""
    values = {
        "name": f"{MARK} {login.removeprefix('verify-')}",  # which Odoo gives to the user's employee too
        "email": f"{login}@tillstack.invalid",  # RFC 2606: nobody's; Odoo 15.0 wants a sender for its notes
        "password": password,
        "groups_id": [[6, 0, [reference(odoo, group) for group in groups]]],
        "active": True,
    }
    context = {"no_reset_password": True, **EVERY}
    found: list[int] = call(odoo, "res.users", "search", [["login", "=", login]], context=context)
    if not found:
        return int(call(odoo, "res.users", "create", {"login": login, **values}, context=context))
    call(odoo, "res.users", "write", found, values, context=context)
    return found[0]


def _queue(ids: list[int]) -> SimpleQueue[int]:
    queue: SimpleQueue[int] = SimpleQueue()
    for number in ids:
        queue.put(number)
    return queue


def _products(odoo: OdooSession, category: int) -> tuple[int, int, list[int]]:
    """Return the ids of the stored goods, of the service, and of what is priced anew, as product.product."""
    tax = _tax(odoo)
    shared = {"available_in_pos": True, "pos_categ_id": category, "standard_price": 0}
    untaxed = {**shared, "type": "service", "taxes_id": [[6, 0, []]]}
    goods = {**shared, "type": "product", "taxes_id": [[6, 0, [tax]]]}
    return (
        _product(odoo, "goods", goods, GOODS_PRICE),
        _product(odoo, "service", untaxed, SERVICE_PRICE),
        [_product(odoo, f"label {number + 1}", untaxed, LABEL_PRICE) for number in range(LABELS)],
    )


def _tax(odoo: OdooSession) -> int:
    """Return the id of the tax; 14.0 closes no session whose taxes have no account."""
    domain = [["internal_group", "=", "liability"], ["user_type_id.type", "=", "other"]]
    accounts = call(odoo, "account.account", "search", domain, limit=1)
    share = {
        "factor_percent": 100,
        "repartition_type": "tax",
        "account_id": accounts[0] if accounts else False,
    }
    lines = [[5, 0, 0], [0, 0, {"factor_percent": 100, "repartition_type": "base"}], [0, 0, share]]
    values = {
        "amount": TAX_PERCENT,
        "amount_type": "percent",
        "price_include": True,
        "type_tax_use": "sale",
        "invoice_repartition_line_ids": lines,
        "refund_repartition_line_ids": lines,
    }
    return ensure(odoo, "account.tax", f"{MARK} {TAX_PERCENT} % included", values)


def _product(odoo: OdooSession, name: str, values: dict[str, Any], price: float) -> int:
    """Return the id of a product.product, at its price although a killed run may have left another one."""
    template = ensure(odoo, "product.template", f"{MARK} {name}", values, {"list_price": price})
    domain = [["product_tmpl_id", "=", template]]
    (product,) = call(odoo, "product.product", "search_read", domain, ["active"], context=EVERY)
    if not product["active"]:
        call(odoo, "product.product", "write", [product["id"]], {"active": True})
    return int(product["id"])


def _cash(odoo: OdooSession, series: str, name: str, code: str) -> dict[str, Any]:
    """Return the values of a till's cash method, with a journal of its own."""
    journal = ensure(odoo, "account.journal", f"{MARK} cash {name}", {"type": "cash", "code": code})
    return (
        {"is_cash_count": True, "cash_journal_id": journal} if series == "14.0" else {"journal_id": journal}
    )


def _card(odoo: OdooSession, series: str) -> dict[str, Any]:
    """Return the values of the card method; 14.0 keeps no journal for it."""
    if series == "14.0":
        return {}
    return {"journal_id": ensure(odoo, "account.journal", f"{MARK} card", {"type": "bank", "code": "TSVB"})}


def _till(odoo: OdooSession, series: str, name: str, methods: list[int], shared: dict[str, Any]) -> int:
    """Return the id of a till, with journals of its own so that no shop's numbers have gaps by verify."""
    values = {
        **shared,
        "payment_method_ids": [[6, 0, methods]],
        "module_pos_hr": False,
        "restrict_price_control": True,
        "manual_discount": True,
        "module_account": True,
        "use_pricelist": True,
        # 15.0 counts cash wherever there is a cash method
        **({"cash_control": True} if series == "14.0" else {}),
    }
    return ensure(odoo, "pos.config", f"{MARK} {name}", values)


def _stock_up(odoo: OdooSession, series: str, config: int, product: int) -> None:
    """Fill the shelf that a till sells from, where the goods run low."""
    (till,) = call(odoo, "pos.config", "read", [config], ["picking_type_id"])
    (kind,) = call(
        odoo, "stock.picking.type", "read", [till["picking_type_id"][0]], ["default_location_src_id"]
    )
    place = kind["default_location_src_id"][0]
    domain = [["product_id", "=", product], ["location_id", "=", place]]
    found = call(odoo, "stock.quant", "search_read", domain, ["quantity"])
    if sum(quant["quantity"] for quant in found) > STOCK / 2:
        return
    values = {"product_id": product, "location_id": place, "inventory_quantity": STOCK}
    quant = call(odoo, "stock.quant", "create", values, context={"inventory_mode": True})
    if series != "14.0":  # which has applied it
        call(odoo, "stock.quant", "action_apply_inventory", [quant])


def _marked(odoo: OdooSession, model: str) -> list[int]:
    found: list[int] = call(odoo, model, "search", [["name", "=like", f"{MARK}%"]])
    return found


def _delete_temporary(odoo: OdooSession) -> None:
    """Delete what single calls made; what something refers to by now is left for the archive."""
    clerks = call(odoo, "hr.employee", "search", [["name", "=like", f"{MARK}%"]], context=EVERY)
    shifts = call(odoo, "hr.attendance", "search", [["employee_id", "in", clerks]])
    call(odoo, "hr.attendance", "unlink", shifts)
    for model in ("hr.employee", "res.partner"):
        found = call(odoo, model, "search", [["name", "=like", f"{TEMPORARY}%"]], context=EVERY)
        if not found:
            continue
        try:
            call_long(odoo, model, "unlink", found)
        except OdooError:
            archive(odoo, model, found)
