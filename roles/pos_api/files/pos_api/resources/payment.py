"""Payments by themselves, and the methods to pay with."""

from ..records import (
    BOOLEAN,
    ID,
    ID_SCHEMA,
    NAME,
    REFERENCE,
    REFERENCE_SCHEMA,
    Computed,
    Field,
    Filter,
    Resource,
    listed,
    nullable,
)
from .order import CURRENCY, PAYMENT, own_session

PAYMENT_DETAIL = Resource(
    name="PaymentDetail",
    model="pos.payment",
    fields=(
        *PAYMENT.fields,
        Field("order", "pos_order_id", REFERENCE),
        Field("session", "session_id", REFERENCE),
    ),
    computed=(CURRENCY,),
    scope=lambda call: own_session(call, "session_id."),
)


def _type(method):
    if method.is_cash_count:
        return "cash"
    # 14.0 knows cash and the rest, which its closing entry leaves to be matched with the bank's statement
    return "account" if getattr(method, "type", "bank") == "pay_later" else "bank"


def _journal(method):
    journal = method.journal_id if "journal_id" in method._fields else method.cash_journal_id
    return {"id": journal.id, "name": journal.display_name} if journal else None


PAYMENT_METHOD = Resource(
    name="PaymentMethod",
    model="pos.payment.method",
    fields=(
        Field("id", "id", ID),
        Field("name", "name", NAME),
        Field(
            "needs_customer",
            "split_transactions",
            BOOLEAN,
            description="Whether it is taken for orders with a customer only.",
        ),
    ),
    computed=(
        Computed(
            "type",
            _type,
            {"type": "string", "enum": ["cash", "bank", "account"]},
            "account: put on the customer's account, to be paid later.",
        ),
        Computed("journal", _journal, nullable(REFERENCE_SCHEMA)),
        Computed(
            "configs", lambda method: method.config_ids.ids, listed(ID_SCHEMA), "Points of sale that take it."
        ),
    ),
    filters=(
        Filter(
            "config_id",
            ID_SCHEMA,
            lambda value: [("config_ids", "in", [value])],
            "Methods of a point of sale.",
        ),
    ),
)
