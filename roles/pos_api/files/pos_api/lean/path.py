"""Reads that go the short way: who asks is checked and the rows are read in one statement, of one snapshot.

Whatever is out of the ordinary (no token or a bad one, a wrong parameter, a role that is not enough, no such
record) is left to the ordinary way, which knows the refusal for it.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass

import psycopg2
from odoo import registry

from .. import settings, tokens
from ..frame import principal, validation
from ..frame.call import LEAN, Reply
from ..frame.problems import Problem
from . import cache, connection, known, plans
from .scope import NotCompilable

_logger = logging.getLogger(__name__)
VERIFIED = QUERIES = 4096  # entries
# (bearer token, database): (keyring, AccessToken); a keyring that is read anew is another object
_verified = OrderedDict()
_queries = OrderedDict()  # (operation, query string): checked query


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


def _query(httprequest, operation):
    """Return the checked query of a call; the same texts come again and again."""
    key = operation.id, httprequest.query_string
    if key not in _queries:
        checked = validation.read_parameters(operation, "query", list(httprequest.args.items(multi=True)))
        known.remember(_queries, key, checked, QUERIES)
    return _queries[key]


def _bearer(httprequest):
    scheme, _, token = httprequest.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def serve(httprequest, call):
    """Return the reply of a read, None where it has to go the ordinary way.

    Args:
        httprequest: werkzeug's request.
        call: :class:`~..frame.call.Call` with its path; its query and its headers are set.
    """
    pool, resource = settings.current().session_pool, LEAN.get(call.operation.id)
    if not pool or not resource or httprequest.content_length or "Transfer-Encoding" in httprequest.headers:
        return None
    state = known.state(registry(call.database))
    try:
        token = _token(_bearer(httprequest), state.database_id)
        call.query = _query(httprequest, call.operation)
        call.headers = validation.read_headers(call.operation, httprequest.headers)
        user = state.users[token.user_id]
        plan = state.plans[plans.key(token.user_id, call.operation, resource, call.query)]
        if plan is None or not principal.suffices(user.role, call.operation):
            return None
        values = plans.values(call, resource, plan)
    except (KeyError, Problem, NotCompilable, tokens.TokenError):
        return None
    try:
        return _answer(httprequest, call, plan, _Caller(pool, state.sequences, token, user.role), values)
    except psycopg2.Error:
        _logger.warning("POS API: a prepared read failed; the ordinary way takes over", exc_info=True)
        return None


@dataclass(frozen=True)
class _Caller:
    """Who asks: pool to ask, sequences that what is known holds for, the token and its user's role."""

    pool: str
    sequences: tuple
    token: tokens.AccessToken
    role: str

    def row(self, text, values=()):
        """Return [version, further columns] of a statement that begins with the check, None where that
        fails."""
        checked = connection.row(self.pool, text, [self.token.family_id, self.token.user_id, *values])
        registry_sequence, cache_sequence, live, *rest = checked
        return rest if live and (registry_sequence, cache_sequence) == self.sequences else None


def _answer(httprequest, call, plan, caller, values):
    key = (plan.text, httprequest.path, httprequest.query_string)
    if plan.kept:
        checked = caller.row(plans.CHECK)
        kept = checked and cache.answers().get(key, checked[0])
        if kept:
            return Reply(200, kept.body, kept.headers)
        if not checked:
            return None
    found = caller.row(plan.text, values)
    answer = found and plan.show(call, caller, found[1])
    if answer and plan.kept:
        cache.answers().put(key, cache.Answer(found[0], answer.body, None, answer.headers))
    return answer
