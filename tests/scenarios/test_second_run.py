"""Running site.yml again changes nothing and restarts nothing."""

from __future__ import annotations

import pytest

from tests.conftest import Deployed
from tests.harness import fingerprint, playbook

pytestmark = pytest.mark.hosts


def test_the_second_run_changes_nothing_and_keeps_every_process(deployed: Deployed) -> None:
    assert deployed.first.recap[deployed.host].changed > 0, "the first run is expected to have made the stack"
    processes, before = deployed.main_pids(), fingerprint.take(deployed.run, deployed.host)
    assert "0" not in processes.values(), f"a service does not run: {processes}"
    again = playbook.run(deployed.inventory, log=deployed.inventory.parent / "second.log")
    assert (again.status, again.changes()) == (0, [])
    assert again.recap[deployed.host].changed == 0
    assert deployed.main_pids() == processes
    assert fingerprint.differences(before, fingerprint.take(deployed.run, deployed.host)) == []
