"""A run that is killed half-way is finished by the next one."""

from __future__ import annotations

import pytest

from tests.conftest import Deployed
from tests.harness import fingerprint, playbook, stack

pytestmark = pytest.mark.hosts
# One after the other on one host: each run has to mend what the one before it left behind.
POINTS = (
    "pgbouncer : Service",  # files are written, what would have read them has not run
    "odoo : Install | Build the Python environment",
    "odoo : Database | Install, upgrade and set the password",
)


def test_the_runs_after_reach_the_same_end(deployed: Deployed, bare: stack.Target) -> None:
    logs = bare.inventory.parent
    for number, point in enumerate(POINTS, start=1):
        playbook.killed_at(bare.inventory, point, log=logs / f"killed-{number}.log")
    finished = playbook.run(bare.inventory, log=logs / "finished.log")
    assert finished.status == 0, finished.output[-4000:]
    whole, mended = (fingerprint.take(t.run, t.host) for t in (deployed, bare))
    assert fingerprint.differences(whole, mended) == []
    third = playbook.run(bare.inventory, log=logs / "after-finished.log")
    assert (third.status, third.changes()) == (0, [])
