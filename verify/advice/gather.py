"""Takes from the estate what rules judge by."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from verify.advice.facts import Commits, Counted, Database, Idle, Loaded, Table, Window
from verify.advice.tables import MANY_ROWS
from verify.clients.database import superuser_rows
from verify.estate.described import Estate
from verify.estate.machines import Machine, Machines, has_own_api
from verify.measure.resources import Capacity, Usage

# PostgreSQL manual, 28.2: pg_stat_database, pg_stat_wal, pg_stat_user_tables; ``{checkpoints}`` as below.
COUNTED = """
    SELECT extract(epoch FROM clock_timestamp())::float8 AS at,
           d.xact_commit + d.xact_rollback AS transactions, d.temp_files, d.temp_bytes,
           d.blks_hit AS blocks_hit, d.blks_read AS blocks_read, c.timed, c.requested, w.wal_bytes,
           (SELECT coalesce(json_object_agg(relname, json_build_array(seq_scan, seq_tup_read)), '{{}}')
              FROM pg_stat_user_tables WHERE seq_tup_read >= {many_rows}) AS scans,
           to_char(coalesce(d.stats_reset, pg_postmaster_start_time()), 'YYYY-MM-DD HH24:MI') AS reset,
           extract(epoch FROM clock_timestamp() - coalesce(c.stats_reset, pg_postmaster_start_time()))::float8
               AS seconds
      FROM pg_stat_database d, ({checkpoints}) c, pg_stat_wal w
     WHERE d.datname = current_database()
"""
CHECKPOINTS = (
    "SELECT checkpoints_timed AS timed, checkpoints_req AS requested, stats_reset FROM pg_stat_bgwriter"
)
CHECKPOINTS_17 = (
    "SELECT num_timed AS timed, num_requested AS requested, stats_reset FROM pg_stat_checkpointer"
)
# Sizes in bytes and times in seconds.
NOW = """
    SELECT (SELECT json_object_agg(name, pg_size_bytes(current_setting(name)))
              FROM unnest(ARRAY['work_mem', 'shared_buffers', 'max_wal_size']) name) AS sizes,
           (SELECT json_object_agg(name, extract(epoch FROM current_setting(name)::interval))
              FROM unnest(ARRAY['checkpoint_timeout', 'idle_in_transaction_session_timeout']) name) AS times,
           current_setting('checkpoint_completion_target')::float8 AS completion,
           current_setting('data_directory') AS folder,
           pg_database_size(current_database()) AS size,
           (SELECT coalesce(json_agg(json_build_array(concat_ws(' ', usename, nullif(application_name, '')),
                                                      extract(epoch FROM now() - state_change))
                                     ORDER BY state_change), '[]')
              FROM pg_stat_activity
             WHERE datname = current_database() AND state LIKE 'idle in transaction%') AS idle
"""
# Columns that Odoo's registry has an index for, of tables with many rows, and that no valid index leads with.
TABLES = """
    SELECT t.relname AS name, greatest(t.reltuples, s.n_live_tup)::bigint AS rows,
           (SELECT coalesce(json_agg(a.attname ORDER BY a.attname), '[]')
              FROM ir_model_fields f
              JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = f.name AND NOT a.attisdropped
             WHERE f.index AND f.store AND replace(f.model, '.', '_') = t.relname
               AND NOT EXISTS (SELECT 1 FROM pg_index i
                                WHERE i.indrelid = t.oid AND i.indkey[0] = a.attnum AND i.indisvalid)
           ) AS missing
      FROM pg_class t JOIN pg_stat_user_tables s ON s.relid = t.oid
     WHERE greatest(t.reltuples, s.n_live_tup) >= {many_rows}
     ORDER BY t.relname
"""
# A transaction that leaves nothing but its record in the WAL: an empty message for nobody (PostgreSQL manual,
# 9.27.6). Each commit is timed by itself, from inside the server.
COMMITS = """
DO $$
DECLARE began timestamptz; times float8[] := '{}';
BEGIN
  FOR number IN 1..40 LOOP
    PERFORM pg_logical_emit_message(true, 'tillstack-verify', '');
    began := clock_timestamp();
    COMMIT;
    times := times || (1000 * extract(epoch FROM clock_timestamp() - began))::float8;
  END LOOP;
  PERFORM set_config('tillstack.times', array_to_json(times)::text, false);
END $$
"""
AVAILABLE = r"sed -nE 's/^MemAvailable: *([0-9]+) kB/\1/p' /proc/meminfo"
PSQL = "cd / && runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -h /var/run/postgresql -p %s -d %s"
LIMIT_TIME_REAL = 120  # Odoo's default, in seconds; the roles leave it
# What Odoo asks with dbfilter set (odoo/service/db.py, list_dbs).
LIST_OF_DATABASES = """
    SELECT datname FROM pg_database
     WHERE datdba = (SELECT usesysid FROM pg_user WHERE usename = current_user)
       AND NOT datistemplate AND datallowconn AND datname NOT IN ('postgres', 'template0') ORDER BY datname
"""


def counted(machine: Machine, database: str) -> tuple[Counted, Window]:
    """Return the counters of a database host, and their window since they were last set to zero."""
    version = int(machine.variables["postgresql_version"])
    query = COUNTED.format(checkpoints=CHECKPOINTS_17 if version >= 17 else CHECKPOINTS, many_rows=MANY_ROWS)
    (row,) = superuser_rows(machine, query, database)
    reset, seconds = row.pop("reset"), row.pop("seconds")
    now = Counted(**{**row, "scans": {name: tuple(seen) for name, seen in row["scans"].items()}})
    return now, Window(f"{reset} (SELECT pg_stat_reset() begins anew)", seconds, now)


def risen(before: Counted, now: Counted, since: str) -> Window:
    """Return how far counters rose from one reading to another."""
    rise = {
        one.name: getattr(now, one.name) - getattr(before, one.name)
        for one in fields(Counted)
        if one.name != "scans"
    }
    scans = {
        name: (scans - before.scans.get(name, (0, 0))[0], read - before.scans.get(name, (0, 0))[1])
        for name, (scans, read) in now.scans.items()
    }
    return Window(since, now.at - before.at, Counted(**rise, scans=scans))


def database_facts(machine: Machine, estate: Estate, before: Counted | None) -> Database:
    """Return what rules judge a database host by.

    Args:
        machine: the host.
        estate: the inventory, for the poolers' sizes.
        before: counters when the run's section began; None: since they were last set to zero.
    """
    database = str(estate.variable("odoo_database"))
    after, window = counted(machine, database)
    if before is not None:
        window = risen(before, after, "this section began")
    (now,) = superuser_rows(machine, NOW, database)
    tables = superuser_rows(machine, TABLES.format(many_rows=MANY_ROWS), database)
    available, free = machine.shell.output(
        f"{AVAILABLE}; df -k --output=avail %s/pg_wal | tail -1",
        now["folder"],
    ).split()
    pools = [host.variables for host in estate.hosts.values() if "pgbouncer" in host.groups]
    memory_mb = machine.variables.get("postgresql_memory_mb")
    return Database(
        host=machine.name,
        window=window,
        settings={**now["sizes"], **now["times"], "checkpoint_completion_target": now["completion"]},
        overruled=machine.variables.get("postgresql_settings") or {},
        memory_mb=None if memory_mb is None else int(memory_mb),
        size=now["size"],
        available=int(available) * 1024,
        disk_free=int(free) * 1024,
        longest_request=float(
            (estate.variable("odoo_settings") or {}).get("limit_time_real") or LIMIT_TIME_REAL
        ),
        sessions=sum(
            int(pool[f"pgbouncer_{name}"])
            for pool in pools
            for name in ("default_pool_size", "reserve_pool_size", "session_pool_size")
        ),
        tables=tuple(Table(row["name"], row["rows"], tuple(row["missing"])) for row in tables),
        idle=tuple(Idle(who, float(seconds)) for who, seconds in now["idle"]),
    )


def commit_facts(machine: Machine, database: str) -> Commits:
    """Time tiny commits on a database host, with the wait for the disk and without it."""

    def times(mode: str) -> tuple[float, ...]:
        text = machine.shell.output(
            f"{PSQL} -c %s -c %s -c %s",
            str(machine.variables["postgresql_port"]),
            database,
            f"SET synchronous_commit = {mode}",
            COMMITS,
            "SELECT current_setting('tillstack.times')",
        )
        return tuple(json.loads(text))

    (where,) = superuser_rows(
        machine, "SELECT current_setting('data_directory') || '/pg_wal' AS folder", database
    )
    folder = machine.shell.output("readlink -f %s", where["folder"])
    device = machine.shell.output("findmnt --noheadings --output SOURCE --target %s", folder)
    return Commits(machine.name, folder, device, times("local"), times("off"))


def loaded_facts(
    machines: Machines, limit: str, used: Usage, offered: float, capacity: Capacity
) -> Loaded | None:
    """Return what the rules about load judge by; None where no host has Odoo or the pooler.

    Args:
        machines: the estate.
        limit: the resource that ran out.
        used: what was in use in the step that broke.
        offered: its rate, calls per second.
        capacity: what there is.
    """
    odoo, poolers = machines.of_group("odoo"), machines.of_group("pgbouncer")
    databases = machines.of_group("postgresql")
    if not odoo or not poolers:
        return None
    first, pooler = odoo[0], poolers[0]
    own = [machine for machine in odoo if has_own_api(machine)]
    variables, overruled = pooler.variables, pooler.variables.get("pgbouncer_settings") or {}
    reserve = int(overruled.get("reserve_pool_size", variables["pgbouncer_reserve_pool_size"]))
    memory = first.variables.get("odoo_memory_mb")
    named = pool_variable(variables, str(first.variables["odoo_database"]))
    of_database = databases[0].variables if databases else {}
    admitted = int((of_database.get("__postgresql_effective_settings") or {}).get("max_connections", 0))
    return Loaded(
        limit=limit,
        used=used,
        offered=offered,
        odoo=first.name,
        pgbouncer=pooler.name,
        workers=capacity.workers,
        cron_threads=sum(int(machine.variables["odoo_max_cron_threads"]) for machine in odoo),
        odoo_hosts=len(odoo),
        odoo_memory_mb=None if memory is None else int(memory),
        odoo_available=1024 * int(first.shell.output(AVAILABLE)),
        pool=capacity.pool // len(poolers) - reserve,
        reserve=reserve,
        pool_variable=named,
        connections=_connections([machine.variables for machine in poolers], len(odoo)),
        max_connections=admitted,
        connections_follow=named == "pgbouncer_default_pool_size"
        and "max_connections" not in (of_database.get("postgresql_settings") or {}),
        api_workers=sum(int(machine.variables["pos_api_workers"]) for machine in own),
        http_workers=sum(int(machine.variables["odoo_workers"]) for machine in own),
        cores=int(first.shell.output("nproc")),
    )


def pool_variable(variables: Mapping[str, Any], database: str) -> str:
    """Return what sets the size of a database's pool: what goes last in pgbouncer.ini wins."""
    entries = variables.get("pgbouncer_databases") or []
    named = [entry for entry in entries if entry["name"] == database] or [
        entry for entry in entries if entry["name"] == "*"
    ]
    if any("pool_size" in entry for entry in named):
        return f"pgbouncer_databases ({named[0]['name']}): pool_size"
    if "default_pool_size" in (variables.get("pgbouncer_settings") or {}):
        return "pgbouncer_settings.default_pool_size"
    return "pgbouncer_default_pool_size"


def _connections(poolers: Sequence[Mapping[str, Any]], odoo_hosts: int) -> int:
    """Return how many connections PostgreSQL has to admit; the formula is that of docs/sizing.md."""
    pooled = 0
    for one in poolers:
        last = one.get("pgbouncer_settings") or {}
        each = 2 + sum(
            int(last.get(name, one[f"pgbouncer_{name}"]))
            for name in ("default_pool_size", "reserve_pool_size")
        )
        session = len(one["pgbouncer_session_databases"]) * (int(one["pgbouncer_session_pool_size"]) + 2)
        pooled += (
            len(one["pgbouncer_databases"]) * each + int(one["pgbouncer_postgres_pool_size"]) + 2 + session
        )
    return pooled + 4 * odoo_hosts + 5 + 10
