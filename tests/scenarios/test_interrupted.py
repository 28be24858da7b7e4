"""A run that is killed half-way is finished by the next one."""

from __future__ import annotations

import pytest

from tests.conftest import Deployed
from tests.harness import fingerprint, playbook, stack
from tests.harness.deadline import until

pytestmark = pytest.mark.hosts
SITE_PACKAGES = "/opt/odoo/venvs/*/lib/python3*/site-packages"
# Task, and what the host shows when the task is in the midst of its work. One after the other on one
# host: each run has to mend what the one before it left behind.
POINTS = (
    # Files are written, what would have made the service read them has not run.
    ("pgbouncer : Service |", "true"),
    (
        "odoo : Install | Build the Python environment from the lock",
        f"test $(ls {SITE_PACKAGES} | wc -l) -gt 9",
    ),
    (
        "odoo : Database | Install, upgrade",
        "runuser -u postgres -- psql -XAtd pos -c 'select count(*) > 99 from ir_model' | grep -qx t",
    ),
)


def test_the_runs_after_reach_the_same_end(deployed: Deployed, bare: stack.Target) -> None:
    logs = bare.inventory.parent

    def in_the_midst(sign: str) -> None:
        until(lambda: bare.shell(f"{sign} && echo there"), 300, f"the sign of the task's work, {sign}")

    for number, (task, sign) in enumerate(POINTS, start=1):
        log = logs / f"killed-{number}.log"
        playbook.killed_at(bare.inventory, task, reached=lambda sign=sign: in_the_midst(sign), log=log)
    finished = playbook.run(bare.inventory, log=logs / "finished.log")
    assert finished.status == 0, finished.output[-4000:]
    whole, mended = (fingerprint.take(t.run, t.host) for t in (deployed, bare))
    different = fingerprint.differences(whole, mended)
    assert not different, "\n".join(different)
    third = playbook.run(bare.inventory, log=logs / "after-finished.log")
    assert (third.status, third.changes()) == (0, [])
