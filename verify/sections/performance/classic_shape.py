"""The shape in which older figures of such stacks were taken: few requests and statements by few threads."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle, islice

from verify.estate.machines import Machine
from verify.measure.closed_loop import Round, dealt, timed
from verify.sections.performance.statements import STATEMENTS
from verify.sections.performance.test_database import measured

PATHS = ("/health", "/auth/me", "/products", "/categories", "/customers", "/payment-methods")
TIMES = 10
THREADS, EACH = 10, 5
STATEMENTS_ALONE = f"{len(STATEMENTS)} statements x {TIMES}"
STATEMENTS_TOGETHER = f"{THREADS} threads x {len(STATEMENTS)} statements"
ENDPOINTS_ALONE = f"{len(PATHS)} endpoints x {TIMES}"
ENDPOINTS_TOGETHER = f"{THREADS} threads x {EACH} requests"

Ask = Callable[[str], str]


def statements(odoo_host: Machine) -> dict[str, list[Round]]:
    """Return the rounds of the statements through the pooler, by one client and by threads."""
    alone = measured(odoo_host, STATEMENTS, 1, TIMES)
    together = measured(odoo_host, STATEMENTS, THREADS, 1)
    return {
        STATEMENTS_ALONE: [rounds[0] for rounds in alone.values()],
        STATEMENTS_TOGETHER: [rounds[0] for rounds in together.values()],
    }


def endpoints(asks: Sequence[Ask]) -> dict[str, list[Round]]:
    """Return the rounds of the endpoints, by one client and by threads.

    Args:
        asks: `THREADS` clients: each asks for a path of the API, and returns what is wrong with the answer.
    """
    alone = timed([[partial(asks[0], path) for path in PATHS for _ in range(TIMES)]])
    paths = dealt(list(islice(cycle(PATHS), THREADS * EACH)), THREADS)
    together = timed([[partial(ask, path) for path in mine] for ask, mine in zip(asks, paths, strict=True)])
    return {ENDPOINTS_ALONE: [alone], ENDPOINTS_TOGETHER: [together]}
