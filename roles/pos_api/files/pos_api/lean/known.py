"""What a worker has learned: who calls, from the database, and the compiled reads, from the ordinary way.

It holds for one state of Odoo's registry and caches. Odoo tells of every change of groups, rules, access
rights, languages and modules by its signalling sequences, and all that was learned before goes then. Of who
may call it holds for one version of the tables that tell it (:data:`..models.change_log.CALLERS`).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

from ..frame import principal
from ..models import change_log
from . import compiler, connection

PLANS, CALLERS = 4096, 10000  # entries; the oldest make room
# The user's own company, then all of them: Odoo reads both anew with each request
COMPANIES = (
    "SELECT (SELECT company_id FROM res_users WHERE id = {user}) || array_agg(cid ORDER BY cid)"
    " FROM res_company_users_rel WHERE user_id = {user}"
)
# The version that the rest holds for; of a family and its user in force the end, the seconds until then by
# PostgreSQL's clock and the groups that give a role, else NULL; and the user's companies
ASK = (
    f"SELECT {change_log.CALLERS.version}, live.ends,"
    " extract(epoch FROM live.ends - now() AT TIME ZONE 'UTC')::float8, live.groups,"
    f" ({COMPANIES.format(user='$2')})"
    " FROM (SELECT) one"
    f" LEFT JOIN ({principal.LIVE.format(family='$1', user='$2')}) live (ends, groups) ON true"
)


def tables(env):
    """Return the tables that tell who may call."""
    return compiler.tables_of(env.cr, ASK) - {change_log.CALLERS.table}


change_log.CALLERS.sources.append(tables)


@dataclass(frozen=True)
class User:
    """A user.

    Attributes:
        role: as :func:`~..frame.principal.role_of` gives it.
        companies: id of the user's own company, then those of all of the user's companies, in order.
    """

    role: str
    companies: list


@dataclass(frozen=True)
class Caller:
    """A token family in force, and its user.

    Attributes:
        version: of the tables that tell it, for which it holds.
        user: :class:`User`.
        ends: when the family ends.
        deadline: the same by :func:`clock`.
    """

    version: str
    user: User
    ends: datetime
    deadline: float


def clock():
    """Return seconds of a clock that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def user(call):
    """Return the :class:`User` of a :class:`~..frame.call.Call` in its transaction."""
    call.env.cr.execute(f"SELECT ({COMPANIES.format(user='%(user)s')})", {"user": call.env.uid})
    return User(call.principal.role, *call.env.cr.fetchone())


@dataclass
class State:
    """What is known while the registry is the same and both sequences stand still.

    Attributes:
        registry: Odoo's registry.
        sequences: (registry sequence, cache sequence).
        callers: {(id of the token family, id of the user): :class:`Caller`}.
        plans: {key: compiled list, None for one that cannot be compiled}.
        database_id: unique id of the database, to which tokens are bound; empty until it is learned.
        complete: whether the changes of all that tells who may call are logged; None until it is learned.
    """

    registry: object
    sequences: tuple
    database_id: str = ""
    complete: bool | None = None
    callers: OrderedDict = field(default_factory=OrderedDict)
    plans: OrderedDict = field(default_factory=OrderedDict)


_states = {}  # database: State


def state(registry):
    """Return the :class:`State` of a registry as it is now."""
    sequences = (registry.registry_sequence, registry.cache_sequence)
    found = _states.get(registry.db_name)
    if found is None or found.registry is not registry or found.sequences != sequences:
        found = _states[registry.db_name] = State(registry, sequences)
    return found


def remember(entries, key, value, most):
    """Put a value into a dictionary of bounded size."""
    entries[key] = value
    while len(entries) > most:
        entries.popitem(last=False)


def ask(pool, state, token):
    """Return the :class:`Caller` that a token is of as the database has it now, None without one in force.

    Args:
        pool: database of the pool in session mode.
        state: :class:`State` that keeps it.
        token: verified :class:`~..tokens.AccessToken`.

    Raises:
        psycopg2.Error: the database cannot be asked.
    """
    key, asked_at = (token.family_id, token.user_id), clock()
    version, ends, left, groups, companies = connection.row(pool, ASK, key)
    if groups is None:
        state.callers.pop(key, None)
        return None
    found = User(principal.role_by(groups.__contains__), companies)
    caller = Caller(version, found, ends, asked_at + left)
    remember(state.callers, key, caller, CALLERS)
    return caller
