"""What the figures were taken on."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.host import Bench

VERSIONS = """
pgbouncer --version | sed -n 's/^PgBouncer /pgbouncer /p'
nginx -v 2>&1 | sed -n 's#.*nginx/#nginx #p'
/opt/odoo/bin/odoo-python -c 'import platform; print("python", platform.python_version())'
/opt/odoo/bin/odoo-python -c 'import odoo.release; print("odoo", odoo.release.version)'
/opt/odoo/bin/odoo-python -c 'import importlib.metadata as m; print("granian", m.version("granian"))' || true
"""


def described(bench: Bench) -> dict[str, Any]:
    """Return the machine, the versions on the host and how the stack is sized."""
    variables = bench.machine.variables
    version = bench.sql("SHOW server_version").split()[0]
    found = dict(line.split(" ", 1) for line in bench.target.shell(VERSIONS).splitlines() if " " in line)
    return {
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3, 1),
        "kernel": os.uname().release,
        "load_before": os.getloadavg()[0],
        "versions": {"postgresql": version, "wrk": _wrk(), **found},
        "server": {
            "kind": variables.get("pos_api_server", "odoo"),
            "odoo_workers": variables.get("odoo_workers"),
            "api_workers": variables.get("pos_api_workers"),
            "api_threads": variables.get("pos_api_threads"),
        },
        "note": "Load generator, web server, application, pooler and database share the processors.",
    }


class Steal:
    """CPU time that a hypervisor kept back, and that was used at all, since this was made."""

    def __init__(self) -> None:
        self._before = _ticks()

    def share(self) -> float:
        """Return the share of stolen time in all time."""
        now = _ticks()
        passed = [after - before for after, before in zip(now, self._before, strict=True)]
        return round(passed[7] / max(sum(passed), 1), 4)


def _ticks() -> list[int]:
    """Return user, nice, system, idle, iowait, irq, softirq and steal (proc_stat(5))."""
    return [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]


def _wrk() -> str:
    said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout
    return said.partition("wrk ")[2].partition(" [")[0]


def _processor() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else os.uname().machine
