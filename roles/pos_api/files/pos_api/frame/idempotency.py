"""At most once: an operation with an Idempotency-Key runs once, and its answer is given again to a
repetition."""

import hashlib
import json

from .call import Reply
from .problems import Problem

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"


def _digest(value):
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def once(call, function):
    """Run ``function(call)`` unless this user has run it with this key, and keep its answer in the same
    transaction.

    A transaction-level advisory lock marks a call that is still running: it goes with the transaction,
    whatever ends that, and it holds through a pooler in transaction mode. Answers other than success are not
    kept: nothing was done, so the key stays free.

    Raises:
        Problem: 400 without a key, 409 while the first call is running, 422 where the key came with another
            body.
    """
    if HEADER not in call.headers:
        raise Problem(400, "This operation needs an Idempotency-Key header.", "idempotency-key-required")
    key = call.headers[HEADER]
    place = call.principal.token.user_id, call.operation.id, key
    digest = _digest([call.path, call.body])
    store = call.env["pos.api.idempotency.key"].sudo()
    locked, kept = store._lock(*place)
    if kept:  # committed, whoever holds the lock
        if kept["digest"] != digest:
            raise Problem(
                422, "This Idempotency-Key was used with another request.", "idempotency-key-reused"
            )
        return Reply(kept["status"], kept["body"], {**kept["headers"], REPLAYED: "true"})
    if not locked:
        raise Problem(
            409,
            "The first call with this Idempotency-Key is still running.",
            "still-running",
            headers=[("Retry-After", "1")],
        )
    reply = function(call)
    if reply.status >= 300:
        raise ValueError(f"{call.operation.id}: refuse by raising a Problem, so that the key stays free")
    store._keep(*place, digest, reply.status, reply.headers, reply.body)
    return reply
