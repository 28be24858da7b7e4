"""Who did what: one row for each write, in the transaction of the write."""

from .idempotency import HEADER, REPLAYED

READS = ("GET", "HEAD")


def note(call, reply):
    """Add the row of a successful write. It names the fields that were sent, and never holds a value."""
    if call.operation.method in READS or REPLAYED in reply.headers:
        return
    principal = call.principal
    call.env["pos.api.audit"].sudo()._add(
        user_id=call.actor or (principal.token.user_id if principal else None),
        family=principal.token.family_id if principal else None,
        source=call.source,
        operation=call.operation.id,
        path=call.request.httprequest.path,
        status=reply.status,
        location=reply.headers.get("Location"),
        idempotency_key=call.headers.get(HEADER),
        members=" ".join(sorted(call.body)) if isinstance(call.body, dict) else None,
    )
