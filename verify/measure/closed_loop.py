"""Times calls by clients that wait for each answer before they send the next call (a closed loop)."""

import gc
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

START_SECONDS = 30
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Round:
    """What the clients saw in one round.

    Args:
        milliseconds: of each call that succeeded.
        errors: what was wrong with the others.
        seconds: from the first call to the last answer.
    """

    milliseconds: tuple[float, ...]
    errors: tuple[str, ...]
    seconds: float


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector's pauses out of the times."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def timed(clients: Sequence[Iterable[Callable[[], str]]], pause: Callable[[], None] | None = None) -> Round:
    """Let clients work side by side, each in a thread of its own, and time their calls.

    Args:
        clients: for each client its calls, in order; a call returns what is wrong with its answer, or "".
        pause: waits before each call, not timed; None: nothing to wait for.
    """
    found: list[list[tuple[float, str]]] = [[] for _ in clients]
    gate = threading.Barrier(len(clients) + 1)

    def work(calls: Iterable[Callable[[], str]], seen: list[tuple[float, str]]) -> None:
        gate.wait(START_SECONDS)
        for call in calls:
            if pause:
                pause()
            began = time.perf_counter()
            try:
                wrong = call()
            except Exception as error:  # an answer that never came is a figure too
                wrong = f"{type(error).__name__}: {error}"
            seen.append((time.perf_counter() - began, wrong))

    threads = [
        threading.Thread(target=work, args=(calls, seen)) for calls, seen in zip(clients, found, strict=True)
    ]
    with _no_collection():
        for thread in threads:
            thread.start()
        gate.wait(START_SECONDS)
        began = time.perf_counter()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
    answers = [answer for seen in found for answer in seen]
    return Round(
        milliseconds=tuple(duration * 1000 for duration, wrong in answers if not wrong),
        errors=tuple(wrong for _, wrong in answers if wrong),
        seconds=seconds,
    )


def dealt(things: Sequence[Thing], clients: int) -> list[list[Thing]]:
    """Return the things dealt out to a number of clients, one after the other."""
    return [list(things[number::clients]) for number in range(min(clients, len(things)))]
