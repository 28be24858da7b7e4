"""Calls that met another one at the same records are run again.

Odoo's own loop (``odoo.service.model.check``) waits up to 2, 4, 8 and 16 seconds between its five tries.
Tills that sell the same products at once change the same rows of stock all the time, in transactions of a
fraction of a second.
"""

import logging
import random
import time

import psycopg2
from odoo.service.model import PG_CONCURRENCY_ERRORS_TO_RETRY
from psycopg2 import errorcodes

from .problems import Problem

FIRST_WAIT, LONGEST_WAIT = 0.02, 0.5  # seconds; doubled each time, a random part of it is waited
PATIENCE = 15  # seconds after which a call is not run again
UNIQUE_TRIES = (
    3  # tries where the other call has made what has to be unique: the next one finds and refuses it
)

_logger = logging.getLogger(__name__)


def until_done(attempt, name):
    """Return what ``attempt()`` returns, run again as long as it meets another transaction.

    Args:
        attempt: one whole transaction, from its start to its commit.
        name: of the operation, for the log.

    Raises:
        Problem: 503 where it meets others for too long; 409 where what it makes exists already; 422 where a
            rule of the database is broken.
    """
    deadline, tries = time.monotonic() + PATIENCE, 0
    while True:
        tries += 1
        try:
            return attempt()
        except psycopg2.OperationalError as error:
            if error.pgcode not in PG_CONCURRENCY_ERRORS_TO_RETRY:
                raise
            if time.monotonic() > deadline:
                _logger.warning("POS API: %s given up after %d tries", name, tries)
                raise Problem(
                    503,
                    "Too many calls change the same records at once; try again.",
                    "unavailable",
                    headers=[("Retry-After", "1")],
                ) from error
        except psycopg2.IntegrityError as error:
            if error.pgcode != errorcodes.UNIQUE_VIOLATION:
                _logger.warning("POS API: %s breaks a rule of the database", name, exc_info=True)
                raise Problem(422, "A rule of the database refuses this.", "refused") from error
            if tries >= UNIQUE_TRIES:
                raise Problem(409, "Another record has what has to be unique.", "refused") from error
        time.sleep(random.uniform(0, min(FIRST_WAIT * 2**tries, LONGEST_WAIT)))
