"""PgBouncer: who gets in, from where, and who reads its files."""

from collections.abc import Callable
from typing import Any

import psycopg2
import pytest

from verify.clients.database import connect
from verify.clients.tls import is_public_certificate
from verify.estate.machines import Machine
from verify.estate.network import LOOPBACK, listening

CONCERN = "PgBouncer"

pytestmark = pytest.mark.explained_by("pgbouncer", "postgresql")


def test_wrong_password_is_refused(pooled: dict[str, Any], database: str) -> None:
    """A wrong password is refused, and so is a user who doesn't exist."""
    for wrong in ({"password": "not the password"}, {"user": "tillstack_nobody"}):
        with pytest.raises(psycopg2.OperationalError, match="authentication failed|no such user"):
            connect({**pooled, **wrong}, database)


def test_exposure(
    pgbouncer_host: Machine, pooled: dict[str, Any], database: str, measure: Callable[..., None]
) -> None:
    """PgBouncer listens where it was told to, and off the host it insists on TLS."""
    told = set(str(pgbouncer_host.variables["pgbouncer_listen_address"]).split(","))
    found = listening(pgbouncer_host, int(pgbouncer_host.variables["pgbouncer_listen_port"]))
    measure("listens on", ", ".join(sorted(found)))
    assert found, "nothing listens on pgbouncer_listen_port"
    if told <= {"localhost", *LOOPBACK}:
        assert found <= LOOPBACK, f"it listens on {sorted(found)}: see pgbouncer_listen_address"
    if found - LOOPBACK:
        with pytest.raises(psycopg2.OperationalError, match="(?i)ssl|tls"):
            connect({**pooled, "sslmode": "disable"}, database)


def test_file_modes(pgbouncer_host: Machine) -> None:
    """Files with the pooler's secrets are closed to other users."""
    shell = pgbouncer_host.shell
    paths = shell.output("find /etc/pgbouncer -type f").splitlines()
    secret = [path for path in paths if not is_public_certificate(shell.text(path))]
    assert secret
    for path in secret:
        facts = shell.file(path)
        assert facts and facts.mode & 0o007 == 0, f"{path} is open to every user of the host"
