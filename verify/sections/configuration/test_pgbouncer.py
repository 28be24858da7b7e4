"""The pooler's settings in effect, against its file and the inventory."""

import configparser
from collections.abc import Callable

import pytest

from verify.clients.database import pooler_rows, superuser_rows
from verify.estate.machines import Machine, Machines, main_pid
from verify.reporting.recorder import NotRun

CONCERN = "PgBouncer"

pytestmark = pytest.mark.explained_by("pgbouncer", "postgresql")

CONFIGURATION = "/etc/pgbouncer/pgbouncer.ini"
CONSOLE = "pgbouncer"
SESSION_DATABASE = "postgres"
CONNECTIONS = """
    SELECT current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int AS free
"""


def _live(machine: Machine) -> dict[str, str]:
    return {row["key"]: row["value"] for row in pooler_rows(machine, "SHOW CONFIG")}


def test_settings_in_effect(pgbouncer_host: Machine, measure: Callable[..., None]) -> None:
    """Every wanted setting that this version knows is in effect."""
    (row,) = pooler_rows(pgbouncer_host, "SHOW VERSION")
    measure("version", row["version"])
    live = _live(pgbouncer_host)
    variables = pgbouncer_host.variables
    wanted = {**variables["__pgbouncer_known_settings"], **variables["pgbouncer_settings"]}
    different = {
        name: f"wanted {wish}, in effect {live[name]}"
        for name, wish in wanted.items()
        if name in live and str(wish) != live[name]
    }
    assert len(live.keys() & wanted.keys()) > len(wanted) / 2, "the console shows hardly any wanted setting"
    assert not different, f"run site.yml; a reload can't change all settings: {different}"


def test_file_is_loaded(pgbouncer_host: Machine) -> None:
    """The running pooler has the settings that its file has now."""
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.read_string(pgbouncer_host.shell.text(CONFIGURATION))
    live = _live(pgbouncer_host)
    different = {
        name: f"file {text}, in effect {live[name]}"
        for name, text in parser["pgbouncer"].items()
        if name in live and text != live[name]
    }
    assert not different, f"{CONFIGURATION} is not loaded, systemctl reload pgbouncer: {different}"


def test_pool_modes(pgbouncer_host: Machine, database: str) -> None:
    """The application is pooled by transaction; where NOTIFY is heard, a client keeps its server."""
    modes = {row["name"]: row["pool_mode"] for row in pooler_rows(pgbouncer_host, "SHOW DATABASES")}
    usual = _live(pgbouncer_host)["pool_mode"]
    assert modes.get(database) in (None, "", "transaction"), f"{database}: pool_mode {modes[database]}"
    assert usual == "transaction", f"pool_mode is {usual}, see pgbouncer_settings"
    assert modes.get(SESSION_DATABASE) == "session", (
        f"the entry {SESSION_DATABASE} has pool_mode {modes.get(SESSION_DATABASE)}: run site.yml"
    )


def test_session_entry(pgbouncer_host: Machine, database: str) -> None:
    """The entry that the API reads by is in session mode, and large enough for all who keep a connection."""
    variables = pgbouncer_host.variables
    if database not in variables["pgbouncer_session_databases"]:
        raise NotRun(f"pgbouncer_session_databases does not name {database}")
    rows = {row["name"]: row for row in pooler_rows(pgbouncer_host, "SHOW DATABASES")}
    entry = rows.get(f"{database}_session")
    assert entry, f"there is no entry {database}_session: run site.yml"
    assert entry["pool_mode"] == "session", (
        f"the entry {database}_session has pool_mode {entry['pool_mode']}: prepared statements are lost or"
        " meet another client's: run site.yml"
    )
    wanted = int(variables["pgbouncer_session_pool_size"])
    assert int(entry["pool_size"]) == wanted, f"its pool_size is {entry['pool_size']}, wanted {wanted}"


def test_pools_fit_the_server(
    pgbouncer_host: Machine, machines: Machines, measure: Callable[..., None]
) -> None:
    """All pools full, the database server still has connections left for its administrators."""
    rows = [row for row in pooler_rows(pgbouncer_host, "SHOW DATABASES") if row["name"] != CONSOLE]
    usual = int(_live(pgbouncer_host)["max_db_connections"])
    # a database without a limit of its own has as many as its pool and the reserve
    most = sum(
        int(row["max_connections"]) or int(row["pool_size"]) + int(row["reserve_pool"]) for row in rows
    )
    if all(row["name"] == SESSION_DATABASE or row["name"].endswith("_session") for row in rows):
        most += usual  # no client of another database has come yet
    servers = machines.of_group("postgresql")
    for server in servers:
        (row,) = superuser_rows(server, CONNECTIONS)
        measure("server connections of all pools", most)
        measure("connections that PostgreSQL gives", row["free"])
        assert most <= row["free"], (
            "lower pgbouncer_default_pool_size or raise max_connections in postgresql_settings"
        )


def test_file_limit(pgbouncer_host: Machine, measure: Callable[..., None]) -> None:
    """The running process may open as many files as all clients and servers need."""
    limits = pgbouncer_host.shell.text(f"/proc/{main_pid(pgbouncer_host, 'pgbouncer')}/limits")
    limit = int(limits.partition("Max open files")[2].split()[0])
    measure("files it may open", limit)
    assert limit >= int(pgbouncer_host.variables["pgbouncer_limit_nofile"]), (
        "pgbouncer_limit_nofile is not in effect"
    )
