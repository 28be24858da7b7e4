"""What a worker has learned from the ordinary way: who the users are, and the compiled lists.

It holds for one state of Odoo's registry and caches. Odoo tells of every change of groups, rules, access
rights, languages and modules by its signalling sequences, and all that was learned before goes then.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

PLANS, USERS = 4096, 10000  # entries; the oldest make room
# The user's own company, then all of them: Odoo reads both anew with each request
COMPANIES = (
    "SELECT (SELECT company_id FROM res_users WHERE id = {user}) || array_agg(cid ORDER BY cid)"
    " FROM res_company_users_rel WHERE user_id = {user}"
)


@dataclass(frozen=True)
class User:
    """A caller.

    Attributes:
        role: as :func:`~..frame.principal.role_of` gives it.
        companies: id of the user's own company, then those of all of the user's companies, in order.
    """

    role: str
    companies: list


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
        users: {id: :class:`User`}.
        plans: {key: compiled list, None for one that cannot be compiled}.
        database_id: unique id of the database, to which tokens are bound; empty until it is learned.
    """

    registry: object
    sequences: tuple
    database_id: str = ""
    users: OrderedDict = field(default_factory=OrderedDict)
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
