"""A till on a bad line: one order sent 200 times at once, connections cut, is sold once."""

from __future__ import annotations

import json
import random
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.api.client import Caller
from tests.api.shop import Shop
from verify.clients.api import BASE
from verify.clients.web import Site

pytestmark = pytest.mark.hosts
SEED = 41
THREADS = 20
SENT = 200
SECONDS = 120  # for everything; an answer takes well under a second
ORDERS = f"{BASE}/orders"


@dataclass
class Seen:
    """What all threads have met."""

    answers: list[requests.Response] = field(default_factory=list)
    final: list[requests.Response] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=lambda: {"sending": 0, "waiting": 0, "reading": 0})
    lock: threading.Lock = field(default_factory=threading.Lock)


def connection(site: Site) -> ssl.SSLSocket:
    """Return a new TLS connection to the web server, its certificate verified."""
    context = ssl.create_default_context(cafile=str(site.ca))
    raw = socket.create_connection((site.address, site.https_port), timeout=SECONDS)
    return context.wrap_socket(raw, server_hostname=site.name)


def request(caller: Caller, site: Site, key: str, body: bytes) -> bytes:
    """Return the bytes of one request."""
    headers = {
        "Host": site.host_header,
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **caller.headers(**{"Idempotency-Key": key}),
    }
    lines = [f"POST {ORDERS} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def read(answer: bytes) -> requests.Response:
    """Return a whole answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    found = requests.Response()
    found.status_code, found._content = int(status.split()[1]), body
    found.headers.update({name: value.strip() for name, _, value in (line.partition(":") for line in lines)})
    found.request = requests.Request("POST", f"https://shop.test{ORDERS}").prepare()
    assert len(body) == int(found.headers["Content-Length"]), "the server cut the answer off"
    return found


def send(site: Site, sent: bytes, cut: str | None) -> requests.Response | None:
    """Send the request over a connection of its own, and cut that where it is told to.

    Args:
        site: The web server.
        sent: The request.
        cut: "sending" in the middle of the request, "waiting" as soon as it is sent, "reading" after the
            first bytes of the answer, or None.

    Returns:
        The answer, None where the connection was cut.
    """
    with connection(site) as line:
        line.sendall(sent[: len(sent) // 2] if cut == "sending" else sent)
        if cut in ("sending", "waiting"):
            return None
        answer = b""
        while part := line.recv(64 if cut == "reading" else 65536):
            answer += part
            if cut == "reading":
                return None
        return read(answer)


def repeat(site: Site, sent: bytes, cuts: list[str | None], seen: Seen, deadline: float) -> None:
    """Send the request once for each entry of `cuts`, and then until the final answer is there."""
    for cut in cuts:
        answer = send(site, sent, cut)
        with seen.lock:
            if cut:
                seen.cut[cut] += 1
            if answer is not None:
                seen.answers.append(answer)
    while time.monotonic() < deadline:
        answer = send(site, sent, None)
        assert answer is not None
        with seen.lock:
            seen.answers.append(answer)
        if answer.status_code != 409:
            with seen.lock:
                seen.final.append(answer)
            return
        time.sleep(int(answer.headers["Retry-After"]))  # as the server asks


def found(shop: Shop, session: int) -> dict[str, Any]:
    """Return what the database holds of a session's sales."""
    (row,) = shop.rows(
        f"""
        SELECT (SELECT count(*) FROM pos_order WHERE session_id = {session}) AS orders,
               (SELECT count(*) FROM pos_order WHERE session_id = {session} AND state = 'paid') AS paid,
               (SELECT count(*) FROM pos_order_line l JOIN pos_order o ON o.id = l.order_id
                 WHERE o.session_id = {session}) AS lines,
               (SELECT count(*) FROM pos_payment p JOIN pos_order o ON o.id = p.pos_order_id
                 WHERE o.session_id = {session}) AS payments,
               (SELECT count(*) FROM stock_picking WHERE pos_session_id = {session} AND state = 'done')
                 AS pickings,
               (SELECT coalesce(sum(product_uom_qty), 0) FROM stock_move m JOIN stock_picking p
                 ON p.id = m.picking_id WHERE p.pos_session_id = {session} AND m.state = 'done') AS moved
        """
    )
    return row


def test_retries_over_a_bad_line_sell_once(shop: Shop) -> None:
    caller, till = shop.caller("dora"), shop["tills"]["retries"]
    session = caller.get("openSession", {"config_id": till["id"], "opening_cash": 0})["id"]
    body = {
        "session_id": session,
        "lines": [
            {"product_id": shop["products"]["coffee"], "quantity": 2},
            {"product_id": shop["products"]["cake"], "quantity": 3},
        ],
        "payments": [{"payment_method_id": till["card"], "amount": 33.75}],
    }
    sent = request(caller, shop.site, str(uuid4()), json.dumps(body).encode())
    chance = random.Random(SEED)
    # Each thread's last request is never cut: it is the one that the thread ends with.
    cuts = [
        [chance.choice(["sending", "waiting", "reading", None]) for _ in range(SENT // THREADS - 1)]
        for _ in range(THREADS)
    ]
    seen, deadline = Seen(), time.monotonic() + SECONDS
    started = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        running = [pool.submit(repeat, shop.site, sent, mine, seen, deadline) for mine in cuts]
    for thread in running:
        thread.result()
    print(
        f"{SENT} sent in {time.monotonic() - started:.1f} s, seed {SEED}: cut {seen.cut},"
        f" {len(seen.answers)} answers, {sum(one.status_code == 409 for one in seen.answers)} of them 409"
    )
    assert min(seen.cut.values()) >= 20, seen.cut
    assert len(seen.final) == THREADS
    for one in seen.answers:
        shop.contract.check(one)
    bodies = {one.content for one in seen.answers if one.status_code != 409}
    assert {one.status_code for one in seen.answers} <= {201, 409}
    assert len(bodies) == 1, bodies
    for one in seen.answers:
        if one.status_code == 409:
            assert json.loads(one.content)["type"].endswith("still-running")
            assert int(one.headers["Retry-After"]) > 0
    order = json.loads(bodies.pop())
    assert (
        sum("Idempotency-Replayed" not in one.headers for one in seen.answers if one.status_code == 201) <= 1
    )
    assert (order["state"], order["due"]) == ("paid", 0)
    wanted = {"orders": 1, "paid": 1, "lines": 2, "payments": 1, "pickings": 1, "moved": 5}
    assert found(shop, session) == wanted
