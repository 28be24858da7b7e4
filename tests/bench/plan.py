"""How much is measured, and which ratios are wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

STOCK = "stock JSON-RPC"
XML = "stock XML-RPC"
PLAIN = "auth='none' + PyJWT"
REST = "OCA base_rest"
BATCH = 25
SCREEN = "create_from_ui, 1 a call"
SCREEN_BATCH = f"create_from_ui, {BATCH} a call"
SCREEN_BARE = "create_from_ui, Odoo's own indexes"
UNPREPARED = "unprepared, transaction pool"
CLIENTS = (1, 10)
WARM_SECONDS = 1
# How many times as fast as its peer each class has to be, by number of clients.
GOALS: Mapping[tuple[str, str], Mapping[int, float]] = {
    ("no_data", PLAIN): {1: 10, 10: 30},
    ("catalogue_cached", STOCK): {1: 25, 10: 40},
    ("list_uncached", STOCK): {1: 15, 10: 20},
    ("catalogue_cached_prefork", STOCK): {1: 12, 10: 12},
    ("list_uncached_prefork", STOCK): {1: 12, 10: 12},
    ("one_record", STOCK): {1: 10, 10: 10},
    ("order_10k", SCREEN_BARE): {1: 1.5, 10: 1.3},
    ("order_200k", SCREEN_BARE): {1: 3, 10: 3},
    ("order_batch", SCREEN): {10: 4},
    ("database", UNPREPARED): {1: 3, 10: 3},
}
CLASSES = tuple(dict.fromkeys(name for name, _ in GOALS))
GROWTH = 1.3  # how much slower a list may be in the greatest shop than in the smallest


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Args:
        rounds: of each side.
        seconds: of a round.
        classes: those that are wanted.
        without_rest: why base_rest is not among the peers, or nothing.
        say: is told what is going on.
    """

    rounds: int
    seconds: int
    classes: frozenset[str]
    without_rest: str
    say: Callable[[str], None]


def goals(name: str, clients: int) -> dict[str, float]:
    """Return the wanted ratio of a class to each of its peers that has one."""
    return {peer: wanted[clients] for (of, peer), wanted in GOALS.items() if of == name and clients in wanted}
