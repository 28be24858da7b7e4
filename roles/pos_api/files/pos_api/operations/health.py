"""Whether the API can work: a round trip to the database, and the modules it needs."""

import functools
import logging
import time

from odoo import registry, sql_db
from odoo.modules.module import load_information_from_description_file

from .. import settings
from ..frame.call import DIRECT, Reply, operation
from ..frame.databases import only_database
from ..frame.problems import Problem
from ..lean import connection

_logger = logging.getLogger(__name__)


@functools.lru_cache(maxsize=1)
def _needed():
    return ["pos_api", *load_information_from_description_file("pos_api")["depends"]]


@functools.lru_cache(maxsize=1)
def _states():
    names = ", ".join(f"'{name}'" for name in _needed())
    return f"SELECT ARRAY(SELECT ARRAY[name, state] FROM ir_module_module WHERE name IN ({names}))"


def _ask(database):
    """Return ([(module, state)] of the needed modules, milliseconds that the database took to tell them)."""
    pool = settings.current().session_pool
    if pool:
        started = time.perf_counter()
        (states,) = connection.row(pool, _states(), ())
        return states, (time.perf_counter() - started) * 1000
    with sql_db.db_connect(database).cursor() as cr:
        cr.connection.autocommit = True  # one round trip, where a transaction has three
        started = time.perf_counter()
        cr.execute(_states())
        return cr.fetchone()[0], (time.perf_counter() - started) * 1000


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
