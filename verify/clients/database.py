"""SQL clients: psycopg2, straight to PostgreSQL or through the pooler, and psql as superuser on the host."""

import json
import select
from contextlib import closing
from typing import Any

import psycopg2
from psycopg2.extensions import (
    ISOLATION_LEVEL_AUTOCOMMIT,
    POLL_OK,
    POLL_READ,
    connection,
    set_wait_callback,
)

from verify.estate.machines import Machine

ANSWER_SECONDS = 10


def _wait(client: connection) -> None:
    """Wait for the server, but not as long as a pooler without a free server would let a client wait."""
    while (state := client.poll()) != POLL_OK:
        reading, writing = ([client], []) if state == POLL_READ else ([], [client])
        if not any(select.select(reading, writing, [], ANSWER_SECONDS)):
            raise psycopg2.OperationalError(f"no answer within {ANSWER_SECONDS} s")


set_wait_callback(_wait)


def connect(target: dict[str, Any], database: str) -> connection:
    """Open a client connection in autocommit mode.

    Args:
        target: ``host``, ``port``, ``user`` and ``password`` for libpq.
        database: name of the database.

    Raises:
        psycopg2.OperationalError: refused, or no answer within `ANSWER_SECONDS`; so do all queries.
    """
    client: connection = psycopg2.connect(**target, dbname=database, application_name="tillstack-verify")
    client.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
    return client


def value(client: connection, query: str, *arguments: object) -> Any:
    """Return the first column of a query's first row, or None where it returns no row."""
    with closing(client.cursor()) as cursor:
        cursor.execute(query, arguments or None)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def superuser_rows(machine: Machine, query: str, database: str = "postgres") -> list[dict[str, Any]]:
    """Return a query's rows, run by psql as the system user postgres over the unix socket.

    Args:
        machine: the database host.
        query: one SELECT.
        database: where it is run.

    Raises:
        CommandError: psql failed.
    """
    wrapped = f"SELECT coalesce(json_agg(row_to_json(found)), '[]') FROM ({query}) found"
    text = machine.shell.output(
        "cd / && runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -h /var/run/postgresql -p %s -d %s"
        " -c %s",
        str(machine.variables["postgresql_port"]),
        database,
        wrapped,
    )
    rows: list[dict[str, Any]] = json.loads(text)
    return rows


def pooler_rows(machine: Machine, command: str) -> list[dict[str, str]]:
    """Return the rows of a SHOW command of PgBouncer's console.

    Over its unix socket the console lets in the user pgbouncer who comes from the pooler's own system user
    (PgBouncer manual, admin console).

    Args:
        machine: the pooler's host.
        command: such as "SHOW CONFIG".

    Raises:
        CommandError: psql failed, or the console refused.
    """
    folder = machine.variables["__pgbouncer_known_settings"]["unix_socket_dir"]
    port = machine.variables["pgbouncer_listen_port"]
    text = machine.shell.output(
        "cd / && runuser -u $(stat -c %%U %s) -- psql -XAq -h %s -F %s -P footer=off -p %s"
        " -U pgbouncer -d pgbouncer -c %s",
        f"{folder}/.s.PGSQL.{port}",
        folder,
        "\x1f",
        str(port),
        command,
    )
    header, *lines = text.splitlines()
    names = header.split("\x1f")
    return [dict(zip(names, line.split("\x1f"), strict=True)) for line in lines]
