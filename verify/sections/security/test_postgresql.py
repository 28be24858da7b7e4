"""PostgreSQL: who gets in, from where, as what, and who reads its files."""

from collections.abc import Callable
from typing import Any

import psycopg2
import pytest

from verify.clients.database import connect, superuser_rows
from verify.estate.machines import Machine
from verify.estate.network import LOOPBACK, listening

CONCERN = "PostgreSQL"

pytestmark = pytest.mark.explained_by("postgresql")


def test_passwords_are_scram(postgresql_host: Machine) -> None:
    """Every stored password is a SCRAM verifier."""
    weak = superuser_rows(
        postgresql_host,
        "SELECT rolname FROM pg_authid WHERE rolpassword NOT LIKE 'SCRAM-SHA-256$%'",
    )
    assert weak == [], "these roles were given a password before password_encryption was scram-sha-256"


def test_authentication_rules(postgresql_host: Machine) -> None:
    """Every rule of pg_hba.conf asks for SCRAM or the system user, and for TLS off the host."""
    rules = superuser_rows(
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
    assert bad == [], f"take these lines out of postgresql_hba: {bad}"
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
    (row,) = superuser_rows(
        postgresql_host, f"SELECT {', '.join(powers)} FROM pg_roles WHERE rolname = '{direct['user']}'"
    )
    assert [power for power in powers if row[power]] == [], "take these out of postgresql_roles: ALTER ROLE"


def test_superusers(postgresql_host: Machine) -> None:
    """Nobody but postgres is a superuser."""
    rows = superuser_rows(
        postgresql_host, "SELECT rolname AS name FROM pg_roles WHERE rolsuper AND oid <> 10"
    )
    assert rows == [], "ALTER ROLE ... NOSUPERUSER these, and look into postgresql_roles"


def test_roles_without_a_password(postgresql_host: Machine) -> None:
    """A role that may log in has a password, or is let in as a user of the host."""
    rows = superuser_rows(
        postgresql_host,
        "SELECT rolname AS name FROM pg_authid WHERE rolcanlogin AND rolpassword IS NULL",
    )
    peers = superuser_rows(
        postgresql_host,
        "SELECT unnest(user_name) AS name FROM pg_hba_file_rules WHERE auth_method IN ('peer', 'cert')",
    )
    let_in = {row["name"] for row in peers}
    assert [row["name"] for row in rows if row["name"] not in let_in] == [], "give these roles a password"


def test_public_creates_nothing(postgresql_host: Machine, database: str) -> None:
    """In the application's database only its owner makes tables and functions."""
    rows = superuser_rows(
        postgresql_host,
        "SELECT nspname AS name FROM pg_namespace WHERE has_schema_privilege('pg_monitor', oid, 'CREATE')",
        database,
    )
    assert rows == [], "REVOKE CREATE ON SCHEMA these FROM PUBLIC"


def test_public_connects_nowhere(postgresql_host: Machine, database: str) -> None:
    """Only those who were let in connect to the application's database."""
    (row,) = superuser_rows(
        postgresql_host, f"SELECT has_database_privilege('pg_monitor', '{database}', 'CONNECT') AS anybody"
    )
    assert not row["anybody"], f"REVOKE CONNECT ON DATABASE {database} FROM PUBLIC"


def test_exposure(postgresql_host: Machine, measure: Callable[..., None]) -> None:
    """PostgreSQL listens where it was told to, and nowhere else."""
    told = set(postgresql_host.variables["postgresql_listen_addresses"])
    found = listening(postgresql_host, postgresql_host.variables["postgresql_port"])
    measure("listens on", ", ".join(sorted(found)))
    assert found, "nothing listens on postgresql_port"
    if told <= {"localhost", *LOOPBACK}:
        assert found <= LOOPBACK, f"it listens on {sorted(found)}: see postgresql_listen_addresses"


def test_file_modes(postgresql_host: Machine) -> None:
    """Data and authentication rules are closed to other users."""
    (paths,) = superuser_rows(
        postgresql_host,
        "SELECT current_setting('data_directory') AS data, current_setting('hba_file') AS rules",
    )
    for path in paths.values():
        facts = postgresql_host.shell.file(path)
        assert facts and facts.mode & 0o007 == 0, f"{path} is open to every user of the host"
