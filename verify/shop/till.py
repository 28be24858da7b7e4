"""A till of verify's own, so that no shop's till is touched: made once, archived whenever it isn't in use."""

from dataclasses import dataclass
from typing import Any

from verify.clients.odoo_rpc import OdooSession, call

NAME = "Tillstack verification"
PRICE = 1.0
EVERY = {"active_test": False}


@dataclass(frozen=True)
class Till:
    """A point of sale with one cash method and one product to sell.

    Attributes:
        series: Odoo's series, which decides how sessions are opened and closed.
        config_id: id of its pos.config.
        method_id: id of its cash pos.payment.method.
        product_id: id of a product.product without taxes, at `PRICE`.
    """

    series: str
    config_id: int
    method_id: int
    product_id: int


def prepare(odoo: OdooSession, series: str) -> Till:
    """Create the till, or take it out of the archive; a session that a killed run left open is closed.

    Args:
        odoo: a session of a user who may configure points of sale.
        series: "15.0" or "14.0".
    """
    journal = _ensure(odoo, "account.journal", {"type": "cash", "code": "TSTV"})
    cash: dict[str, Any] = (
        {"journal_id": journal} if series != "14.0" else {"is_cash_count": True, "cash_journal_id": journal}
    )
    method = _ensure(odoo, "pos.payment.method", cash)
    config = _ensure(odoo, "pos.config", {"payment_method_ids": [[6, 0, [method]]], "module_pos_hr": False})
    template = _ensure(
        odoo,
        "product.template",
        {"type": "service", "list_price": PRICE, "available_in_pos": True, "taxes_id": [[6, 0, []]]},
    )
    (product,) = call(odoo, "product.product", "search", [["product_tmpl_id", "=", template]])
    till = Till(series, config, method, product)
    for session in _open_sessions(odoo, till):
        call(
            odoo,
            "pos.order",
            "unlink",
            call(odoo, "pos.order", "search", [["session_id", "=", session], ["state", "=", "draft"]]),
        )
        close_session(odoo, till, session)
    return till


def put_away(odoo: OdooSession, till: Till) -> None:
    """Archive the till and its product; close its session if one is open."""
    for session in _open_sessions(odoo, till):
        close_session(odoo, till, session)
    call(odoo, "pos.config", "write", [till.config_id], {"active": False})
    call(odoo, "product.product", "write", [till.product_id], {"active": False})
    template = _find(odoo, "product.template", context=EVERY)
    call(odoo, "product.template", "write", template, {"active": False})


def open_session(odoo: OdooSession, till: Till) -> int:
    """Open a session by Odoo's own methods, opening cash counted as nothing.

    Returns:
        The id of the pos.session, in state opened.
    """
    call(odoo, "pos.config", "open_session_cb", [till.config_id])
    (session,) = _open_sessions(odoo, till)
    if _state(odoo, session) == "opening_control":
        if till.series == "14.0":
            call(odoo, "pos.session", "action_pos_session_open", [session])
        else:
            call(odoo, "pos.session", "set_cashbox_pos", [session], 0, "")
    return session


def close_session(odoo: OdooSession, till: Till, session: int) -> str:
    """Close and post a session by Odoo's own methods, the cash counted as expected.

    Returns:
        The session's state afterwards.
    """
    if till.series == "14.0":
        call(odoo, "pos.session", "action_pos_session_closing_control", [session])
        return _state(odoo, session)
    if _state(odoo, session) == "opening_control":
        call(odoo, "pos.session", "set_cashbox_pos", [session], 0, "")
    cash = call(odoo, "pos.session", "get_closing_control_data", [session])["default_cash_details"]
    call(odoo, "pos.session", "post_closing_cash_details", [session], cash["amount"])
    call(odoo, "pos.session", "update_closing_control_state_session", [session], "")
    call(odoo, "pos.session", "close_session_from_ui", [session], [])
    return _state(odoo, session)


def _ensure(odoo: OdooSession, model: str, values: dict[str, Any]) -> int:
    """Return the id of verify's own record of a model, active; create it where there is none.

    An active one is left alone: Odoo refuses any change of a till that has a session open.
    """
    if found := _find(odoo, model):
        return found[0]
    if archived := _find(odoo, model, context=EVERY):
        call(odoo, model, "write", archived, {"active": True})
        return archived[0]
    return int(call(odoo, model, "create", {"name": NAME, **values}))


def _find(odoo: OdooSession, model: str, **keywords: Any) -> list[int]:
    found: list[int] = call(odoo, model, "search", [["name", "=", NAME]], limit=1, **keywords)
    return found


def _open_sessions(odoo: OdooSession, till: Till) -> list[int]:
    sessions: list[int] = call(
        odoo, "pos.session", "search", [["config_id", "=", till.config_id], ["state", "!=", "closed"]]
    )
    return sessions


def _state(odoo: OdooSession, session: int) -> str:
    (record,) = call(odoo, "pos.session", "read", [session], ["state"])
    return str(record["state"])
