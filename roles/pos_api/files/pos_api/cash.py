"""Amounts of cash, and moving it."""

from .frame.problems import Problem, invalid
from .resources.cash_movement import movements
from .resources.session import counts_cash

TOLERANCE = 1e-9  # of a unit of currency; the noise of a binary fraction is far below


def exact_amount(currency, amount, pointer):
    """Check that an amount can be paid in a currency's smallest unit.

    Raises:
        Problem: 422, with the pointer, for 1.005 in a currency of two decimals.
    """
    if abs(currency.round(amount) - amount) > TOLERANCE:
        raise invalid((pointer, f"is not a multiple of {currency.rounding:g} {currency.name}"))


def _hold_open(session):
    """Lock an open session against its closing until the end of the transaction; sales share the lock.

    Raises:
        Problem: 409 where it is not open.
    """
    session.env.cr.execute(
        "SELECT id FROM pos_session WHERE id = %s AND state = 'opened' FOR SHARE",
        (session.id,),
        log_exceptions=False,  # a session closed since the snapshot is a serialization failure, and foreseen
    )
    if not session.env.cr.fetchone():
        raise Problem(409, "This session is not open.", "session-not-open", state=session.state)


def move_cash(session, direction, amount, reason):
    """Put cash into the drawer of a session or take it out, by Odoo's own method, and return its line.

    Args:
        session: session, in the context of its company.
        direction: "in" or "out".
        amount: in the session's currency, above 0.
        reason: text of the statement line.

    Raises:
        Problem: 409 where the session is not open or counts no cash, 422 for an amount finer than the
            currency.
    """
    _hold_open(session)
    if not counts_cash(session):
        raise Problem(409, "This session counts no cash.", "no-cash-control")
    currency = session.currency_id
    exact_amount(currency, amount, "/amount")
    before = movements(session)
    if hasattr(session, "try_cash_in_out"):  # since 15.0
        extras = {
            "translatedType": direction,
            "formattedAmount": f"{amount:.{currency.decimal_places}f} {currency.name}",
        }
        session.try_cash_in_out(direction, amount, reason, extras)
    else:
        context = {"active_model": "pos.session", "active_ids": session.ids}
        signed = amount if direction == "in" else -amount
        # sudo, as Odoo itself since 15.0: users of the point of sale may make no entry of the journal
        boxes = session.env["cash.box.out"].sudo().with_context(**context)
        boxes.create({"amount": signed, "name": reason}).run()
    return movements(session) - before
