"""Sends calls at intended times, whether or not earlier ones were answered (an open loop).

Latency counts from the intended time, so that neither a server nor a driver that stalls makes its own figures
better. Sources: Schroeder, Wierman and Harchol-Balter, Open Versus Closed: A Cautionary Tale, NSDI 2006;
Tene, How NOT to Measure Latency (coordinated omission).
"""

import asyncio
import gc
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

import aiohttp
import numpy as np

from verify.clients.web import Site

LEAD_SECONDS = 0.05
TICK_SECONDS = 0.02
KEEP_ALIVE_SECONDS = 15
NOT_SENT = "not sent: too many calls were without an answer"


@dataclass(frozen=True)
class Call:
    """A call to be sent.

    Args:
        operation: its operationId.
        group: its class of thresholds.
        method: HTTP method.
        path: path and query.
        headers: headers, among them the token.
        body: JSON text, or None.
        about: what the source wants to know again when the answer is there.
    """

    operation: str
    group: str
    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes | None = None
    about: Any = None


@dataclass(frozen=True)
class Answer:
    """An answer that came: HTTP status, body and ETag (empty without one)."""

    status: int
    body: bytes = field(repr=False)
    etag: str = ""


class Source(Protocol):
    """Where the calls come from, such as `verify.shop.cashiers.Cashiers`."""

    def draw(self) -> Call:
        """Return the next call."""

    def learn(self, call: Call, answer: Answer) -> str:
        """Take in the answer of a call, and return what is wrong with it, or nothing."""

    def lose(self, call: Call) -> None:
        """Take in that a call had no answer: nobody knows what became of it."""

    def take_back(self, call: Call) -> None:
        """Take in that a call was not sent."""


@dataclass(frozen=True)
class Bounds:
    """What a run never goes above.

    Args:
        in_flight: calls without an answer; what comes on top is not sent, and counts as failed.
        answer_seconds: patience of a client.
    """

    in_flight: int
    answer_seconds: float


@dataclass(frozen=True)
class Sample:
    """One call; times in seconds on the clock of `time.perf_counter`.

    Args:
        operation, group: as in `Call`.
        intended: when it was to be sent.
        sent: when it was.
        finished: when its answer was whole, or given up.
        status: HTTP status; 0 without an answer.
        failure: what was wrong, or nothing.
        retry_after: whether the answer says when to come again.
    """

    operation: str
    group: str
    intended: float
    sent: float
    finished: float
    status: int
    failure: str
    retry_after: bool = False

    @property
    def milliseconds(self) -> float:
        """Latency from the intended time."""
        return (self.finished - self.intended) * 1000


@dataclass(frozen=True)
class Driven:
    """What came of a run.

    Args:
        samples: one a call, in order of their intended times.
        began: the time that arrivals count from.
        seconds: the time over which the calls were to be sent.
        ended: when the last one was answered or given up.
        late: by how many seconds the event loop woke up late, each `TICK_SECONDS`.
        cpu_seconds: of this process, until the last answer.
        connections: how many were opened.
    """

    samples: tuple[Sample, ...]
    began: float
    seconds: float
    ended: float
    late: tuple[float, ...]
    cpu_seconds: float
    connections: int


def poisson(rate: float, seconds: float, seed: int) -> tuple[float, ...]:
    """Return arrival times of independent clients, rising, the same for the same seed.

    Args:
        rate: arrivals per second.
        seconds: no arrival is later.
        seed: of the generator.
    """
    generator = np.random.default_rng(seed)
    # Given their number, the arrivals of a Poisson process are uniform; the number is the expected one.
    return tuple(sorted(generator.uniform(0, seconds, round(rate * seconds)).tolist()))


def constant(rate: float, seconds: float) -> tuple[float, ...]:
    """Return evenly spaced arrival times.

    Args:
        rate: arrivals per second.
        seconds: no arrival is later.
    """
    return tuple(number / rate for number in range(round(rate * seconds)))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector's pauses out of the times."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


class OpenLoop:
    """A driver with its event loop and its kept-open connections, for a run after the other.

    Args:
        site: where to; its certificate is verified under its name.
        bounds: what no run goes above.
    """

    def __init__(self, site: Site, bounds: Bounds) -> None:
        self._site = site
        self._bounds = bounds
        self._connections = 0

    def __enter__(self) -> Self:
        self._runner = asyncio.Runner()
        self._session = self._runner.run(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._session.close())
        self._runner.close()

    async def _open(self) -> aiohttp.ClientSession:
        paths = ssl.get_default_verify_paths()
        context = ssl.create_default_context(
            cafile=str(self._site.ca) if self._site.ca else None,
            capath=None if self._site.ca else paths.capath,
        )
        opened = aiohttp.TraceConfig()
        opened.on_connection_create_end.append(self._count)
        return aiohttp.ClientSession(
            base_url=f"https://{self._site.address}:{self._site.https_port}",
            connector=aiohttp.TCPConnector(ssl=context, limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Host": self._site.host_header, "User-Agent": "tillstack-verify"},
            timeout=aiohttp.ClientTimeout(total=self._bounds.answer_seconds),
            trace_configs=[opened],
        )

    async def _count(self, *_: object) -> None:
        self._connections += 1

    def run(self, source: Source, arrivals: Sequence[float], seconds: float) -> Driven:
        """Send one call at each arrival time, and wait for all answers.

        Args:
            source: gives the calls and takes the answers.
            arrivals: seconds from the start, rising.
            seconds: the time over which they are spread.
        """
        with _no_collection():
            return self._runner.run(self._drive(source, arrivals, seconds))

    async def _drive(self, source: Source, arrivals: Sequence[float], seconds: float) -> Driven:
        self._connections = 0
        samples: list[Sample] = []
        late: list[float] = []
        pending: set[asyncio.Task[None]] = set()
        ticker = asyncio.create_task(_tick(late))
        cpu, began = time.process_time(), time.perf_counter() + LEAD_SECONDS
        for arrival in arrivals:
            intended = began + arrival
            # Behind its time it sends at once, but lets answers in between.
            await asyncio.sleep(max(0, intended - time.perf_counter()))
            if self._site.pace:
                await asyncio.to_thread(self._site.pace.wait)
            call = source.draw()
            if len(pending) >= self._bounds.in_flight:
                now = time.perf_counter()
                source.take_back(call)
                samples.append(Sample(call.operation, call.group, intended, now, now, 0, NOT_SENT))
                continue
            task = asyncio.create_task(self._send(source, call, intended, samples))
            pending.add(task)
            task.add_done_callback(pending.discard)
        if pending:
            await asyncio.wait(set(pending))
        ended = time.perf_counter()
        ticker.cancel()
        return Driven(
            samples=tuple(sorted(samples, key=lambda sample: sample.intended)),
            began=began,
            seconds=seconds,
            ended=ended,
            late=tuple(late),
            cpu_seconds=time.process_time() - cpu,
            connections=self._connections,
        )

    async def _send(self, source: Source, call: Call, intended: float, samples: list[Sample]) -> None:
        sent, status, failure, retry_after = time.perf_counter(), 0, "", False
        try:
            async with self._session.request(
                call.method,
                call.path,
                headers=call.headers,
                data=call.body,
                allow_redirects=False,
                server_hostname=self._site.name,
            ) as response:
                body = await response.read()
            finished = time.perf_counter()
            status, retry_after = response.status, "Retry-After" in response.headers
            failure = source.learn(call, Answer(status, body, response.headers.get("ETag", "")))
        except TimeoutError:
            finished, failure = time.perf_counter(), f"no answer within {self._bounds.answer_seconds:g} s"
            source.lose(call)
        except (aiohttp.ClientError, OSError) as error:
            finished, failure = time.perf_counter(), f"{type(error).__name__}: {error}"
            source.lose(call)
        samples.append(
            Sample(call.operation, call.group, intended, sent, finished, status, failure, retry_after)
        )


async def _tick(late: list[float]) -> None:
    """Note by how much the event loop is late, as an answer would have been noticed."""
    while True:
        due = time.perf_counter() + TICK_SECONDS
        await asyncio.sleep(TICK_SECONDS)
        late.append(max(0.0, time.perf_counter() - due))
