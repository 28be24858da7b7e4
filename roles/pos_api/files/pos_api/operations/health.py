"""Whether the API can work: a round trip to the database, and the modules it needs."""

import functools
import logging
import threading
import time

import psycopg2
from odoo import registry, sql_db
from odoo.modules.module import load_information_from_description_file

from ..frame.call import DIRECT, Reply, operation
from ..frame.databases import only_database
from ..frame.problems import Problem

_logger = logging.getLogger(__name__)
# of a host that is gone without a word (libpq; nothing to a socket): more than the pooler lets a call wait
BOUNDS = {"connect_timeout": 10, "tcp_user_timeout": 10000}
GONE_WITHIN = 1  # seconds in which the use of a connection fails whose other end is gone
_held = threading.local()


@functools.lru_cache(maxsize=1)
def _needed():
    return ["pos_api", *load_information_from_description_file("pos_api")["depends"]]


@functools.lru_cache(maxsize=1)
def _states():
    names = ", ".join(f"'{name}'" for name in _needed())
    return f"SELECT name, state FROM ir_module_module WHERE name IN ({names})"


def _ask(database):
    """Return ([(module, state)] of the needed modules, milliseconds that the database took to tell them).

    It is asked as Odoo itself reaches the database, on a connection that the thread holds: in autocommit mode
    and with nothing set or prepared on it, so that a pooler lends it a server's connection for the one
    statement.

    Raises:
        psycopg2.Error: the database cannot be used.
    """
    held, started = _held.__dict__.pop("connection", None), time.perf_counter()
    if held is not None:
        try:
            return _told(held)
        except psycopg2.Error:
            if time.perf_counter() - started > GONE_WITHIN:
                raise  # it waited for the database; else the pooler may have been started anew
    _name, info = sql_db.connection_info_for(database)
    connection = psycopg2.connect(**info, **BOUNDS)
    connection.autocommit = True
    return _told(connection)


def _told(connection):
    try:
        with connection.cursor() as cursor:
            started = time.perf_counter()
            cursor.execute(_states())
            states = cursor.fetchall()
            elapsed = (time.perf_counter() - started) * 1000
    except BaseException:
        connection.close()
        raise
    _held.connection = connection
    return states, elapsed


def _probe(database):
    """Return ({module: state} of the needed modules, milliseconds that the database took to tell them)."""
    states, elapsed = _ask(database)
    found = dict(states)
    return {module: found.get(module, "missing") for module in _needed()}, round(elapsed, 3)


@operation("getHealth", transaction=False, lean=DIRECT)
def get_health(call):
    name = only_database()
    try:
        modules, elapsed = _probe(name)
        loaded = "pos_api" in registry(name)._init_modules
    except Exception as error:  # whatever it is, the API cannot work
        _logger.warning("POS API: health check failed: %s", type(error).__name__, exc_info=True)
        raise Problem(
            503, "The database does not answer.", "unavailable", headers=[("Retry-After", "1")]
        ) from error
    wrong = sorted(module for module, state in modules.items() if state != "installed")
    if wrong or not loaded:
        raise Problem(
            503,
            f"Modules are not ready: {', '.join(wrong) or 'pos_api is not loaded'}.",
            "unavailable",
            headers=[("Retry-After", "5")],
            modules=modules,
        )
    return Reply(200, {"status": "ok", "database": {"round_trip_ms": elapsed}, "modules": modules})
