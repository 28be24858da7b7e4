"""Orders that a till took while it was offline."""

import logging
from dataclasses import replace
from datetime import timedelta

import psycopg2
from odoo import fields

from .. import settings
from ..frame import audit, document, idempotency, problems
from ..frame.call import Reply, operation
from ..frame.problems import Problem, invalid
from ..moments import read_moment
from ..selling import offline_session
from .orders import sold

_logger = logging.getLogger(__name__)
SKEW = timedelta(minutes=5)  # how far a till's clock may be ahead


def _moment(item):
    """Return when an order was taken (UTC).

    Its age is limited by how long answers are kept: an older one could not be told from a repetition.

    Raises:
        Problem: 422 where it is in the future or too old.
    """
    moment, now = read_moment(item["ordered_at"]), fields.Datetime.now()
    if moment > now + SKEW:
        raise invalid(("/ordered_at", "is in the future"))
    if moment < now + SKEW - timedelta(seconds=settings.current().idempotency_retention):
        raise invalid(("/ordered_at", "is too old: answers are not kept so long"))
    return moment


def _take(call, item):
    """Return the reply to one order: as POST /orders gives it, for the moment when it was taken."""
    moment = _moment(item)
    return sold(call, offline_session(call, call.body.get("session_id")), call.body, moment)


def _refusal(problem, index, path):
    """Return the problem document of an item, its pointers made those of the whole body."""
    body = problems.document(problem, path)
    for error in body.get("errors", ()):
        if "pointer" in error:
            inner = "" if error["pointer"] == "/ordered_at" else "/order"
            error["pointer"] = f"/orders/{index}{inner}{error['pointer']}"
    return body


def _result(call, index, item):
    """Take one order in a savepoint of its own; return its result.

    The key is that of ``POST /orders``: whatever came first, the other one gets its answer.

    Raises:
        psycopg2.Error: the whole call has to be run again, or cannot be done.
    """
    one = replace(
        call,
        operation=document.operations()["createOrder"],
        path={},
        headers={idempotency.HEADER: item["idempotency_key"]},
        body=item["order"],
    )
    result = {"idempotency_key": item["idempotency_key"], "order": None, "problem": None}
    try:
        with call.env.cr.savepoint(), problems.translated():
            reply = idempotency.once(one, lambda inner: _take(inner, item))
            audit.note(one, reply)
    except psycopg2.Error:
        raise
    except Problem as problem:
        refused = problem
    except Exception:  # of this order alone: the others must not wait for it
        _logger.exception("POS API: unexpected error in an offline order")
        refused = Problem(500, "The server met an unexpected error; its log has the details.")
    else:
        status = 200 if idempotency.REPLAYED in reply.headers else reply.status
        return {**result, "status": status, "order": reply.body}
    problem = _refusal(refused, index, call.request.httprequest.path)
    return {**result, "status": refused.status, "problem": problem}


@operation("syncOrders")
def sync_orders(call):
    results = [_result(call, index, item) for index, item in enumerate(call.body["orders"])]
    return Reply(200, {"results": results})
