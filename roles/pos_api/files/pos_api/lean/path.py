"""Reads that go the short way: who asks is checked and the rows are read in one statement, of one snapshot.

Whatever is out of the ordinary (no token or a bad one, a wrong parameter, a role that is not enough, no such
record) is left to the ordinary way, which knows the refusal for it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass

import psycopg2
from odoo import registry
from werkzeug.wrappers import Request

from .. import settings, tokens
from ..frame import conditional, document, principal, routing, validation
from ..frame.call import DIRECT, FUNCTIONS, LEAN, Call, Reply
from ..frame.databases import only_database
from ..frame.problems import Problem
from ..models import change_log
from . import cache, connection, known, plans
from .readable import NotCompilable

VERIFIED = TARGETS = 4096  # entries
TARGET = 2048  # characters
# (bearer token, database): (keyring, AccessToken); a keyring that is read anew is another object
_verified = OrderedDict()
_routes = OrderedDict()  # (path, Accept header): (operation, checked path parameters)
_targets = OrderedDict()  # (path, query string, Accept header): _Asked


class Refused(Exception):
    """A call is refused for good; the cause is the :class:`~..frame.problems.Problem`."""


def _token(bearer, database_id):
    """Return the access token that a bearer token holds.

    Raises:
        TokenError: it is not valid, or no longer.
    """
    ring, key = principal.keyring(), (bearer, database_id)
    kept_ring, token = _verified.get(key, (None, None))
    if kept_ring is not ring:
        token = tokens.verify(ring, settings.current(), database_id, bearer)
        known.remember(_verified, key, (ring, token), VERIFIED)
    if token.expires_at <= time.time():
        raise tokens.TokenError("The access token has expired.")
    return token


@dataclass(frozen=True)
class _Asked:
    """What a call asks for: the operation and its checked path and query."""

    operation: document.Operation
    path: dict
    query: dict


def _routed(environ):
    """Return (operation, checked path parameters) of a GET.

    Raises:
        Problem: there is nothing that can be asked for like this.
    """
    key = environ.get("PATH_INFO", ""), environ.get("HTTP_ACCEPT", "")
    found = _routes.get(key)
    if found is None:
        httprequest = Request(environ)
        operation, values = routing.match(httprequest.path, "GET")
        routing.check_accept(httprequest, operation)
        found = operation, values
        if operation.id in LEAN and sum(map(len, key)) <= TARGET:
            known.remember(_routes, key, found, TARGETS)
    return found


def _asked(environ):
    """Return the :class:`_Asked` of a GET; the same texts come again and again.

    Raises:
        Problem: there is nothing that can be asked for like this.
    """
    key = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", ""), environ.get("HTTP_ACCEPT", "")
    found = _targets.get(key)
    if found is None:
        operation, values = _routed(environ)
        sent = list(Request(environ).args.items(multi=True))
        found = _Asked(operation, values, validation.read_parameters(operation, "query", sent))
        if operation.id in LEAN and sum(map(len, key)) <= TARGET:
            known.remember(_targets, key, found, TARGETS)
    return found


def _bearer(environ):
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _plain(environ):
    """Return whether a call is a GET without a body and from no other origin."""
    return (
        environ["REQUEST_METHOD"] == "GET"
        and environ.get("CONTENT_LENGTH") in (None, "", "0")
        and "HTTP_TRANSFER_ENCODING" not in environ
        and "HTTP_ORIGIN" not in environ
    )


def serve(environ):
    """Return the reply of a read, None where it has to go the ordinary way.

    Args:
        environ: of the call (WSGI, PEP 3333).

    Raises:
        psycopg2.Error: the database cannot be used, or not in this way.
        Refused: no other way would answer otherwise.
    """
    pool = settings.current().session_pool
    if not pool or not _plain(environ):
        return None
    try:
        asked = _asked(environ)
        resource = LEAN.get(asked.operation.id)
        if not resource:
            return None
        if resource is DIRECT:
            return _direct(asked)
        database = only_database()
        state = known.state(registry(database))
        token = _token(_bearer(environ), state.database_id)
        call = Call(asked.operation, "", asked.path, database, asked.query)
        if conditional.IF_NONE_MATCH_KEY in environ:
            sent = [(conditional.IF_NONE_MATCH, environ[conditional.IF_NONE_MATCH_KEY])]
            call.headers = validation.read_parameters(asked.operation, "header", sent)
        who = state.callers.get((token.family_id, token.user_id)) or known.ask(pool, state, token)
        if who is None:
            return None
        name = plans.key(token.user_id, who.user, asked.operation, resource, asked.query)
        plan = state.plans[name]
        if plan is None or not principal.suffices(who.user.role, asked.operation):
            return None
        values = plans.values(call, resource, plan)
    except (KeyError, Problem, NotCompilable, tokens.TokenError):
        return None
    caller = _Caller(pool, state, token, who)
    try:
        reply = _answer(environ, call, plan, caller, values)
    except psycopg2.ProgrammingError:
        state.plans[name] = None  # it would fail again
        raise
    return reply and conditional.unless_known(reply, call.headers.get(conditional.IF_NONE_MATCH))


def _direct(asked):
    """Return the reply of an operation that needs nothing but what was asked."""
    function, _transaction = FUNCTIONS[asked.operation.id]
    try:
        return function(Call(asked.operation, "", asked.path))
    except Problem as problem:
        raise Refused from problem


@dataclass
class _Caller:
    """Who asks: the pool to ask, the :class:`~.known.State`, the token, and the :class:`~.known.Caller` it is
    of, which is renewed where it has changed."""

    pool: str
    state: known.State
    token: tokens.AccessToken
    who: known.Caller

    def row(self, text, values=(), each=False):
        """Return ({log of changes: its version}, further columns) of a statement that begins with the check,
        None where that fails."""
        checked = connection.row(self.pool, text, values, each)
        registry_sequence, cache_sequence, catalogue, callers, *rest = checked
        if (registry_sequence, cache_sequence) != self.state.sequences or not self._as_known(callers):
            return None
        return {change_log.CATALOGUE.table: catalogue, change_log.CALLERS.table: callers}, rest

    def _as_known(self, version):
        """Return whether the caller is as this process knows it in a snapshot with this version of what tells
        it."""
        if self.who.version != version:
            before, now = self.who, known.ask(self.pool, self.state, self.token)
            # What the answer holds for is later than the snapshot, unless it has the same version.
            if now is None or now.version != version or now.user != before.user:
                return False
            self.who = now
        return known.clock() < self.who.deadline


def _answer(environ, call, plan, caller, values):
    log = plan.kept and plan.kept.table
    key = (plan.digest, environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", ""))
    if plan.kept is change_log.CALLERS:
        key = (*key, caller.token.family_id, caller.token.expires_at)
    if log and cache.answers().promises(key, log):  # else the check comes with the rows
        checked = caller.row(plans.CHECK)
        if not checked:
            return None
        kept = cache.answers().get(key, checked[0][log], log)
        if kept:
            return Reply(200, kept.body, kept.headers)
    found = caller.row(plan.text, values, plan.each)
    if not found:
        return None
    versions, (rows,) = found
    answer = plan.show(call, caller, rows)
    if answer and call.operation.tagged:
        answer = conditional.tagged(answer)
    if answer and log:
        cache.answers().put(key, cache.Answer(versions[log], answer.sent(), answer.headers), log)
    return answer
