"""The API's own server on each host of Odoo: it answers, its workers are there, come back, and stay small."""

import json
import time
from collections.abc import Callable

import pytest

from verify.estate.machines import API, Machine, main_pid
from verify.reporting.document import Evidence, Measure

CONCERN = "API's server"

pytestmark = pytest.mark.explained_by("odoo")

BACK_SECONDS = 10
ASK = "curl --silent --show-error --max-time 10 --write-out '\\n%%{http_code} %%{http_version}' %s"


def _workers(host: Machine) -> dict[int, float]:
    """Return the resident memory of each worker in MiB, by process."""
    lines = host.shell.output("ps --no-headers -o pid,rss --ppid %s", str(main_pid(host, API))).splitlines()
    return {int(pid): int(kib) / 1024 for pid, kib in (line.split() for line in lines)}


def _address(host: Machine) -> str:
    interface = str(host.variables["pos_api_interface"]).replace("0.0.0.0", "127.0.0.1")
    return f"http://{interface}:{host.variables['pos_api_port']}"


def test_it_answers(api_host: Machine) -> None:
    """The server itself answers, from the database, over a connection that is kept for the next call."""
    text, _, told = api_host.shell.output(ASK, f"{_address(api_host)}/api/v1/health").rpartition("\n")
    status, version = told.split()
    assert status == "200" and json.loads(text)["status"] == "ok", f"status {status}: {text[:200]}"
    assert version == "1.1", f"it speaks HTTP/{version}: every call needs a connection of its own"


def test_workers(api_host: Machine, keep: Callable[[Evidence], None], measure: Callable[..., None]) -> None:
    """As many workers as were wanted serve, none larger than what replaces it, in a unit that has a limit."""
    workers, wanted = _workers(api_host), int(api_host.variables["pos_api_workers"])
    measure("workers", len(workers))
    assert len(workers) == wanted, f"wanted pos_api_workers {wanted}"
    limit = int(api_host.variables["__pos_api_sized"]["worker_max_mb"])
    keep(Measure("largest worker", round(max(workers.values())), "MiB", limit))
    assert max(workers.values()) <= limit, "it was not replaced: look for --worker-max-mb in the unit"
    bound = api_host.shell.output("systemctl show --value --property=MemoryMax %s", f"{API}.service")
    assert bound.isdigit(), f"MemoryMax of {API}.service is {bound}: a leak would take the host's memory"


@pytest.mark.writes
def test_a_killed_worker_comes_back(api_host: Machine, measure: Callable[..., None]) -> None:
    """A worker that is killed is replaced, and the others answer meanwhile."""
    main, before = main_pid(api_host, API), _workers(api_host)
    killed = min(before)
    api_host.shell.output("kill -9 %s", str(killed))
    began = time.monotonic()
    while killed in (now := _workers(api_host)) or len(now) < len(before):
        assert time.monotonic() - began < BACK_SECONDS, f"only {len(now)} of {len(before)} workers are back"
    measure("replaced after", round(time.monotonic() - began, 1), "s")
    assert main_pid(api_host, API) == main, "the whole server was restarted for one worker"
    test_it_answers(api_host)
