"""How a session is opened, by Odoo's own methods."""

from .cash import exact_amount
from .frame.problems import Problem, invalid


def _config(call, config_id):
    config = call.env["pos.config"].search([("id", "=", config_id)])
    if not config:
        raise invalid(("/config_id", "is not a point of sale that you may open"))
    # an update, though it changes nothing: of two openings at once the second one fails to serialize, is run
    # again and finds the session of the first
    call.env.cr.execute(
        "UPDATE pos_config SET write_date = write_date WHERE id = %s", (config.id,), log_exceptions=False
    )
    company = config.company_id
    return config.with_context(allowed_company_ids=company.ids).with_company(company)


def _unclosed(config):
    """Return the sessions of a point of sale that are not closed. Rescue sessions do not count: Odoo opens
    beside them."""
    return config.env["pos.session"].search(
        [("config_id", "=", config.id), ("state", "!=", "closed"), ("rescue", "=", False)]
    )


def _unfinished(config):
    """Return the session of a point of sale whose opening the caller can still finish, if there is one.

    Raises:
        Problem: 409 where a session that is not closed is in the way.
    """
    sessions = _unclosed(config)
    for session in sessions:
        if session.state != "opening_control" or session.user_id != config.env.user:
            raise Problem(
                409,
                f"The session {session.name} of this point of sale is not closed.",
                "session-open",
                session_id=session.id,
            )
    return sessions


def _check_count(config, body):
    """Refuse a missing count, and one where no cash is counted.

    Raises:
        Problem: 422.
    """
    if config.cash_control:
        if "opening_cash" not in body:
            raise invalid(("/opening_cash", "is required: this point of sale counts its cash"))
        exact_amount(config.currency_id, body["opening_cash"], "/opening_cash")
        return
    sent = [name for name in ("opening_cash", "notes") if name in body]
    if sent:
        raise invalid(*((f"/{name}", "is not taken: this point of sale counts no cash") for name in sent))


def open_session(call, body):
    """Open a session of a point of sale as the caller, with its counted cash, and return it.

    Args:
        call: :class:`~.frame.call.Call`.
        body: checked body: config_id, opening_cash where the point of sale counts cash, and notes.

    Raises:
        Problem: 409 where a session is open, 422 for an unknown point of sale or a wrong count.
    """
    config = _config(call, body["config_id"])
    session = _unfinished(config)
    _check_count(config, body)
    if not session:
        config.open_session_cb()
        session = _unclosed(config)
    if session.state == "opening_control":
        counted, due = body["opening_cash"], session.cash_register_id.balance_start
        if session.currency_id.compare_amounts(counted, due) == 0:
            counted = due  # no difference in the last binary digit, which Odoo would book as a line of 0.00
        session.set_cashbox_pos(counted, body.get("notes", ""))
    return session
