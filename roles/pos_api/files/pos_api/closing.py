"""How a session is closed and posted, by Odoo's own methods."""

import logging

from odoo.tools import plaintext2html

from .cash import exact_amount
from .frame.problems import Problem, invalid
from .records import number
from .resources.session import counts_cash, expected_cash

_logger = logging.getLogger(__name__)

SHUT = "UPDATE pos_session SET state = 'closing_control' WHERE id = %s AND state = 'opened'"
OPEN_AGAIN = "UPDATE pos_session SET state = 'opened' WHERE id = %s AND state = 'closing_control'"
# worked out before the count was stored, and kept by the cache, since Odoo does not name it as a dependency
FIGURES = ("cash_register_difference", "cash_register_balance_end", "cash_register_total_entry_encoding")


def _shut(call, session):
    """Let no further order into a session, wait for those under way, and begin a transaction that sees them.

    A lock alone is not enough: it waits for the sales that hold the session, but what they wrote is not in
    the snapshot of the transaction that waited. So the state is changed first, in a transaction of its own,
    as Odoo's screen does it: FOR UPDATE waits for whoever has put an order into the session, the API's sales
    by their lock and those of Odoo's own screen by their foreign key. Should this closing be rolled back,
    for whatever reason, the session is opened again.

    Raises:
        Problem: 409 where another closing has just opened it again.
    """
    cr, registry, number = session.env.cr, call.request.registry, session.id
    cr.rollback()
    with registry.cursor() as first:
        first.execute("SELECT id FROM pos_session WHERE id = %s FOR UPDATE", (number,), log_exceptions=False)
        first.execute(SHUT, (number,))
        changed = first.rowcount
    if changed:
        cr.postrollback.add(lambda: _open_again(registry, number))
    if session.state == "opened":
        raise Problem(
            409,
            "Another closing of this session is under way.",
            "still-running",
            headers=[("Retry-After", "1")],
        )


def _open_again(registry, number):
    """Open a session that was shut for a closing which did not take place."""
    try:
        with registry.cursor() as cr:
            # where another closing has changed it meanwhile, that one's word stands
            cr.execute(OPEN_AGAIN, (number,), log_exceptions=False)
    except Exception:  # nothing may come out of here: a cursor that is being closed waits for it
        _logger.warning("POS API: session %s was not opened again; close it again", number, exc_info=True)


def _has_screen(session):
    """Return whether the point of sale itself closes, as since 15.0, and not the session's form."""
    return hasattr(session, "close_session_from_ui")


def _counts(session):
    """Return whether cash is counted at the closing; 15.0 takes a rescue session's as it should be."""
    return counts_cash(session) and not (session.rescue and _has_screen(session))


def _counted(session, body):
    """Return the counted cash, None where a session counts none.

    Raises:
        Problem: 422 where it is missing, too fine, or not taken.
    """
    if not _counts(session):
        if "counted_cash" in body:
            raise invalid(("/counted_cash", "is not taken: this session counts no cash"))
        return None
    if "counted_cash" not in body:
        raise invalid(("/counted_cash", "is required: this session counts its cash"))
    exact_amount(session.currency_id, body["counted_cash"], "/counted_cash")
    return body["counted_cash"]


def _check_repetition(session, counted):
    """Accept the closing of a closed session where it says the same.

    Raises:
        Problem: 409 where other cash was counted.
    """
    kept = session.cash_register_balance_end_real
    if counted is not None and session.currency_id.compare_amounts(counted, kept) != 0:
        raise Problem(
            409,
            "This session is closed, with another count.",
            "session-closed",
            counted_cash=number(kept),
        )


def _check_orders(session):
    """Refuse to close over drafts and over invoices that are not posted (409)."""
    drafts = session.order_ids.filtered(lambda order: order.state == "draft")
    if drafts:
        raise Problem(
            409, "Orders of this session are still drafts.", "draft-orders", order_ids=sorted(drafts.ids)
        )
    # sudo: users of the point of sale may not read journal entries; only the orders' ids come out
    invoiced = session.sudo().order_ids.filtered("account_move")
    unposted = invoiced.filtered(lambda order: order.account_move.state != "posted")
    if unposted:
        raise Problem(
            409,
            "Invoices of this session's orders are not posted.",
            "unposted-invoices",
            order_ids=sorted(unposted.ids),
        )


def _limit(config):
    """Return the difference that a cashier may close with, None for any."""
    if "set_maximum_difference" in config._fields and not config.set_maximum_difference:  # since 15.0
        return None
    return config.amount_authorized_diff


def _check_difference(call, session, counted, accepted):
    """Refuse a difference above the point of sale's limit: 403 for a cashier, 409 for a manager who does not
    say that it is accepted."""
    currency, limit = session.currency_id, _limit(session.config_id)
    expected = currency.round(expected_cash(session))
    difference = currency.round(counted - expected)
    if limit is None or currency.compare_amounts(abs(difference), limit) <= 0:
        return
    figures = {
        "expected_cash": number(expected),
        "counted_cash": counted,
        "difference": number(difference),
        "limit": limit,
    }
    if not call.principal.is_manager:
        raise Problem(
            403, "The difference is above the limit; a manager has to close.", "cash-difference", **figures
        )
    if not accepted:
        raise Problem(
            409,
            "The difference is above the limit; close with accept_difference to accept it.",
            "cash-difference",
            **figures,
        )


def _require(result):
    """Go on after a step of Odoo's closing that may have answered with a refusal, or with a wizard after
    having rolled the transaction back (409)."""
    if not result["successful"]:
        raise Problem(
            409,
            "Odoo does not close this session: its entry would not balance, or it needs a decision. Close it"
            f" in Odoo. Its answer: {result['message']}",
            "not-closed",
        )


def _forget_figures(session):
    session.flush()
    session.invalidate_cache(FIGURES, session.ids)


def _close(session, counted, notes):
    """Do what Odoo's own closing screen does (15.0)."""
    if counted is not None:
        _require(session.post_closing_cash_details(counted))
        _forget_figures(session)
    session.update_closing_control_state_session(notes)
    _require(session.close_session_from_ui())


def _close_14(session, counted, notes):
    """Do what the buttons of the session's form do (14.0), up to the manager's confirmation, which is given
    with the call."""
    if counted is not None:
        session.cash_register_id.balance_end_real = counted
        _forget_figures(session)
    if notes:
        session.message_post(body=plaintext2html(notes))
    session.action_pos_session_closing_control()
    if session.state != "closed":
        session._check_pos_session_balance()
        session._validate_session()


def _check(call, session, counted, body):
    """Refuse what must not be closed (403, 409)."""
    if session.state == "opening_control":
        raise Problem(409, "This session is not open yet.", "session-not-open", state=session.state)
    _check_orders(session)
    if counted is not None:
        _check_difference(call, session, counted, body.get("accept_difference", False))


def close_session(call, session, body):
    """Count and close a session, and post it.

    Args:
        call: :class:`~.frame.call.Call`.
        session: session that the caller may close, in the context of its company.
        body: checked body: counted_cash where the session counts cash, notes, accept_difference.

    Raises:
        Problem: 403 or 409 for a difference above the limit, 409 for drafts, unposted invoices, a session in
            another state, and where Odoo refuses; 422 for a wrong count.
    """
    counted = _counted(session, body)
    if session.state != "closed":
        _check(call, session, counted, body)
        _shut(call, session)
    if session.state == "closed":
        _check_repetition(session, counted)
        return
    _check(call, session, counted, body)
    close = _close if _has_screen(session) else _close_14
    close(session, counted, body.get("notes", ""))
    session.flush()
    session.invalidate_cache()
