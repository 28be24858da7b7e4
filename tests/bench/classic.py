"""The shape of older figures, straight to the application's port and through nginx with TLS.

`python -m tests.bench.classic` asks without TLS, from inside the host's network. Standard input: a JSON
object with ``url`` and ``headers``; standard output: {shape: [arguments of `Round`]}.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import mean
from typing import Any

import requests

from tests.bench.host import Bench, BenchError
from tests.bench.shop import Shop, caller
from tests.harness import hosts, playbook
from verify.clients.api import BASE
from verify.clients.web import Client
from verify.measure.closed_loop import Round
from verify.sections.performance.classic_shape import THREADS, Ask, endpoints, statements

SECONDS = 300


def measured(bench: Bench, shop: Shop) -> list[dict[str, Any]]:
    """Return mean, least and greatest milliseconds of each shape, for bench.json."""
    bearer = dict(caller(bench, shop, "manager").bearer)
    found = [_row(shape, None, rounds) for shape, rounds in statements(bench.machine).items()]
    clients = [Client(bench.site) for _ in range(THREADS)]
    secured = endpoints([_asking(client, "", bearer) for client in clients])
    for client in clients:
        client.close()
    door = bench.door("api", tls=False)
    wanted = {"url": door.url, "headers": {"Host": door.name, **bearer}}
    done = subprocess.run(
        [*door.inside, sys.executable, "-m", "tests.bench.classic"],
        input=json.dumps(wanted),
        cwd=hosts.ROOT,
        env=playbook.environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"the classic shape ended with {done.returncode}: {done.stderr.strip()[-1000:]}")
    bare = {
        shape: [Round(tuple(one["milliseconds"]), tuple(one["errors"]), one["seconds"]) for one in rounds]
        for shape, rounds in json.loads(done.stdout).items()
    }
    found += [_row(shape, False, rounds) for shape, rounds in bare.items()]
    return found + [_row(shape, True, rounds) for shape, rounds in secured.items()]


def _row(shape: str, tls: bool | None, rounds: Sequence[Round]) -> dict[str, Any]:
    times = [ms for one in rounds for ms in one.milliseconds]
    errors = [wrong for one in rounds for wrong in one.errors]
    return {
        "shape": shape,
        "tls": tls,
        "mean": round(mean(times), 3) if times else None,
        "least": round(min(times), 3) if times else None,
        "greatest": round(max(times), 3) if times else None,
        "answers": len(times),
        "wrong": f"{len(errors)} failed: {errors[0]}" if errors else "",
    }


def _asking(session: requests.Session, url: str, headers: Mapping[str, str]) -> Ask:
    def ask(path: str) -> str:
        answer = session.get(f"{url}{BASE}{path}", headers=dict(headers))
        return "" if answer.status_code == 200 else f"GET {path}: HTTP status {answer.status_code}"

    return ask


def main() -> None:
    """Ask as standard input says, and print the rounds."""
    wanted = json.load(sys.stdin)
    asks = []
    for _ in range(THREADS):
        session = requests.Session()
        session.trust_env = False
        asks.append(_asking(session, wanted["url"], wanted["headers"]))
    found = endpoints(asks)
    json.dump({shape: [asdict(one) for one in rounds] for shape, rounds in found.items()}, sys.stdout)


if __name__ == "__main__":
    main()
