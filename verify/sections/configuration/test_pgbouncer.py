"""PgBouncer as a client sees it."""

from collections.abc import Callable

import pytest

from verify.clients.database import pooler_rows
from verify.estate.machines import Machine, main_pid

CONCERN = "PgBouncer"


pytestmark = pytest.mark.explained_by("pgbouncer", "postgresql")


PID = "SELECT pg_backend_pid()"


SESSION_DATABASE = "postgres"


STATE = f"{PID} || ' ' || coalesce(nullif(current_setting('tillstack.verify', true), ''), 'none')"


NOTIFY_SECONDS = 5


DRAWS = 5


def _console(machine: Machine, command: str) -> list[dict[str, str]]:
    folder = machine.variables["__pgbouncer_known_settings"]["unix_socket_dir"]
    return pooler_rows(machine.shell, folder, machine.variables["pgbouncer_listen_port"], command)


def _pool(machine: Machine, database: str) -> dict[str, str]:
    """Return the settings of the entry that serves a database, as the console shows them."""
    (entry,) = [row for row in _console(machine, "SHOW DATABASES") if row["name"] == database]
    return entry


def test_settings_in_effect(pgbouncer_host: Machine, measure: Callable[..., None]) -> None:
    """Every wanted setting that this version knows is in effect."""
    (row,) = _console(pgbouncer_host, "SHOW VERSION")
    measure("version", row["version"])
    live = {row["key"]: row["value"] for row in _console(pgbouncer_host, "SHOW CONFIG")}
    variables = pgbouncer_host.variables
    wanted = {**variables["__pgbouncer_known_settings"], **variables["pgbouncer_settings"]}
    different = {
        name: f"wanted {wish}, in effect {live[name]}"
        for name, wish in wanted.items()
        if name in live and str(wish) != live[name]
    }
    assert len(live.keys() & wanted.keys()) > len(wanted) / 2, "the console shows hardly any wanted setting"
    assert different == {}, "run site.yml; a reload can't change all settings"


def test_file_limit(pgbouncer_host: Machine, measure: Callable[..., None]) -> None:
    """The running process may open as many files as all clients and servers need."""
    limits = pgbouncer_host.shell.text(f"/proc/{main_pid(pgbouncer_host, 'pgbouncer')}/limits")
    limit = int(limits.partition("Max open files")[2].split()[0])
    measure("files it may open", limit)
    assert limit >= int(pgbouncer_host.variables["pgbouncer_limit_nofile"]), (
        "pgbouncer_limit_nofile is not in effect"
    )
