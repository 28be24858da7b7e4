"""Sells by several ways in turn, each client waiting for its answer: `python -m tests.bench.selling`.

A process of its own, so that it can be run inside the network of the host. Standard input: a JSON object
with ``counter`` and ``goods`` (arguments of `orders.Counter` and `orders.Goods`), ``ways`` (arguments of
`Way`), ``ca`` (file, or null), ``till`` (a number that no run before had for this session), ``clients`` and
``seconds``. Standard output: ``sold`` (orders, those of warming up among them) and ``figures``, {name of the
way: arguments of `wrk.Figures`}; rates are of orders, times of calls.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import random
import ssl
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import uuid4

import aiohttp
import numpy as np

from tests.bench.orders import Counter, Goods, api_order, basket, offline_order, screen_order
from tests.bench.wrk import ANSWER_SECONDS, Figures


@dataclass(frozen=True)
class Way:
    """A way to hand in orders.

    Args:
        name: in the result.
        kind: order, batch or screen; see `KINDS`.
        url: where to.
        server_name: name of the certificate, None without TLS.
        headers: among them what proves who sells.
        orders: in each call.
    """

    name: str
    kind: str
    url: str
    server_name: str | None
    headers: dict[str, str] = field(repr=False)
    orders: int = 1


WARM_SECONDS = 1
Made = tuple[Any, dict[str, str]]


class Till:
    """Makes calls with orders that nobody has sent before, and looks at the answers."""

    def __init__(self, counter: Counter, goods: Sequence[Goods], number: int) -> None:
        self._counter, self._goods, self._number = counter, goods, number
        self._chance, self._receipts = random.Random(number), itertools.count(1)

    def order(self, _: Way) -> Made:
        """Return one order for POST /orders, and its headers."""
        return api_order(self._counter, self._basket()), {"Idempotency-Key": str(uuid4())}

    def batch(self, way: Way) -> Made:
        """Return the orders for POST /sync/orders."""
        orders = [offline_order(self._counter, self._basket()) for _ in range(way.orders)]
        return {"orders": orders}, {}

    def screen(self, way: Way) -> Made:
        """Return the orders for create_from_ui, by JSON-RPC."""
        orders = [
            screen_order(self._counter, self._basket(), f"{self._number:03d}-{next(self._receipts):04d}")
            for _ in range(way.orders)
        ]
        keywords = {"context": {"lang": "en_US", "tz": "UTC", "uid": self._counter.user}}
        parameters = {"model": "pos.order", "method": "create_from_ui", "args": [orders], "kwargs": keywords}
        return {"jsonrpc": "2.0", "method": "call", "params": parameters}, {}

    def _basket(self) -> Any:
        return basket(self._goods, self._chance)


def order_sold(_: Way, status: int, body: Any) -> bool:
    """Return whether POST /orders has sold the order."""
    return bool(status == 201 and body["state"] == "paid")


def batch_sold(way: Way, status: int, body: Any) -> bool:
    """Return whether POST /sync/orders has sold all of them."""
    results = body["results"] if status == 200 else []
    return len(results) == way.orders and all(
        one["status"] == 201 and one["order"]["state"] == "paid" for one in results
    )


def screen_sold(way: Way, status: int, body: Any) -> bool:
    """Return whether create_from_ui has stored all of them; that they are paid is looked up afterwards."""
    return status == 200 and len(body.get("result") or ()) == way.orders


KINDS: dict[str, tuple[Callable[[Till, Way], Made], Callable[[Way, int, Any], bool]]] = {
    "order": (Till.order, order_sold),
    "batch": (Till.batch, batch_sold),
    "screen": (Till.screen, screen_sold),
}


async def one_round(
    session: aiohttp.ClientSession, till: Till, way: Way, clients: int, seconds: float
) -> Figures:
    """Let clients sell for so many seconds, and return what came of it."""
    make, sold = KINDS[way.kind]
    times: list[float] = []
    wrong: list[str] = []
    began = time.perf_counter()

    async def work() -> None:
        while time.perf_counter() < began + seconds:
            body, headers = make(till, way)
            text = json.dumps(body).encode()
            sent = time.perf_counter()
            try:
                async with session.post(
                    way.url, data=text, headers={**way.headers, **headers}, server_hostname=way.server_name
                ) as answer:
                    found = await answer.read()
                    took = (time.perf_counter() - sent) * 1000
                    if sold(way, answer.status, json.loads(found)):
                        times.append(took)
                    else:
                        wrong.append(f"status {answer.status}: {found[:300].decode(errors='replace')}")
            except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
                wrong.append(f"{type(error).__name__}: {error}")

    await asyncio.gather(*(work() for _ in range(clients)))
    took = time.perf_counter() - began
    said = f"{len(wrong)} calls failed: {wrong[0]}" if wrong else ""
    return Figures(
        milliseconds=float(np.median(times or [0])),
        p99=float(np.quantile(times or [0], 0.99)),
        per_second=len(times) * way.orders / took,
        answers=len(times),
        wrong=said,
    )


async def sell(wanted: dict[str, Any]) -> dict[str, Any]:
    """Do what the program's input asks for, and return its output."""
    ways = [Way(**way) for way in wanted["ways"]]
    till = Till(
        Counter(**wanted["counter"]),
        [Goods(one["id"], one["price"], tuple(one["taxes"])) for one in wanted["goods"]],
        wanted["till"],
    )
    context = ssl.create_default_context(cafile=wanted["ca"])
    figures: dict[str, Figures] = {}
    sold = 0
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
    ) as session:
        for way in ways:
            warm = await one_round(session, till, way, wanted["clients"], WARM_SECONDS)
            gc.collect()
            found = await one_round(session, till, way, wanted["clients"], wanted["seconds"])
            sold += (warm.answers + found.answers) * way.orders
            figures[way.name] = replace(found, wrong=found.wrong or warm.wrong)
    return {"sold": sold, "figures": {name: asdict(one) for name, one in figures.items()}}


def main() -> None:
    """Read what is wanted, sell, and print the figures."""
    gc.disable()
    json.dump(asyncio.run(sell(json.load(sys.stdin))), sys.stdout)


if __name__ == "__main__":
    main()
