"""Holds a run's requests under a rate, all clients and threads together."""

import threading
import time
from collections import deque


class Pace:
    """Lets at most ``rate`` requests begin in any second.

    Args:
        rate: requests per second.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._count, self._window = (int(rate), 1.0) if rate >= 1 else (1, 1 / rate)
        self._begun: deque[float] = deque(maxlen=self._count)
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when a request may begin."""
        with self._lock:
            if len(self._begun) == self._count:
                time.sleep(max(0.0, self._begun[0] + self._window - time.monotonic()))
            self._begun.append(time.monotonic())
