"""Plans: compiled reads, by what they depend on, and what a call puts into them."""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

from odoo import exceptions

from ..frame import keyset, principal
from ..frame.call import LEAN
from ..models import change_log
from . import compiler, known, replies, variables
from .readable import NotCompilable

_logger = logging.getLogger(__name__)

# Odoo's signalling (odoo/modules/registry.py), and the versions of what kept answers are made of and of who
# may call, all as the statement's snapshot has them
CHECK = (
    "SELECT (SELECT last_value FROM base_registry_signaling), (SELECT last_value FROM base_cache_signaling),"
    f" {change_log.CATALOGUE.version}, {change_log.CALLERS.version}"
)
PAGING = {"limit", "offset", "sort"}


@dataclass(frozen=True)
class Plan:
    """A compiled read.

    Attributes:
        text: the statement: the check and the rows.
        slots: of the rows.
        order: the :class:`~..frame.keyset.Key` objects of the list.
        kept: :class:`~..models.change_log.Log` of what its answers are made of, by which they are kept; None
            where they are not.
        each: whether it is planned for the values of each call: a plan that is good for many rows behind a
            moment is bad for few.
        show: function from the call, who asks and what the statement gave behind the check to the reply, None
            where the ordinary way has to give it.
    """

    text: str
    slots: tuple
    order: tuple
    kept: change_log.Log | None
    show: Callable
    each: bool = False

    @functools.cached_property
    def digest(self):
        """What its kept answers are found by, in place of the text."""
        return hashlib.sha256(self.text.encode()).digest()


def key(user_id, user, operation, resource, query):
    """Return what a plan depends on: the caller with its role and companies, the order and size of the page,
    which filters were sent, and those of their values that stand in its text.

    Args:
        user_id: the caller's.
        user: :class:`~.known.User` as it is now.
        operation: :class:`~..frame.document.Operation`.
        resource: :class:`~..records.Resource` or function that the operation is compiled by.
        query: {name: value} of the checked query.
    """
    sent = tuple(
        (
            condition.name,
            None if variables.stand_in(condition.schema, 0) is not None else repr(query[condition.name]),
        )
        for condition in getattr(resource, "filters", ())
        if condition.name in query
    )
    place = query.get("sort"), query.get("limit"), bool(query.get("offset")), keyset.NAME in query
    return user_id, user.role, tuple(user.companies or ()), operation.id, place, sent


def values(call, resource, plan):
    """Return the parameters of a plan.

    Raises:
        Problem: the cursor cannot be used.
        NotCompilable: it stands at NULL.
    """
    given = {"id 0": [call.path.get("id")], "offset": [call.query.get("offset")]}
    for condition in getattr(resource, "filters", ()):
        if condition.name in call.query:
            given[condition.name] = variables.leaves(condition.domain(call.query[condition.name]))
    if keyset.NAME in call.query:
        keyset.refuse(call, plan.order)
        position = keyset.read_cursor(call.query[keyset.NAME], call.query["sort"], plan.order)
        if None in position:
            raise NotCompilable("the cursor is at NULL")
        for part, domain in enumerate(keyset.segments(plan.order, position)):
            given[f"{keyset.NAME} {part}"] = variables.leaves(domain)
    return [slot.convert(given[slot.name][slot.leaf]) for slot in plan.slots]


def learn(call, sequences):
    """Compile what the ordinary way has just answered, in its transaction.

    Args:
        call: :class:`~..frame.call.Call` of a read that succeeded.
        sequences: the registry's sequences from before the transaction.
    """
    resource = LEAN.get(call.operation.id)
    if not resource or not call.principal:
        return
    state = known.state(call.request.registry)
    if state.sequences != sequences:
        return
    if state.complete is None:
        state.complete = known.tables(call.env) <= change_log.traced(call.env.cr, change_log.CALLERS)
    if not state.complete:
        return  # a user's loss of a right would go unnoticed
    token, user = call.principal.token, known.user(call)
    who = state.callers.get((token.family_id, token.user_id))
    if who and who.user != user:
        # It is asked anew; or it would find nothing of what is learned here.
        state.callers.pop((token.family_id, token.user_id), None)
    name = key(token.user_id, user, call.operation, resource, call.query)
    if name not in state.plans:
        try:
            plan = compiled(call, resource)
        except Exception:  # the answer is there already, and stays
            _logger.exception("POS API: %s cannot be compiled", call.operation.id)
            plan = None
        known.remember(state.plans, name, plan, known.PLANS)
    state.database_id = principal.database_id(call.env)


def compiled(call, resource):
    """Return the :class:`Plan` of a call, None where there can be none."""
    cr = call.env.cr
    try:
        _plan(call, resource)  # fills Odoo's caches of rules and rights
        before = cr.sql_log_count
        plan = _plan(call, resource)
        own = 2 if callable(resource) else 1 + resource.kept  # for the tables, and for their triggers
        if cr.sql_log_count > before + own:
            raise NotCompilable("a domain is worked out by a query of its own")
    except NotCompilable as reason:
        _logger.info("POS API: %s goes the ordinary way: %s", call.operation.id, reason)
        return None
    except exceptions.AccessError:
        return None
    return plan


def _plan(call, resource):
    if callable(resource):
        text, show = resource(call)
        made_of = compiler.tables_of(call.env.cr, text)
        kept = made_of <= change_log.traced(call.env.cr, change_log.CALLERS)
        return Plan(f"{CHECK}, {text}", (), (), change_log.CALLERS if kept else None, show)
    select = _select(call, resource)
    kept = resource.kept and select.tables <= change_log.traced(call.env.cr)
    each = any(
        condition.schema.get("format") == "date-time" and condition.name in call.query
        for condition in getattr(resource, "filters", ())
    )
    show = replies.of_rows(select.order)
    return Plan(
        f"{CHECK}, {select.text}",
        select.slots,
        select.order,
        change_log.CATALOGUE if kept else None,
        show,
        each,
    )


def _select(call, resource):
    if "id" in call.path:
        return compiler.compile_list(call, resource, "id")
    filters, order = {condition.name for condition in resource.filters}, resource.sorts[call.query["sort"]]
    if order is None:
        raise NotCompilable("it is sorted in Python")
    sent = set(call.query) - PAGING
    if sent - filters - {keyset.NAME}:
        raise NotCompilable("it is narrowed in Python")
    limit, skipping = call.query["limit"] + 1, bool(call.query["offset"])
    return compiler.compile_list(call, resource, order, sent, limit, skipping)
