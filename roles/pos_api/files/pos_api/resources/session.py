"""Sessions of a point of sale: the list, and one with its figures."""

from ..records import (
    BOOLEAN,
    ID,
    ID_SCHEMA,
    MOMENT,
    NAME,
    OPTIONAL_MOMENT,
    REFERENCE,
    REFERENCE_SCHEMA,
    Computed,
    Field,
    Filter,
    Kind,
    Resource,
    choice,
    listed,
    nullable,
    number,
    read,
    record,
)
from .cash_movement import CASH_MOVEMENT, movements, opening_difference


def _config(session):
    # not as Odoo shows it, which puts whoever uses it now behind the name
    return {"id": session.config_id.id, "name": session.config_id.name}


STATES = ("opening_control", "opened", "closing_control", "closed")
SOLD_STATES = ("paid", "done", "invoiced")


def _config_sql(scope):
    config = scope.follow("config_id")
    return (
        f"concat('{{\"id\": ', {config.column('id')}, ', \"name\": ', to_json({config.column('name')}), '}}')"
    )


CONFIG = Computed("config", _config, REFERENCE_SCHEMA, sql=_config_sql)
OPEN_SESSION = Resource(
    name="OpenSession",
    model="pos.session",
    fields=(
        Field("id", "id", ID),
        Field("name", "name", NAME),
        Field("state", "state", choice(*STATES)),
        Field("opened_at", "start_at", OPTIONAL_MOMENT),
    ),
    computed=(CONFIG,),
)
CODE = Kind(lambda value: value[1], {"type": "string"}, "to_json({name})")  # a currency's name is its code
FIELDS = (
    *OPEN_SESSION.fields,
    Field("closed_at", "stop_at", OPTIONAL_MOMENT),
    Field("user", "user_id", REFERENCE),
    Field("currency", "currency_id", CODE),
    Field(
        "rescue",
        "rescue",
        BOOLEAN,
        description="Made by Odoo for orders that arrived after their session was closed.",
    ),
    Field(
        "update_stock_at_closing",
        "update_stock_at_closing",
        BOOLEAN,
        description="Whether stock moves at the closing; otherwise with each payment.",
    ),
    Field("updated_at", "write_date", MOMENT),
)
NUMBER_SCHEMA = {"type": "number"}
COUNT_SCHEMA = {"type": "integer", "minimum": 0}


def _own(call):
    return [] if call.principal.is_manager else [("user_id", "=", call.env.uid)]


def _equals(column):
    return lambda value: [(column, "=", value)]


def counts_cash(session):
    """Return whether the cash of a session is counted.

    Not by Odoo's cash_control: who reads that writes the session, since its compute method sets stored
    fields too. A session has a register when Odoo found one for its cash method.
    """
    return bool(session.cash_register_id) and session.config_id.cash_control


def expected_cash(session):
    """Return what has to be in the drawer: opening, movements and cash payments, those on drafts included."""
    register = session.cash_register_id
    if session.state != "closed" or register.state == "open":  # 14.0 leaves a session without orders unposted
        return session.cash_register_balance_end
    # the statement now holds the difference too; Odoo kept what it was before
    return session.cash_register_balance_start + session.cash_real_transaction


def _cash(session):
    if not counts_cash(session):
        return None
    rounded = session.currency_id.round
    expected, booked = expected_cash(session), opening_difference(session)
    counted = session.cash_register_balance_end_real if session.state == "closed" else None
    return {
        "opening": number(rounded(session.cash_register_balance_start + booked)),
        "opening_difference": number(rounded(booked)),
        "expected": number(rounded(expected)),
        "counted": None if counted is None else number(rounded(counted)),
        "difference": None if counted is None else number(rounded(counted - expected)),
        "movements": read(movements(session), CASH_MOVEMENT),
    }


def _orders(session):
    groups = session.env["pos.order"].read_group(
        [("session_id", "=", session.id)], ["amount_total"], ["state"]
    )
    sold = [group for group in groups if group["state"] in SOLD_STATES]
    return {
        "sold": sum(group["state_count"] for group in sold),
        "drafts": sum(group["state_count"] for group in groups if group["state"] == "draft"),
        "total": number(session.currency_id.round(sum(group["amount_total"] for group in sold))),
    }


def _payments(session):
    groups = session.env["pos.payment"].read_group(
        [("session_id", "=", session.id)],
        ["amount"],
        ["payment_method_id", "is_change"],
        orderby="payment_method_id",
        lazy=False,
    )
    shown = {}
    for group in groups:
        method, name = group["payment_method_id"]
        item = shown.setdefault(
            method,
            {"payment_method": {"id": method, "name": str(name)}, "amount": 0.0, "count": 0},
        )
        item["amount"] = number(session.currency_id.round(item["amount"] + group["amount"]))
        item["count"] += 0 if group["is_change"] else group["__count"]
    return list(shown.values())


SESSION = Resource(
    name="Session",
    model="pos.session",
    fields=FIELDS,
    computed=(CONFIG,),
    filters=(
        Filter(
            "state",
            {"type": "array", "items": {"type": "string", "enum": list(STATES)}, "maxItems": 4},
            lambda value: [("state", "in", value)],
            "One state or several, with commas.",
        ),
        Filter("config_id", ID_SCHEMA, _equals("config_id"), "Sessions of a point of sale."),
        Filter("user_id", ID_SCHEMA, _equals("user_id"), "Sessions that a user opened."),
    ),
    sorts={"-id": "id desc", "id": "id", "-opened_at": "start_at desc, id desc", "opened_at": "start_at, id"},
    scope=_own,
)
SESSION_DETAIL = Resource(
    name="SessionDetail",
    model="pos.session",
    fields=FIELDS,
    computed=(
        CONFIG,
        Computed(
            "cash",
            _cash,
            nullable(
                record(
                    opening=NUMBER_SCHEMA,
                    opening_difference=NUMBER_SCHEMA,
                    expected=NUMBER_SCHEMA,
                    counted=nullable(NUMBER_SCHEMA),
                    difference=nullable(NUMBER_SCHEMA),
                    movements=listed(CASH_MOVEMENT.ref()),
                )
            ),
            "The drawer; null where the session counts no cash. opening is what was counted at the opening;"
            " opening_difference is the part of it that Odoo booked as a difference to the last closing;"
            " expected is opening, movements and cash payments (those on drafts too); counted and difference"
            " are those of the closing.",
        ),
        Computed(
            "orders",
            _orders,
            record(sold=COUNT_SCHEMA, drafts=COUNT_SCHEMA, total=NUMBER_SCHEMA),
            "total is that of the sold ones (paid, posted or invoiced).",
        ),
        Computed(
            "payments",
            _payments,
            listed(record(payment_method=REFERENCE_SCHEMA, amount=NUMBER_SCHEMA, count=COUNT_SCHEMA)),
            "What was taken, by payment method, without the change given; payments on drafts are counted in.",
        ),
    ),
    scope=_own,
)


def open_sessions(env, user_id):
    """Return the sessions that a user has opened and not closed, newest first."""
    return env["pos.session"].search([("user_id", "=", user_id), ("state", "!=", "closed")], order="id desc")
