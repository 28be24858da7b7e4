"""Connections that are held: one a thread, to a pool in session mode, so that prepared statements stay."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

import psycopg2
from odoo import sql_db
from psycopg2 import errors

# It was closed, or the pooler has given another one.
GONE = (psycopg2.OperationalError, psycopg2.InterfaceError, errors.InvalidSqlStatementName)
PREPARED = 256  # statements a connection keeps; the one used longest ago makes room
_held = threading.local()


class Connection:
    """A connection in autocommit mode that only reads, and what is prepared on it.

    Args:
        database: name of the database as the pooler knows it.

    Raises:
        psycopg2.Error: it cannot be opened.
    """

    def __init__(self, database):
        _name, info = sql_db.connection_info_for(database)
        self._connection = psycopg2.connect(**info)
        self._connection.set_session(readonly=True, autocommit=True)
        self._cursor = self._connection.cursor()
        # Compiling a plan takes longer than a page.
        self._cursor.execute("SET jit = off")
        self._prepared = OrderedDict()
        self._mode = ""

    def row(self, text, values, each):
        """Return the one row of a statement.

        Args:
            text: SQL with ``$n``; it is prepared when it comes first.
            values: list of its parameters.
            each: whether these values get a plan of their own; else one plan is for all, since planning takes
                longer than a page.
        """
        mode = "force_custom_plan" if each else "force_generic_plan"
        if mode != self._mode:
            self._cursor.execute(f"SET plan_cache_mode = {mode}")
            self._mode = mode
        name = self._prepared.get(text) or self._prepare(text)
        self._prepared.move_to_end(text)
        places = f" ({', '.join(['%s'] * len(values))})" if values else ""
        self._cursor.execute(f"EXECUTE {name}{places}", values)
        return self._cursor.fetchone()

    def _prepare(self, text):
        if len(self._prepared) >= PREPARED:
            _text, oldest = self._prepared.popitem(last=False)
            self._cursor.execute(f"DEALLOCATE {oldest}")
        name = "lean_" + hashlib.sha256(text.encode()).hexdigest()[:24]
        self._cursor.execute(f"PREPARE {name} AS {text}")
        self._prepared[text] = name
        return name

    def close(self):
        """Close it, whatever state it is in."""
        self._connection.close()


def row(database, text, values, each=False):
    """Return the one row of a statement on this thread's connection.

    A connection that was held while the database went away is found out by its use; then the statement runs
    on a new one. It only reads, so running it twice does no harm.

    Raises:
        psycopg2.Error: it fails on a new connection too.
    """
    held = getattr(_held, "connection", None)
    if held is not None:
        try:
            return held.row(text, values, each)
        except GONE:
            drop()
    _held.connection = Connection(database)
    try:
        return _held.connection.row(text, values, each)
    except psycopg2.Error:
        drop()
        raise


def drop():
    """Close this thread's connection."""
    held, _held.connection = getattr(_held, "connection", None), None
    if held is not None:
        held.close()
