"""The path of every call: route, headers, body, caller, role, operation, answer."""

import logging
import threading
import time
from contextlib import contextmanager, suppress

import psycopg2
from odoo import registry
from odoo.sql_db import PoolError
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Request, Response

from .. import settings, standing
from ..lean import path, plans
from . import audit, conditional, cors, idempotency, principal, problems, retrying, routing, validation
from .call import CURRENT, FUNCTIONS, Call
from .databases import only_database
from .problems import Problem
from .request import ApiRequest

_logger = logging.getLogger(__name__)

JSON_TYPE = "application/json"
DEFAULT_HEADERS = {"Cache-Control": "no-store"}
RAW_BODY = "tillstack.pos_api.body"  # key in the WSGI environment
DRAIN_LIMIT = 32 * 1024 * 1024  # bytes of a refused body that are read, so that the client sees the answer
UNAVAILABLE = (psycopg2.OperationalError, psycopg2.InterfaceError, PoolError)


def _read(httprequest, most):
    """Return up to ``most`` bytes of what is left of the body; it may be chunked, with no length announced.

    Raises:
        Problem: 400 where the client breaks off.
    """
    parts = []
    try:
        while most > 0:
            part = httprequest.stream.read(min(most, 65536))
            if not part:
                break
            parts.append(part)
            most -= len(part)
    except (OSError, HTTPException) as error:
        raise Problem(400, "The body ends before its announced length.", "unreadable") from error
    return b"".join(parts)


def _drain(httprequest):
    """Read what is left of a refused body: a socket closed with unread data is reset before the answer."""
    with suppress(Problem):
        _read(httprequest, DRAIN_LIMIT)


def _raw_body(httprequest, limit):
    """Return the body; it is read once, also where the call is run again.

    Raises:
        Problem: 413 for more than ``limit`` bytes.
    """
    kept = httprequest.environ
    if RAW_BODY not in kept:
        announced = httprequest.content_length or 0
        kept[RAW_BODY] = b"" if announced > limit else _read(httprequest, limit + 1)
        if max(announced, len(kept[RAW_BODY])) > limit:
            raise Problem(413, f"The body is larger than {limit} bytes.")
    return kept[RAW_BODY]


def _read_body(httprequest, operation):
    """Return the JSON value sent, None where the operation takes none."""
    if operation.body is None:
        if _raw_body(httprequest, settings.current().max_body):
            raise Problem(400, "This operation takes no body.", "unreadable")
        return None
    charset = httprequest.mimetype_params.get("charset", "utf-8").lower()
    if httprequest.mimetype != JSON_TYPE or charset not in ("utf-8", "utf8"):
        raise Problem(415, "Send the body as application/json in UTF-8.", headers=[("Accept", JSON_TYPE)])
    raw = _raw_body(httprequest, settings.current().max_body)
    if not raw:
        raise Problem(400, "The body is missing.", "unreadable")
    value = validation.read_json(raw)
    validation.check_body(operation.body, value)
    return value


@contextmanager
def _translated():
    """Turn the exceptions of Odoo and PostgreSQL into refusals, without their text unless it is meant for the
    user."""
    try:
        with problems.translated():
            yield
    except Problem:
        raise
    except UNAVAILABLE as error:
        _logger.warning("POS API: the database cannot be used: %s", type(error).__name__, exc_info=True)
        raise Problem(
            503, "The database cannot be used at the moment.", "unavailable", headers=[("Retry-After", "1")]
        ) from error
    except Exception as error:
        _logger.exception("POS API: unexpected error")
        raise Problem(500, "The server met an unexpected error; its log has the details.") from error


def _serialize(reply):
    answer = Response(reply.sent(), status=reply.status)
    answer.autocorrect_location_header = False  # a path is enough, whatever name the client reached us by
    if reply.body is None:
        answer.headers.pop("Content-Type", None)
    else:
        answer.headers["Content-Type"] = JSON_TYPE
    for name, value in {**DEFAULT_HEADERS, **reply.headers}.items():
        answer.headers[name] = value
    return answer


def _in_transaction(httprequest, call, function):
    """Run an operation in one transaction as the token's user; run it again after a serialization failure."""

    def attempt():
        with ApiRequest(httprequest, call.database) as request:
            if "pos_api" not in request.registry._init_modules:
                raise Problem(503, "The module pos_api is not installed in this database.", "unavailable")
            call.request = request
            call.principal = principal.identify(request, call.operation)
            if call.principal:
                standing.begin(request.env, sequences)
            _parse(httprequest, call)
            if call.operation.id in CURRENT:
                conditional.check_precondition(call)
            if call.operation.takes("header", idempotency.HEADER):
                reply = idempotency.once(call, function)
            else:
                reply = function(call)
            if not isinstance(reply, Problem):
                audit.note(call, reply)
            if call.operation.method in audit.READS:
                _undo(request.env)
                if settings.current().session_pool:
                    plans.learn(call, sequences)
            return reply

    found = registry(call.database).check_signaling()
    sequences = (found.registry_sequence, found.cache_sequence)
    try:
        return retrying.until_done(attempt, call.operation.id)
    finally:
        if (found.registry_sequence, found.cache_sequence) != sequences:
            # Another thread has emptied Odoo's caches meanwhile. What this call, with its older snapshot, has
            # put into them must not stay.
            found.clear_caches()
            found.cache_invalidated = False


def _undo(env):
    """Take back what computed fields wrote: safe methods change nothing (RFC 9110, 9.2.1)."""
    env.clear()
    env.cr.rollback()


def _parse(httprequest, call):
    """Fill the call with the checked query, headers and body."""
    operation = call.operation
    call.query = validation.read_parameters(operation, "query", list(httprequest.args.items(multi=True)))
    call.headers = validation.read_headers(operation, httprequest.headers)
    call.body = _read_body(httprequest, operation)


def _respond(httprequest):
    answer = cors.preflight(httprequest)
    if answer:
        return answer
    operation, values = routing.match(httprequest.path, httprequest.method)
    routing.check_accept(httprequest, operation)
    function, transaction = FUNCTIONS[operation.id]
    call = Call(operation, httprequest.remote_addr or "", values)
    if transaction:
        call.database = only_database()
        threading.current_thread().dbname = call.database
        reply = _in_transaction(httprequest, call, function)
    else:
        _parse(httprequest, call)
        reply = function(call)
    if isinstance(reply, Problem):
        raise reply
    if operation.tagged:
        sent = call.headers.get(conditional.IF_NONE_MATCH)
        reply = conditional.unless_known(conditional.tagged(reply), sent)
    return _serialize(reply)


def _send_lean(reply, start_response):
    """Send the answer of a compiled read, whose body is bytes or None, as `_serialize` and werkzeug would."""
    headers = {**DEFAULT_HEADERS, **reply.headers, "X-Content-Type-Options": "nosniff"}
    if settings.current().cors_origins:
        headers["Vary"] = "Origin"
    body = reply.sent()
    if reply.body is not None:
        headers.update({"Content-Type": JSON_TYPE, "Content-Length": str(len(body))})
    start_response(f"{reply.status} {HTTP_STATUS_CODES[reply.status]}", list(headers.items()))
    return [body]


def application(environ, start_response):
    """Answer one call of the API (WSGI)."""
    try:
        reply = path.serve(environ)
    except path.Refused as refusal:
        return _refuse(refusal.__cause__, Request(environ))(environ, start_response)
    except Exception:  # whatever it is, the ordinary way answers, or knows the refusal
        _logger.warning("POS API: a compiled read failed; the ordinary way takes over", exc_info=True)
        reply = None
    return _send_lean(reply, start_response) if reply else _ordinary(environ, start_response)


def _refuse(problem, httprequest):
    return _exposed(problems.response(problem, httprequest.path), httprequest)


def _exposed(answer, httprequest):
    answer.headers["X-Content-Type-Options"] = "nosniff"
    cors.expose(httprequest, answer)
    return answer


def _ordinary(environ, start_response):
    thread = threading.current_thread()
    thread.url, thread.query_count, thread.query_time, thread.perf_t0 = (
        environ.get("PATH_INFO"),
        0,
        0,
        time.time(),
    )
    httprequest = Request(environ)
    try:
        with _translated():
            answer = _exposed(_respond(httprequest), httprequest)
    except Problem as problem:
        _drain(httprequest)
        answer = _refuse(problem, httprequest)
    return answer(environ, start_response)
