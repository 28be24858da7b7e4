"""Another estate installs the built collection and uses two of its roles alone."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import hosts, playbook, stack

pytestmark = pytest.mark.hosts
PLAY = """---
- name: A database of another estate
  hosts: postgresql
  become: true
  roles:
    - role: tillstack.odoo_pos.postgresql
      vars:
        postgresql_source: distribution
        postgresql_memory_mb: 512
        postgresql_roles: [{name: app, password: "{{ odoo_database_password }}"}]
        postgresql_databases: [{name: app, owner: app}]
    - role: tillstack.odoo_pos.pgbouncer
      vars:
        pgbouncer_users: [{name: app}]
"""
# A psql session as the application's user, by the pooler; the password goes by standard input.
SESSION = """
read -r PGPASSWORD; export PGPASSWORD
psql -XAt -h 127.0.0.1 -p 6432 -U app app -c 'SELECT current_user' -c 'SHOW server_version_num'
"""


def galaxy(*arguments: str) -> None:
    """Run ansible-galaxy collection."""
    program = Path(sys.executable).parent / "ansible-galaxy"
    done = subprocess.run(
        [program, "collection", *arguments],
        cwd=hosts.ROOT,
        env=playbook.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tarball_is_enough(bare: stack.Target, tmp_path: Path) -> None:
    galaxy("build", "--output-path", str(tmp_path))
    (tarball,) = tmp_path.glob("tillstack-odoo_pos-*.tar.gz")
    names = subprocess.run(
        ["tar", "-tzf", tarball], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert "roles/pos_api/files/pos_api/__manifest__.py" in names
    assert not [name for name in names if name.startswith(("tests/", "build/", ".ci", ".collections"))]
    # The collections it depends on are those of the package ansible.
    galaxy(
        "install", str(tarball), "--collections-path", str(tmp_path / "collections"), "--no-deps", "--force"
    )

    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    site = tmp_path / "estate.yml"
    site.write_text(PLAY)
    apart = {
        "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
    }

    def deploy(log: str) -> playbook.Result:
        return playbook.run(
            bare.inventory,
            playbook=site,
            folder=tmp_path,
            extra_environment=apart,
            log=bare.inventory.parent / f"{log}.log",
        )

    first = deploy("reuse")
    assert first.status == 0, first.output[-4000:]
    session = hosts.send(
        bare.run, bare.host, f"bash -ec {shlex.quote(SESSION)}", bare.secrets["odoo_database_password"] + "\n"
    )
    user, version = session.split()
    assert user == "app"
    assert version.startswith("14")
    again = deploy("reuse-again")
    assert (again.status, again.changes()) == (0, [])
