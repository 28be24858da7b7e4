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
from ..frame.call import LEAN, Call, Reply
from ..frame.databases import only_database
from ..frame.problems import Problem
from . import cache, connection, known, plans
from .readable import NotCompilable

VERIFIED = TARGETS = 4096  # entries
TARGET = 2048  # characters
# (bearer token, database): (keyring, AccessToken); a keyring that is read anew is another object
_verified = OrderedDict()
_targets = OrderedDict()  # (path, query string, Accept header): _Asked


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


def _asked(environ):
    """Return the :class:`_Asked` of a GET; the same texts come again and again.

    Raises:
        Problem: there is nothing that can be asked for like this.
    """
    key = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", ""), environ.get("HTTP_ACCEPT", "")
    found = _targets.get(key)
    if found is None:
        httprequest = Request(environ)
        operation, values = routing.match(httprequest.path, "GET")
        routing.check_accept(httprequest, operation)
        sent = list(httprequest.args.items(multi=True))
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
    """
    pool = settings.current().session_pool
    if not pool or not _plain(environ):
        return None
    try:
        asked = _asked(environ)
        resource = LEAN.get(asked.operation.id)
        if not resource:
            return None
        database = only_database()
        state = known.state(registry(database))
        token = _token(_bearer(environ), state.database_id)
        call = Call(asked.operation, "", asked.path, database, asked.query)
        if conditional.IF_NONE_MATCH_KEY in environ:
            sent = [(conditional.IF_NONE_MATCH, environ[conditional.IF_NONE_MATCH_KEY])]
            call.headers = validation.read_parameters(asked.operation, "header", sent)
        user = state.users[token.user_id]
        name = plans.key(token.user_id, user, asked.operation, resource, asked.query)
        plan = state.plans[name]
        if plan is None or not principal.suffices(user.role, asked.operation):
            return None
        values = plans.values(call, resource, plan)
    except (KeyError, Problem, NotCompilable, tokens.TokenError):
        return None
    caller = _Caller(pool, state.sequences, token, user)
    try:
        reply = _answer(environ, call, plan, caller, values)
    except psycopg2.ProgrammingError:
        state.plans[name] = None  # it would fail again
        raise
    if reply and asked.operation.tagged:
        return conditional.tagged(reply, call.headers.get(conditional.IF_NONE_MATCH))
    return reply


@dataclass(frozen=True)
class _Caller:
    """Who asks: pool to ask, sequences that what is known holds for, the token, what is known of its user."""

    pool: str
    sequences: tuple
    token: tokens.AccessToken
    user: known.User

    def row(self, text, values=(), each=False):
        """Return [version, further columns] of a statement that begins with the check, None where that
        fails."""
        checked = connection.row(self.pool, text, [self.token.family_id, self.token.user_id, *values], each)
        registry_sequence, cache_sequence, groups, companies, *rest = checked
        if groups is None or (registry_sequence, cache_sequence) != self.sequences:
            return None
        now = known.User(principal.role_by(groups.__contains__), companies)
        return rest if now == self.user else None


def _answer(environ, call, plan, caller, values):
    key = (plan.digest, environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", ""))
    if plan.kept and cache.answers().promises(key):  # else the check comes with the rows
        checked = caller.row(plans.CHECK)
        kept = checked and cache.answers().get(key, checked[0])
        if kept:
            return Reply(200, kept.body, kept.headers)
        if not checked:
            return None
    found = caller.row(plan.text, values, plan.each)
    answer = found and plan.show(call, caller, found[1])
    if answer and plan.kept:
        cache.answers().put(key, cache.Answer(found[0], answer.body, None, answer.headers))
    return answer
