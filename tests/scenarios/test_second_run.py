"""Running site.yml again changes nothing and restarts nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.conftest import Deployed
from tests.harness import fingerprint, playbook

pytestmark = pytest.mark.hosts
ROLES = sorted(Path(__file__).parents[2].glob("roles/*/tasks/main.yml"))


def tags_of(part: str) -> list[str]:
    """Return the tags that choose one part of each role that has it, such as ``odoo_database``."""
    tasks = [task for role in ROLES for task in yaml.safe_load(role.read_text())]
    return sorted({tag for task in tasks for tag in task.get("tags", []) if tag.endswith(f"_{part}")})


def test_the_second_run_changes_nothing_and_keeps_every_process(deployed: Deployed) -> None:
    assert deployed.first.recap[deployed.host].changed > 0, "the first run is expected to have made the stack"
    processes, before = deployed.main_pids(), fingerprint.take(deployed.run, deployed.host)
    assert "0" not in processes.values(), f"a service does not run: {processes}"
    again = playbook.run(deployed.inventory, log=deployed.inventory.parent / "second.log")
    assert (again.status, again.changes()) == (0, [])
    assert again.recap[deployed.host].changed == 0
    assert deployed.main_pids() == processes
    assert fingerprint.differences(before, fingerprint.take(deployed.run, deployed.host)) == []


@pytest.mark.parametrize("part", ["configure", "database", "service"])
def test_one_part_alone_finds_what_it_needs_and_has_nothing_to_change(deployed: Deployed, part: str) -> None:
    tags = tags_of(part)
    assert len(tags) >= 3, tags
    # A dry run works everything out that the run does, and skips nothing but the doing.
    log = deployed.inventory.parent / f"{part}.log"
    alone = playbook.run(deployed.inventory, "--tags", ",".join(tags), "--check", log=log)
    assert (alone.status, alone.changes()) == (0, []), alone.output[-3000:]
