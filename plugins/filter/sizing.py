"""The one calculation behind worker counts, pool sizes and PostgreSQL's memory and connection limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: sizing
version_added: "0.1.0"
short_description: Worker counts, pool sizes and PostgreSQL limits that fit each other
description:
  - Computes from the hosts' memory and cores how many Odoo workers run, how large PgBouncer's pools are and
    what PostgreSQL's connection and memory limits must be.
  - The numbers fit by construction. The pools cannot deadlock when a request opens a second cursor, and
    PostgreSQL admits all pools plus the direct connections.
  - Values set in the inventory are taken as given, and everything that depends on them follows.
positional: groups, host
options:
  _input:
    description: The C(hostvars) of the play.
    type: dict
    required: true
  groups:
    description:
      - The C(groups) of the play. A missing or empty group means that the host itself plays that part,
        without taking memory from the others.
    type: dict
    required: true
  host:
    description: The host that the result is for, usually C(inventory_hostname).
    type: str
    required: true
notes:
  - Reads these variables of the hosts where they are set in the inventory or on the command line -
    C(odoo_memory_mb), C(odoo_cores), C(odoo_workers), C(odoo_max_cron_threads), C(odoo_db_maxconn),
    C(odoo_series), C(pos_api_server), C(pos_api_workers), C(pos_api_threads), C(pos_api_cache_size),
    C(postgresql_memory_mb), C(postgresql_cores), C(pgbouncer_default_pool_size),
    C(pgbouncer_reserve_pool_size), C(pgbouncer_postgres_pool_size), C(pgbouncer_session_pool_size),
    C(pgbouncer_databases), C(pgbouncer_session_databases).
  - Without C(pos_api_server) Odoo 15.0 has a server of its own for the API, and 14.0 has none.
  - Role defaults and C(vars) of a play are not part of C(hostvars) and are not seen for other hosts.
"""

EXAMPLES = r"""
- name: Show what the calculation gives for this host
  ansible.builtin.debug:
    msg: "{{ hostvars | tillstack.odoo_pos.sizing(groups, inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description:
    - Five dictionaries, C(odoo), C(pos_api), C(pgbouncer), C(postgresql) and C(nginx). Names ending in C(_mb)
      are MiB, Odoo's memory limits are bytes as in odoo.conf. C(pos_api.workers) is 0 where Odoo's own HTTP
      workers answer the API.
  type: dict
"""

MIB = 1024 * 1024

# Odoo 15 documentation, "Deploying Odoo", worker number and memory size calculation: (cores * 2) + 1 workers
# at most; a light worker holds about 150 MB, a heavy one 1 GB, and 20 % of them are heavy.
WORKER_MB = round(0.8 * 150 + 0.2 * 1024)
# The prefork master and the longpolling process each keep a loaded registry as a light worker does.
MASTER_AND_LONGPOLLING_MB = 2 * 150
# The API's master keeps a loaded registry, as its workers do beside what they serve and cache. The plan of a
# worker has room for so many of pos_api_cache_size; what that allows beyond comes on top.
API_MASTER_MB, API_WORKER_MB, API_CACHE_MB = 150, 200, 32
API_THREADS = 3  # while one waits for PostgreSQL, another one computes
API_SHARE_OF_ODOO = 0.25
# A worker is replaced above so many times its plan, and the unit ends above so many times the whole plan.
API_RECYCLED_AT, API_ENDED_AT = 1.5, 2

# Most cursors of the Odoo database that one process holds at a time. An HTTP request may open a second one
# (signal_changes, logging, mail); ir.cron keeps its lock cursor while the job has its own, and the job may
# open a third. Longpolling runs requests as greenlets; a poll waits without a cursor, so few hold one.
HTTP_CURSORS = 2
CRON_CURSORS = 3
LONGPOLLING_CURSORS = 4
# `odoo -i/-u`, run directly against PostgreSQL: loading, signalling, translations, one spare.
DIRECT_CURSORS = 4
# PgBouncer asks for verifiers in a pool of the lookup role's own, one at a time; the second replaces it.
LOOKUP_CONNECTIONS = 2
POSTGRES_SPARE = 2
SESSION_SPARE = 2  # acceptance tests
SUPERUSER_RESERVED = 5
HEADROOM = 10  # acceptance tests, backup, monitoring, an operator's psql
DB_MAXCONN = 32
CLIENT_SPARE = 50
# Odoo listens with a queue of this many connections a worker (odoo/service/server.py, PreforkServer.start).
# The API's threads are given as many calls, so that a call that is taken is also answered in time.
QUEUED = 8
PGBOUNCER_OWN_FILES = 100
POSTGRESQL_DEFAULT_MAX_CONNECTIONS = 100

OS_SHARE, OS_MIN_MB, OS_MAX_MB = 0.10, 256, 2048
ODOO_SHARE_OF_COMMON_HOST = 0.6
POSTGRESQL_MIN_MB = 384
MAX_CRON_THREADS = 2  # Odoo's own default


def _number(variables: Mapping[str, Any], host: str, name: str, minimum: int = 1) -> int | None:
    """Give the whole number that variable `name` holds on `host`, None where it is not set.

    Raises AnsibleFilterError when it is no whole number or less than `minimum`.
    """
    value = variables.get(name)
    if value is None:
        return None
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = minimum - 1
    if number < minimum or isinstance(value, (bool, float)):
        raise AnsibleFilterError(
            f"{name} is {value!r} on host {host}; give a whole number of at least {minimum}, or leave it out"
        )
    return number


def _fact(variables: Mapping[str, Any], host: str, fact: str, instead: str) -> int:
    """Give a numeric fact of `host`; raises AnsibleFilterError naming the variable to set `instead`."""
    facts = variables.get("ansible_facts") or {}
    if fact not in facts:
        raise AnsibleFilterError(
            f"the fact {fact} of host {host} is not known: gather its facts in this run, or set {instead}"
        )
    return int(facts[fact])


def _members(groups: Mapping[str, Sequence[str]], group: str, host: str) -> list[str]:
    """List the hosts of a group; a missing or empty group is played by `host` itself."""
    return list(groups.get(group) or [host])


def _plannable_mb(variables: Mapping[str, Any], host: str, instead: str) -> int:
    """Give the memory of `host` in MiB without what the operating system keeps."""
    total = _fact(variables, host, "memtotal_mb", instead)
    return total - min(OS_MAX_MB, max(OS_MIN_MB, int(total * OS_SHARE)))


def _odoo_mb(variables: Mapping[str, Any], host: str, shared: bool) -> int:
    """Give the memory Odoo may plan with on `host`, MiB; `shared`: PostgreSQL runs there too."""
    explicit = _number(variables, host, "odoo_memory_mb")
    if explicit is not None:
        return explicit
    rest = _plannable_mb(variables, host, "odoo_memory_mb")
    if not shared:
        return rest
    other = _number(variables, host, "postgresql_memory_mb")
    return max(0, int(rest * ODOO_SHARE_OF_COMMON_HOST) if other is None else rest - other)


def _postgresql_mb(variables: Mapping[str, Any], host: str, shared: bool) -> int:
    """Give the memory PostgreSQL may plan with on `host`, MiB; `shared`: Odoo runs there too."""
    explicit = _number(variables, host, "postgresql_memory_mb")
    if explicit is not None:
        return explicit
    rest = _plannable_mb(variables, host, "postgresql_memory_mb")
    return max(0, rest - _odoo_mb(variables, host, shared)) if shared else rest


def _pos_api(variables: Mapping[str, Any], host: str, budget_mb: int, cores: int) -> dict[str, int]:
    """Size the API's own server beside Odoo; all is 0 where Odoo's HTTP workers answer the API.

    `budget_mb`: memory that Odoo may plan with, MiB, of which the API takes a part.
    """
    series = str(variables.get("odoo_series") or "15.0")
    server = variables.get("pos_api_server") or ("granian" if series == "15.0" else "odoo")
    if server != "granian":
        return dict.fromkeys(("workers", "threads", "memory_mb", "worker_max_mb", "max_mb"), 0)
    cache_bytes = _number(variables, host, "pos_api_cache_size", 0) or 0
    worker_mb = API_WORKER_MB + max(0, -(-cache_bytes // MIB) - API_CACHE_MB)
    workers = _number(variables, host, "pos_api_workers")
    if workers is None:
        by_memory = (int(budget_mb * API_SHARE_OF_ODOO) - API_MASTER_MB) // worker_mb
        workers = max(1, min(cores, by_memory))
    memory_mb = API_MASTER_MB + workers * worker_mb
    return {
        "workers": workers,
        "threads": _number(variables, host, "pos_api_threads") or API_THREADS,
        "memory_mb": memory_mb,
        "worker_max_mb": int(worker_mb * API_RECYCLED_AT),
        "max_mb": memory_mb * API_ENDED_AT,
    }


def _db_maxconn(variables: Mapping[str, Any], host: str, threads: int) -> int:
    """Give the most connections of one process, which the API's `threads` of it share.

    Raises AnsibleFilterError when odoo_db_maxconn is less than what they may hold at a time.
    """
    given = _number(variables, host, "odoo_db_maxconn", LONGPOLLING_CURSORS)
    held = threads * (HTTP_CURSORS + 1)  # with the connection to `postgres` that each may NOTIFY on
    if given is not None and given < held:
        raise AnsibleFilterError(
            f"odoo_db_maxconn is {given} on host {host}, and the {threads} pos_api_threads of one process may"
            f" hold {held} connections: give at least {held}, leave it out, or lower pos_api_threads"
        )
    return given or max(DB_MAXCONN, held)


def _odoo(variables: Mapping[str, Any], host: str, budget_mb: int) -> dict[str, Any]:
    """Size Odoo on one host. `budget_mb`: memory it may plan with, MiB; limits in the result are bytes."""
    cores = _number(variables, host, "odoo_cores") or _fact(variables, host, "processor_vcpus", "odoo_cores")
    pos_api = _pos_api(variables, host, budget_mb, cores)
    others_mb = MASTER_AND_LONGPOLLING_MB + pos_api["memory_mb"]
    cron = _number(variables, host, "odoo_max_cron_threads", 0)
    cron = MAX_CRON_THREADS if cron is None else cron
    workers = _number(variables, host, "odoo_workers")
    if workers is None:
        by_memory = (budget_mb - others_mb) // WORKER_MB - cron
        workers = max(1, min(2 * cores + 1, by_memory))
    needed_mb = others_mb + (workers + cron) * WORKER_MB
    maxconn = _db_maxconn(variables, host, pos_api["threads"])
    # Odoo's defaults are 2 GiB and 2.5 GiB; a small host recycles earlier. The hard one limits address space,
    # which is far more than what is resident, so it never falls below what a worker maps in order to start.
    soft_mb = min(2048, max(640, (budget_mb - pos_api["memory_mb"]) * 8 // 10 // (workers + cron + 1)))
    return {
        "workers": workers,
        "max_cron_threads": cron,
        "db_maxconn": maxconn,
        "limit_memory_soft": soft_mb * MIB,
        "limit_memory_hard": max(soft_mb + 512, 1536) * MIB,
        "memory_budget_mb": budget_mb,
        "memory_needed_mb": needed_mb,
        "pos_api": pos_api,
    }


def _shared(groups: Mapping[str, Sequence[str]]) -> set[str]:
    """Name the hosts that both Odoo and PostgreSQL run on."""
    return set(groups.get("odoo") or []) & set(groups.get("postgresql") or [])


def _odoo_hosts(
    hostvars: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Sequence[str]], host: str
) -> dict[str, dict[str, Any]]:
    """Size Odoo on each of its hosts, by name; without the group on `host` itself."""
    shared = _shared(groups)
    return {
        name: _odoo(hostvars[name], name, _odoo_mb(hostvars[name], name, name in shared))
        for name in _members(groups, "odoo", host)
    }


def _threads(odoo_host: Mapping[str, Any]) -> int:
    """Count the API's threads on one host of Odoo, each of which serves one call at a time."""
    return odoo_host["pos_api"]["workers"] * odoo_host["pos_api"]["threads"]


def pools(odoo_hosts: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Size the pools of one PgBouncer so that it can serve all Odoo hosts, as the last pooler left must.

    Sources: HikariCP, "About Pool Sizing" (a pool that n clients with up to m connections each cannot
    deadlock has n * (m - 1) + 1); PgBouncer configuration manual, `max_client_conn` (file descriptors).
    """
    safe = 1 + sum(
        (host["workers"] + _threads(host)) * (HTTP_CURSORS - 1)
        + host["max_cron_threads"] * (CRON_CURSORS - 1)
        + LONGPOLLING_CURSORS
        for host in odoo_hosts
    )
    peak = sum(
        (host["workers"] + _threads(host)) * HTTP_CURSORS
        + host["max_cron_threads"] * CRON_CURSORS
        + LONGPOLLING_CURSORS
        for host in odoo_hosts
    )
    # On `postgres`: each cron worker and the longpolling process LISTEN for ever, and each worker and thread
    # may NOTIFY at the same moment.
    listen = sum(host["max_cron_threads"] + 1 for host in odoo_hosts)
    notify = sum(host["workers"] + _threads(host) + host["max_cron_threads"] for host in odoo_hosts)
    # The API reads by prepared statements, which live in a server connection that its thread keeps. A worker
    # that is replaced lives beside its successor for a moment.
    session = SESSION_SPARE + sum(
        host["workers"] + _threads(host) + host["pos_api"]["threads"] for host in odoo_hosts
    )
    processes_times_maxconn = sum(
        (host["workers"] + host["pos_api"]["workers"] + host["max_cron_threads"] + 2) * host["db_maxconn"]
        for host in odoo_hosts
    )
    return {
        "default_pool_size": safe,
        "reserve_pool_size": max(peak - safe, 1),
        "postgres_pool_size": listen + notify + POSTGRES_SPARE,
        "session_pool_size": session,
        # Each thread of the session pool's may hold one more, by which it tells of its health.
        "max_client_conn": processes_times_maxconn + 2 * session + CLIENT_SPARE,
    }


def _pgbouncer(variables: Mapping[str, Any], host: str, sized: Mapping[str, int]) -> dict[str, int]:
    """Lay the inventory's values of one pooler over the sized ones and add what follows from both."""
    result = {name: _number(variables, host, f"pgbouncer_{name}") or value for name, value in sized.items()}
    result["lookup_connections"] = LOOKUP_CONNECTIONS
    result["databases"] = len(variables.get("pgbouncer_databases") or [None])
    session_databases = variables.get("pgbouncer_session_databases")
    result["session_databases"] = 1 if session_databases is None else len(session_databases)
    servers = server_connections(result)
    result["limit_nofile"] = max(2048, result["max_client_conn"] + servers + PGBOUNCER_OWN_FILES)
    return result


def server_connections(pooler: Mapping[str, int]) -> int:
    """Count the most connections one pooler opens to PostgreSQL: its entries, those in session mode too."""
    each = pooler["default_pool_size"] + pooler["reserve_pool_size"] + LOOKUP_CONNECTIONS
    session = pooler["session_databases"] * (pooler["session_pool_size"] + LOOKUP_CONNECTIONS)
    return pooler["databases"] * each + pooler["postgres_pool_size"] + LOOKUP_CONNECTIONS + session


def connections_needed(poolers: Sequence[Mapping[str, int]], odoo_hosts: int) -> int:
    """Count what PostgreSQL must admit: pools, module upgrades of each Odoo host, reserve and headroom."""
    pooled = sum(server_connections(pooler) for pooler in poolers)
    return pooled + odoo_hosts * DIRECT_CURSORS + SUPERUSER_RESERVED + HEADROOM


def postgresql(budget_mb: int, cores: int, needed: int) -> dict[str, int]:
    """Size PostgreSQL. `budget_mb`: memory it may plan with, MiB; `needed`: connections it must admit.

    Sources: PostgreSQL manual, 20.4 Resource Consumption (shared_buffers: 25 % of memory, 40 % at most;
    work_mem is per sort of a session), 20.5 WAL (max_wal_size), 20.7 Query Planning (effective_cache_size).
    """
    max_connections = max(POSTGRESQL_DEFAULT_MAX_CONNECTIONS, -(-needed // 10) * 10)
    shared_buffers = min(16384, max(128, budget_mb // 4))
    # As if every admitted session sorted once; the pools keep most of them idle, and some sort several times.
    work_mem = min(64, max(4, (budget_mb - shared_buffers) // max_connections))
    return {
        "max_connections": max_connections,
        "superuser_reserved_connections": SUPERUSER_RESERVED,
        "connections_needed": needed,
        "shared_buffers_mb": shared_buffers,
        "effective_cache_size_mb": max(256, budget_mb * 3 // 4),
        "work_mem_mb": work_mem,
        "maintenance_work_mem_mb": min(1024, max(64, budget_mb // 16)),
        "max_wal_size_mb": min(4096, max(1024, budget_mb // 4)),
        "max_worker_processes": max(8, cores),
        "max_parallel_workers": max(2, cores),
        "max_parallel_workers_per_gather": min(2, cores // 2),
        "max_parallel_maintenance_workers": min(4, max(1, cores // 2)),
        "memory_budget_mb": budget_mb,
    }


def sizing(
    hostvars: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Sequence[str]], host: str
) -> dict[str, dict[str, int]]:
    """Size the whole stack as seen from `host`.

    Args:
        hostvars: variables of every host, with `ansible_facts` of those that are counted.
        groups: host names by group; `odoo`, `postgresql` and `pgbouncer` are read.
        host: the host the result is for.

    Raises:
        AnsibleFilterError: a fact is missing, or a variable is no whole number; the message names it.
    """
    shared = _shared(groups)
    odoo = _odoo_hosts(hostvars, groups, host)
    sized = pools(list(odoo.values()))
    pooler_hosts = _members(groups, "pgbouncer", host)
    poolers = {name: _pgbouncer(hostvars[name], name, sized) for name in pooler_hosts}
    own = odoo.get(host) or next(iter(odoo.values()))
    result = {
        "odoo": {name: value for name, value in own.items() if name != "pos_api"},
        "pos_api": own["pos_api"],
        "pgbouncer": poolers.get(host) or next(iter(poolers.values())),
    }
    # More than fits into Odoo's queue would hang until the client's next attempts to connect.
    result["nginx"] = {
        "odoo_max_connections": QUEUED * min(one["workers"] for one in odoo.values()),
        "api_max_connections": QUEUED * min(_threads(one) for one in odoo.values()),
    }
    needed = connections_needed(list(poolers.values()), len(odoo))
    if host in _members(groups, "postgresql", host):
        cores = _number(hostvars[host], host, "postgresql_cores") or _fact(
            hostvars[host], host, "processor_vcpus", "postgresql_cores"
        )
        budget_mb = _postgresql_mb(hostvars[host], host, host in shared)
        result["postgresql"] = postgresql(budget_mb, cores, needed)
    else:
        result["postgresql"] = {
            "connections_needed": needed,
            "superuser_reserved_connections": SUPERUSER_RESERVED,
        }
    return result


def sizing_problems(
    hostvars: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    host: str,
    effective: Mapping[str, Any],
) -> list[str]:
    """Say which values in use on `host` do not fit the calculation; an empty list means that all fit.

    Args:
        hostvars, groups, host: as for `sizing`.
        effective: the values in use by name, of those that the calling role knows: odoo_workers,
            odoo_max_cron_threads; pgbouncer_default_pool_size, pgbouncer_reserve_pool_size,
            pgbouncer_postgres_pool_size, pgbouncer_session_pool_size, pgbouncer_max_client_conn,
            pgbouncer_limit_nofile, pgbouncer_databases (entries beside `postgres`); max_connections,
            superuser_reserved_connections.

    Raises:
        AnsibleFilterError: a value in `effective` is no whole number.
    """
    sized = sizing(hostvars, groups, host)
    used = {name: _number(effective, host, name, 0) or 0 for name in effective}
    odoo_hosts = groups.get("odoo") or []
    pooler_hosts = groups.get("pgbouncer") or []
    # Without Odoo in the inventory the poolers serve someone else, whose needs are not known.
    floor = pools(list(_odoo_hosts(hostvars, groups, host).values())) if odoo_hosts else {}
    found = []
    if "odoo_workers" in used:
        found += _odoo_problems(sized["odoo"], sized["pos_api"], used)
    if "pgbouncer_default_pool_size" in used:
        found += _pool_problems(sized["pgbouncer"], floor, used)
    if "max_connections" in used:
        needed = sized["postgresql"]["connections_needed"] if odoo_hosts or pooler_hosts else 0
        found += _postgresql_problems(sized["postgresql"], used, needed)
    return [f"on {host}, {problem}" for problem in found]


def _odoo_problems(sized: Mapping[str, int], api: Mapping[str, int], used: Mapping[str, int]) -> list[str]:
    """Say whether Odoo's workers and the API's need more memory than there is.

    As few as the smallest host gets by itself are taken everywhere: below them there is nothing to run.
    """
    workers, cron = used["odoo_workers"], used.get("odoo_max_cron_threads", sized["max_cron_threads"])
    api_mb = api["memory_mb"]
    needed_mb = MASTER_AND_LONGPOLLING_MB + api_mb + (workers + cron) * WORKER_MB
    least = workers <= 1 and cron <= MAX_CRON_THREADS and api_mb <= API_MASTER_MB + API_WORKER_MB
    if needed_mb <= sized["memory_budget_mb"] or least:
        return []
    return [
        f"odoo_workers ({workers}) and odoo_max_cron_threads ({cron}) need {needed_mb} MiB of memory with the"
        f" {api_mb} MiB of the API ({api['workers']} pos_api_workers, each with its pos_api_cache_size), and"
        f" Odoo may plan with {sized['memory_budget_mb']} MiB: lower one of them, set pos_api_server to"
        " odoo in the inventory, add memory, or correct odoo_memory_mb"
    ]


def _pool_problems(sized: Mapping[str, int], floor: Mapping[str, int], used: Mapping[str, int]) -> list[str]:
    """Say which pools are too small for Odoo's processes, and whether the file descriptors suffice."""
    found = [
        f"pgbouncer_{name} ({used[f'pgbouncer_{name}']}) is less than the {floor[name]} that Odoo's processes"
        " need in order not to wait for each other for ever or be refused: raise it, or lower odoo_workers,"
        " pos_api_workers, pos_api_threads, odoo_max_cron_threads or odoo_db_maxconn"
        for name in ("default_pool_size", "postgres_pool_size", "session_pool_size", "max_client_conn")
        if floor and used.get(f"pgbouncer_{name}", floor[name]) < floor[name]
    ]
    pooler = {name: used.get(f"pgbouncer_{name}", value) for name, value in sized.items()}
    files = pooler["max_client_conn"] + server_connections(pooler) + PGBOUNCER_OWN_FILES
    if pooler["limit_nofile"] < files:
        found.append(
            f"pgbouncer_limit_nofile ({pooler['limit_nofile']}) is less than the {files} file descriptors for"
            f" pgbouncer_max_client_conn ({pooler['max_client_conn']}) and the pools: raise it or lower those"
        )
    return found


def _postgresql_problems(sized: Mapping[str, int], used: Mapping[str, int], connections: int) -> list[str]:
    """Say whether PostgreSQL admits as many `connections` as it must and has the memory to run."""
    found = []
    needed = connections + used.get("superuser_reserved_connections", SUPERUSER_RESERVED) - SUPERUSER_RESERVED
    if used["max_connections"] < needed:
        found.append(
            f"postgresql_settings.max_connections ({used['max_connections']}) is less than the {needed} for"
            " all pools and the direct connections: raise it or leave it out, or lower odoo_workers,"
            " pos_api_threads, pgbouncer_default_pool_size, pgbouncer_reserve_pool_size,"
            " pgbouncer_postgres_pool_size or pgbouncer_session_pool_size"
        )
    budget_mb = sized.get("memory_budget_mb", POSTGRESQL_MIN_MB)
    if budget_mb < POSTGRESQL_MIN_MB:
        found.append(
            f"PostgreSQL may use {budget_mb} MiB of memory and needs {POSTGRESQL_MIN_MB}: add memory, or"
            " set postgresql_memory_mb if more is free for it"
        )
    return found


class FilterModule:
    """Register the filters with Ansible."""

    def filters(self) -> dict[str, Any]:
        """Give the filters by name."""
        return {"sizing": sizing, "sizing_problems": sizing_problems}
