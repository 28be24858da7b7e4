"""PostgreSQL deploys from a signed package repository, and from no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness import playbook, stack
from tests.sources import apt_repository

pytestmark = pytest.mark.hosts
PLAY = """
- hosts: postgresql
  become: true
  roles: [tillstack.odoo_pos.postgresql]
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> apt_repository.Repository:
    """The repository as it should be."""
    return apt_repository.build(tmp_path_factory.mktemp("apt") / "good")


@pytest.fixture
def play(tmp_path: Path) -> Path:
    """A play with the role postgresql alone."""
    path = tmp_path / "postgresql.yml"
    path.write_text(PLAY)
    return path


def _machine(bare: stack.Target) -> str:
    """Address of this machine as the host sees it."""
    return bare.shell('ip -json route show default | sed -E \'s/.*"gateway":"([0-9.]+)".*/\\1/\'').strip()


def _variables(url: str, fingerprint: str) -> list[str]:
    values: dict[str, Any] = {
        "postgresql_source": "pgdg",
        "postgresql_pgdg_url": url,
        "postgresql_pgdg_suite": apt_repository.SUITE,
        "postgresql_pgdg_key_url": f"{url}/key.asc",
        "postgresql_pgdg_key_fingerprint": fingerprint,
    }
    return ["-e", json.dumps(values)]


@pytest.fixture
def url(bare: stack.Target, repository: apt_repository.Repository) -> Iterator[str]:
    """Where the host finds the repository."""
    with apt_repository.served(repository, _machine(bare)) as url:
        yield url


@pytest.mark.rotates("sources")
def test_deploys_from_a_signed_repository(
    bare: stack.Target, play: Path, repository: apt_repository.Repository, url: str
) -> None:
    arguments = _variables(url, repository.fingerprint)
    first = playbook.run(bare.inventory, *arguments, playbook=play)
    assert first.status == 0, first.output[-4000:]
    assert bare.shell("dpkg-query -W -f '${db:Status-Status}' postgresql-14") == "installed"
    # The package did not make a cluster of its own: the role's has checksums.
    shown = bare.shell("sudo -u postgres psql -Atc 'SHOW data_checksums' -c 'SHOW password_encryption'")
    assert shown.split() == ["on", "scram-sha-256"]
    second = playbook.run(bare.inventory, *arguments, playbook=play)
    assert second.status == 0, second.output[-4000:]
    assert second.changes() == []


def test_refuses_a_key_with_another_fingerprint(
    bare: stack.Target, play: Path, repository: apt_repository.Repository, url: str
) -> None:
    wrong = repository.fingerprint[::-1]
    result = playbook.run(bare.inventory, *_variables(url, wrong), playbook=play)
    assert result.status != 0
    assert "postgresql_pgdg_key_fingerprint is" in result.output and repository.fingerprint in result.output
    assert bare.shell("ls /etc/apt/sources.list.d /etc/apt/keyrings").find("pgdg") == -1


@pytest.mark.rotates("sources")
def test_refuses_a_repository_that_another_key_signed(bare: stack.Target, play: Path, tmp_path: Path) -> None:
    other = apt_repository.build(tmp_path / "tampered", advertise_another_key=True)
    with apt_repository.served(other, _machine(bare)) as url:
        result = playbook.run(bare.inventory, *_variables(url, other.fingerprint), playbook=play)
    assert result.status != 0
    assert bare.shell("dpkg-query -W postgresql-14 2>/dev/null || true") == ""
