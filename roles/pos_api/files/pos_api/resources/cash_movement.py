"""Cash put into a session's drawer or taken out of it: lines of the session's cash statement."""

from ..records import ID, MOMENT, NAME, REFERENCE, Field, Kind, Resource, number

DIRECTIONS = {"type": "string", "enum": ["in", "out"]}
CASH_MOVEMENT = Resource(
    name="CashMovement",
    model="account.bank.statement.line",
    fields=(
        Field("id", "id", ID),
        Field("direction", "amount", Kind(lambda value: "in" if value > 0 else "out", DIRECTIONS)),
        Field("amount", "amount", Kind(lambda value: number(abs(value)), {"type": "number"})),
        Field("reason", "payment_ref", NAME),
        Field("user", "create_uid", REFERENCE),
        Field("made_at", "create_date", MOMENT),
    ),
)


def _lines(session):
    # sudo: the reference stands on the journal entry, which users of the point of sale may not read
    return (
        session.env["account.bank.statement.line"]
        .sudo()
        .search([("statement_id", "=", session.cash_register_id.id)], order="id")
    )


def movements(session):
    """Return the statement lines of a session that are cash in and out, oldest first.

    Odoo's own cash in and out writes the session's name as their reference; sales, opening and closing
    differences have none.
    """
    return _lines(session).filtered(lambda line: line.ref == session.name).with_env(session.env)


def opening_difference(session):
    """Return what Odoo has booked as the difference between the opening count and the last closing (15.0)."""
    text = f"Opening Balance difference for {session.name}"  # Odoo writes it untranslated
    found = _lines(session).filtered(lambda line: line.payment_ref == text and not line.ref)
    return sum(found.mapped("amount"))
