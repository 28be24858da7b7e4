"""Playbooks, examples and example inventories can be read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PLAYBOOKS = sorted([ROOT / "site.yml", *ROOT.glob("playbooks/*.yml"), *ROOT.glob("playbooks/examples/*.yml")])
EXAMPLE_PASSWORD = (
    "tillstack-example"  # stands in inventory/README.md; the examples' vaults hold no real secret
)


@pytest.fixture
def vault(tmp_path: Path) -> str:
    """The option that opens the examples' vaults."""
    file = tmp_path / "password"
    file.write_text(EXAMPLE_PASSWORD)
    return f"--vault-password-file={file}"


def run(*command: str) -> str:
    """Run one of Ansible's commands in the checkout and return its output."""
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_playbook_is_well_formed(playbook: Path, vault: str) -> None:
    run("ansible-playbook", "--syntax-check", "-i", "inventory/split", vault, str(playbook))


@pytest.mark.parametrize("name", ["single", "split"])
def test_an_example_inventory_has_every_group_and_every_secret(name: str, vault: str) -> None:
    tree = json.loads(run("ansible-inventory", "-i", f"inventory/{name}", vault, "--list"))
    for group in ("postgresql", "pgbouncer", "odoo", "nginx"):
        assert tree[group]["hosts"], group
    for values in tree["_meta"]["hostvars"].values():
        for secret in ("odoo_database_password", "odoo_admin_password", "odoo_master_password"):
            assert len(values[f"vault_{secret}"]) >= 24
            assert values[secret] == "{{ " + f"vault_{secret}" + " }}"
