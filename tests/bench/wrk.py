"""Loads one address with wrk; the requests are made by request.lua."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

SCRIPT = Path(__file__).with_name("request.lua")
ANSWER_SECONDS = 30
GRACE_SECONDS = 60
_FIGURES = re.compile(r"^BENCH (\d+) (\d+) ([\d.]+) ([\d.]+) (\d+) (\d+) (\d+)$", re.MULTILINE)
_SAID = re.compile(r"^SAID (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Shot:
    """What is sent again and again.

    Args:
        path: path and query; ``@fresh@`` becomes another number and ``@id@`` another id each time.
        method: HTTP method.
        headers: among them what proves who calls.
        body: text, with the same places to fill; empty for none.
        wanted: text that each good answer's body holds; empty where the status says it.
        ids: for ``@id@``.
    """

    path: str
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    body: str = field(default="", repr=False)
    wanted: str = ""
    ids: Sequence[int] = field(default=(), repr=False)


@dataclass(frozen=True)
class Door:
    """Where a server is entered.

    Args:
        url: scheme, address and port.
        name: for the Host header.
        inside: command that runs another one in the network of the host; empty from outside.
    """

    url: str
    name: str
    inside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figures:
    """What one round showed.

    Args:
        milliseconds: median of the answers' latencies.
        p99: their 99th percentile, in milliseconds.
        per_second: good answers.
        answers: how many there were.
        wrong: what was wrong with any of them, or nothing.
    """

    milliseconds: float
    p99: float
    per_second: float
    answers: int
    wrong: str = ""


def load(door: Door, shot: Shot, clients: int, seconds: int, seed: int) -> Figures:
    """Send a shot from so many connections, each waiting for its answer, and return what came of it.

    Args:
        door: where to.
        shot: what.
        clients: connections.
        seconds: how long, a whole number, as wrk takes it.
        seed: where the numbers for ``@fresh@`` begin; the same number twice may be answered from a cache.

    Raises:
        RuntimeError: wrk did not come to its end.
    """
    headers = {"Host": door.name, **shot.headers}
    environment = {
        **os.environ,
        "BENCH_METHOD": shot.method,
        "BENCH_PATH": shot.path,
        "BENCH_BODY": shot.body,
        "BENCH_HEADERS": "".join(f"{name}: {value}\n" for name, value in headers.items()),
        "BENCH_WANTED": shot.wanted,
        "BENCH_IDS": " ".join(map(str, shot.ids)),
        "BENCH_SEED": str(seed),
    }
    command = [*door.inside, "wrk", "-t1", f"-c{clients}", f"-d{seconds}s", f"--timeout={ANSWER_SECONDS}s"]
    done = subprocess.run(
        [*command, "-s", str(SCRIPT), door.url],
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds + ANSWER_SECONDS + GRACE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"wrk ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}")
    return read(done.stdout)


def read(output: str) -> Figures:
    """Return the figures that request.lua has printed.

    Raises:
        RuntimeError: there are none.
    """
    found = _FIGURES.search(output)
    if found is None:
        raise RuntimeError(f"wrk printed no figures: {output.strip()[-500:]}")
    requests, microseconds, median, last, lost, refused, bad = (float(value) for value in found.groups())
    said = _SAID.search(output)
    wrong = [
        f"{count:.0f} of {requests:.0f} {what}"
        for count, what in (
            (lost, "had no answer"),
            (refused, "were answered by a status of 400 or more"),
            (bad, f"were answered with an error: {said[1] if said else ''}"),
        )
        if count
    ]
    if not requests:
        wrong.append("no request was answered")
    return Figures(
        milliseconds=median / 1000,
        p99=last / 1000,
        per_second=requests / (microseconds / 1_000_000),
        answers=int(requests),
        wrong="; ".join(wrong),
    )
