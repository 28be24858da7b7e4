"""PostgreSQL as its clients meet it."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from verify.database import connect, superuser_rows, value
from verify.machines import Machine
from verify.network import LOOPBACK, listening
from verify.settings import agrees, written
from verify.timing import milliseconds

CONCERN = "PostgreSQL"
pytestmark = pytest.mark.explained_by("postgresql")

# reset_val is what a session starts with; setting is 0 for what a unix socket hasn't, such as keepalives.
SETTINGS = "SELECT name, reset_val AS setting, vartype, unit, pending_restart FROM pg_settings"


def _rows(machine: Machine, query: str) -> list[dict[str, Any]]:
    return superuser_rows(machine.shell, machine.variables["postgresql_port"], query)


def test_application_round_trip(direct: dict[str, Any], database: str, measure: Callable[..., None]) -> None:
    """PostgreSQL answers the application's user."""
    with closing(connect(direct, database)) as client:
        assert value(client, "SELECT current_user") == direct["user"]
        measure("SELECT 1, direct, median", milliseconds(lambda: value(client, "SELECT 1")), "ms")


def test_version(postgresql_host: Machine, measure: Callable[..., None]) -> None:
    """The server that runs is the wanted major version."""
    (row,) = _rows(postgresql_host, "SELECT current_setting('server_version') AS version")
    measure("version", row["version"])
    assert int(row["version"].split(".")[0]) == int(postgresql_host.variables["postgresql_version"]), (
        "the cluster that answers is of another major version than postgresql_version"
    )


def test_settings_in_effect(postgresql_host: Machine) -> None:
    """Every wanted setting is in effect."""
    wanted = postgresql_host.variables["__postgresql_effective_settings"]
    assert wanted, "the role describes no settings"
    live = {row["name"]: row for row in _rows(postgresql_host, SETTINGS)}
    different = []
    for name, wish in wanted.items():
        row = live.get(name)
        if row is None:
            different.append(f"{name}: wanted {wish}, unknown to the server")
        elif not agrees(written(wish), row["setting"], row["vartype"], row["unit"]):
            different.append(
                f"{name}: wanted {written(wish)}, in effect {row['setting']} {row['unit'] or ''}"
            )
    assert not different, "run site.yml, or look for what overrides conf.d (ALTER SYSTEM, a later file)"


def test_no_restart_pending(postgresql_host: Machine) -> None:
    """No changed setting waits for a restart."""
    pending = [row["name"] for row in _rows(postgresql_host, SETTINGS) if row["pending_restart"]]
    assert pending == [], "set postgresql_restart_allowed: true and run site.yml, or restart the cluster"


def test_passwords_are_scram(postgresql_host: Machine) -> None:
    """Every stored password is a SCRAM verifier."""
    weak = _rows(
        postgresql_host,
        "SELECT rolname FROM pg_authid WHERE rolpassword NOT LIKE 'SCRAM-SHA-256$%'",
    )
    assert weak == [], "these roles were given a password before password_encryption was scram-sha-256"


def test_authentication_rules(postgresql_host: Machine) -> None:
    """Every rule of pg_hba.conf asks for SCRAM or the system user, and for TLS off the host."""
    rules = _rows(
        postgresql_host,
        "SELECT line_number, type, address, auth_method, error FROM pg_hba_file_rules ORDER BY line_number",
    )
    assert rules, "pg_hba.conf has no rule"
    assert [rule for rule in rules if rule["error"]] == []
    good = {"scram-sha-256", "reject", "cert"}
    bad = [
        rule
        for rule in rules
        if rule["auth_method"] not in (good | {"peer"} if rule["type"] == "local" else good)
    ]
    assert bad == [], "take these lines out of postgresql_hba"
    plain = [
        rule
        for rule in rules
        if rule["type"] in ("host", "hostnossl")
        and rule["auth_method"] != "reject"
        and rule["address"] not in LOOPBACK | {"127.0.0.0", "localhost"}
    ]
    assert plain == [], "give these lines of postgresql_hba the type hostssl: they admit clients without TLS"


def test_wrong_password_is_refused(direct: dict[str, Any], database: str) -> None:
    """A wrong password and no password are refused."""
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect({**direct, "password": "not the password"}, database)
    with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
        connect({**direct, "password": ""}, database)


def test_application_user_is_unprivileged(postgresql_host: Machine, direct: dict[str, Any]) -> None:
    """The application's user can't become more than the owner of its database."""
    powers = ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls")
    (row,) = _rows(
        postgresql_host, f"SELECT {', '.join(powers)} FROM pg_roles WHERE rolname = '{direct['user']}'"
    )
    assert [power for power in powers if row[power]] == []


def test_exposure(postgresql_host: Machine, measure: Callable[..., None]) -> None:
    """PostgreSQL listens where it was told to, and nowhere else."""
    told = set(postgresql_host.variables["postgresql_listen_addresses"])
    found = listening(postgresql_host, postgresql_host.variables["postgresql_port"])
    measure("listens on", ", ".join(sorted(found)))
    assert found, "nothing listens on postgresql_port"
    if told <= {"localhost", *LOOPBACK}:
        assert found <= LOOPBACK


def test_file_modes(postgresql_host: Machine) -> None:
    """Data and authentication rules are closed to other users."""
    (paths,) = _rows(
        postgresql_host,
        "SELECT current_setting('data_directory') AS data, current_setting('hba_file') AS rules",
    )
    for path in paths.values():
        facts = postgresql_host.shell.file(path)
        assert facts and facts.mode & 0o007 == 0, f"{path} is open to every user of the host"
