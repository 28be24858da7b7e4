"""`--check --diff` says what a run would do, and does nothing."""

from __future__ import annotations

import pytest

from tests.conftest import Deployed
from tests.harness import fingerprint, playbook, stack

pytestmark = pytest.mark.hosts


def test_on_a_bare_host_it_passes_and_leaves_the_host_bare(bare: stack.Target) -> None:
    before = fingerprint.take(bare.run, bare.host)
    checked = playbook.run(bare.inventory, "--check", "--diff", log=bare.inventory.parent / "check-bare.log")
    assert checked.status == 0, checked.output[-4000:]
    assert checked.recap[bare.host].changed > 0, "on a bare host there is much to do"
    assert fingerprint.differences(before, fingerprint.take(bare.run, bare.host)) == []


def test_on_a_live_host_it_predicts_no_change(deployed: Deployed) -> None:
    processes = deployed.main_pids()
    checked = playbook.run(
        deployed.inventory, "--check", "--diff", log=deployed.inventory.parent / "check-live.log"
    )
    assert (checked.status, checked.changes()) == (0, [])
    assert checked.recap[deployed.host].changed == 0
    assert deployed.main_pids() == processes
