"""Wait for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], object], seconds: float, what: str, *, pause: float = 0.1) -> float:
    """Poll until a condition holds, and return after how many seconds it did.

    Args:
        condition: Called again and again; a false value or an exception means "not yet".
        seconds: How long it may take.
        what: What is waited for, for the message.
        pause: Seconds between two calls.

    Raises:
        AssertionError: It did not hold in time; the message names the last answer.
    """
    started = time.monotonic()
    while True:
        answer: object
        try:
            answer = condition()
            held = bool(answer)
        except Exception as error:  # any failure is an answer: not yet
            answer, held = error, False
        elapsed = time.monotonic() - started
        if elapsed > seconds:  # also when it held, but too late
            raise AssertionError(
                f"{what}: not within {seconds:g} s (waited {elapsed:.1f} s, last answer: {answer!r})"
            )
        if held:
            return elapsed
        time.sleep(pause)
