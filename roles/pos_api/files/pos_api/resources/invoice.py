"""Invoices of orders."""

from ..records import DATE, ID, NAME, NUMBER, Computed, Field, Resource, choice

INVOICE = Resource(
    name="Invoice",
    model="account.move",
    fields=(
        Field("id", "id", ID),
        Field("name", "name", NAME),
        Field("type", "move_type", choice("out_invoice", "out_refund")),
        Field("state", "state", choice("draft", "posted", "cancel")),
        Field("date", "invoice_date", DATE),
        Field("total", "amount_total", NUMBER),
        Field("tax", "amount_tax", NUMBER),
        Field("residual", "amount_residual", NUMBER, description="What is still to be paid."),
        Field(
            "payment_state",
            "payment_state",
            choice("not_paid", "in_payment", "paid", "partial", "reversed", "invoicing_legacy"),
        ),
    ),
    computed=(Computed("currency", lambda move: move.currency_id.name, {"type": "string"}),),
)
