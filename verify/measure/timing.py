"""Times an action a few times over."""

import time
from collections.abc import Callable
from statistics import median

REPEATS = 20


def milliseconds(action: Callable[[], object]) -> float:
    """Return the median duration of `REPEATS` runs of an action, after one that isn't counted."""
    action()
    durations = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        action()
        durations.append(time.perf_counter() - began)
    return round(median(durations) * 1000, 2)
