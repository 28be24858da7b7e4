"""SQL clients: psycopg2 straight to PostgreSQL or through the pooler, and psql as the superuser on the host."""

import json
from contextlib import closing
from typing import Any

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection

from verify.host import Shell

CONNECT_SECONDS = 10


def connect(target: dict[str, Any], database: str) -> connection:
    """Open a client connection in autocommit mode.

    Args:
        target: ``host``, ``port``, ``user`` and ``password`` for libpq.
        database: name of the database.

    Raises:
        psycopg2.OperationalError: refused, or no answer within `CONNECT_SECONDS`.
    """
    client = psycopg2.connect(
        **target, dbname=database, connect_timeout=CONNECT_SECONDS, application_name="tillstack-verify"
    )
    client.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
    return client


def value(client: connection, query: str, *arguments: object) -> Any:
    """Return the first column of a query's first row, or None where it returns no row."""
    with closing(client.cursor()) as cursor:
        cursor.execute(query, arguments or None)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def superuser_rows(shell: Shell, port: int, query: str) -> list[dict[str, Any]]:
    """Return a query's rows, run by psql as the system user postgres over the unix socket.

    Args:
        shell: the database host.
        port: PostgreSQL's port.
        query: one SELECT.

    Raises:
        CommandError: psql failed.
    """
    wrapped = f"SELECT coalesce(json_agg(row_to_json(found)), '[]') FROM ({query}) found"
    text = shell.output(
        "cd / && runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -h /var/run/postgresql -p %s -d postgres -c %s",
        str(port),
        wrapped,
    )
    rows: list[dict[str, Any]] = json.loads(text)
    return rows


def pooler_rows(shell: Shell, port: int, command: str) -> list[dict[str, str]]:
    """Return the rows of one of PgBouncer's SHOW commands, asked over its unix socket as the system user postgres.

    Raises:
        CommandError: psql failed, or the console refused.
    """
    text = shell.output(
        "cd / && runuser -u postgres -- psql -XAq -F %s -P footer=off -h /var/run/postgresql -p %s -d pgbouncer -c %s",
        "\x1f",
        str(port),
        command,
    )
    header, *lines = text.splitlines()
    names = header.split("\x1f")
    return [dict(zip(names, line.split("\x1f"), strict=True)) for line in lines]
