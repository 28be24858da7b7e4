"""Bad input is refused with the name of the variable; nothing is stopped, lost or half done."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Deployed
from tests.harness import fingerprint, hosts, inventory, playbook, stack
from tests.harness.deadline import until

pytestmark = pytest.mark.hosts


def changes_of_hosts(result: playbook.Result) -> list[str]:
    """Return what a run has changed, but for the controller's artefact folder, which it may have filled."""
    return [change for change in result.changes() if "-> localhost]" not in change]


def refused(target: stack.Target, variables: dict[str, Any], *arguments: str, log: str) -> str:
    """Deploy with variables that must be refused, and return what was said, as one line.

    Raises:
        AssertionError: The run passed, or changed something on a host.
    """
    result = playbook.run(
        target.inventory,
        "--extra-vars",
        json.dumps(variables),
        *arguments,
        log=target.inventory.parent / f"refused-{log}.log",
    )
    assert result.status == 2, result.output[-4000:]
    assert changes_of_hosts(result) == []
    return " ".join(result.output.split())


def test_a_bare_host_stays_bare(bare: stack.Target, tmp_path: Path) -> None:
    before = fingerprint.take(bare.run, bare.host)

    said = refused(
        bare,
        {"odoo_artifact_directory": str(tmp_path), "odoo_git_repository": str(tmp_path / "nowhere")},
        log="source",
    )
    assert "No source of Odoo 15.0. Nothing has been changed." in said
    assert f"{tmp_path}/odoo-15.0" in said

    archive = tmp_path / "some.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(__file__, arcname="odoo/readme")
    pinned = {"odoo_archive": str(archive), "odoo_archive_checksum": "sha256:" + "0" * 64}
    said = refused(bare, pinned, log="checksum")
    assert f"{archive} has the checksum sha256:" in said
    assert "odoo_archive_checksum is sha256:0000" in said

    # An archive is given where none may be in the artefact folder: these runs end before it is opened.
    given = {"odoo_archive": str(archive)}
    (tmp_path / "wheels" / "odoo-15.0").mkdir(parents=True)
    said = refused(bare, given | {"odoo_artifact_directory": str(tmp_path)}, log="wheels")
    assert f"{tmp_path}/wheels/odoo-15.0 (odoo_artifact_directory) does not have all packages" in said
    assert "No matching distribution found for" in said

    said = refused(bare, given | {"odoo_memory_mb": 200}, log="memory")
    assert "200 MB of memory for Odoo, less than odoo_minimum_memory_mb" in said

    said = refused(bare, given | {"odoo_workers": 500}, log="workers")
    assert "odoo_workers (500) and odoo_max_cron_threads (2) need" in said
    assert "set pos_api_server to odoo" in said

    said = refused(bare, given | {"pos_api_workers": 500}, log="api-workers")
    assert "(500 pos_api_workers, each with its pos_api_cache_size)" in said

    said = refused(bare, given | {"odoo_admin_password": ""}, log="empty-secret")
    assert "odoo_admin_password is missing or shorter than 8 characters" in said

    said = refused(bare, given | {"postgresql_settings": {"max_connections": 20}}, log="connections")
    assert "postgresql_settings.max_connections (20) is less than the" in said

    elsewhere = {"pgbouncer_settings": {"unix_socket_dir": "/tmp"}}
    said = refused(bare, given | elsewhere, log="socket")
    assert "pgbouncer_settings.unix_socket_dir is '/tmp', but Odoo" in said

    said = refused(bare, given | {"pgbouncer_default_pool_size": 2}, log="pool")
    assert "pgbouncer_default_pool_size (2) is less than the" in said

    assert fingerprint.differences(before, fingerprint.take(bare.run, bare.host)) == []


@pytest.mark.parametrize(
    "port, variable",
    [
        (8069, "odoo_http_port"),
        (8073, "pos_api_port"),
        (443, "nginx_https_port"),
        (6432, "pgbouncer_listen_port"),
        (5432, "postgresql_port"),
    ],
)
def test_a_port_that_is_taken_is_not_fought_for(
    bare: stack.Target, tmp_path: Path, port: int, variable: str
) -> None:
    archive = tmp_path / "some.tar.gz"
    archive.touch()
    bare.shell(f"systemd-run --quiet --unit=squatter python3 -m http.server {port}")
    until(lambda: bare.shell(f"ss -Hltn 'sport = :{port}'"), 30, f"a listener on port {port}")
    said = refused(bare, {"odoo_archive": str(archive)}, log=f"port-{port}")
    assert f"{variable} {port}" in said
    assert "in use by something" in said
    assert bare.shell("systemctl is-active squatter").strip() == "active"


def test_an_existing_cluster_of_another_version_is_left_alone(bare: stack.Target, tmp_path: Path) -> None:
    archive = tmp_path / "some.tar.gz"
    archive.touch()
    bare.shell(
        "apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql-15 >/dev/null"
    )
    bare.shell("runuser -u postgres -- psql -qc 'CREATE DATABASE precious'")
    said = refused(bare, {"odoo_archive": str(archive)}, log="cluster")
    assert "postgresql_version is 14 but" in said
    assert (
        bare.shell(
            "runuser -u postgres -- psql -XAtc \"SELECT 1 FROM pg_database WHERE datname = 'precious'\""
        ).strip()
        == "1"
    )


def test_an_unsupported_system_is_refused(run: hosts.Run, results: Path, tmp_path: Path) -> None:
    archive = tmp_path / "some.tar.gz"
    archive.touch()
    old = stack.make(run, "old", results, base="bullseye")
    said = refused(old, {"odoo_archive": str(archive)}, log="system")
    assert "Debian 11" in said
    assert "Debian 12" in said or "bookworm" in said
    hosts.call(run, "rm", "old")


TYPOS = (
    (
        "nginx",
        {"nginx_server_settings": {"client_max_body_sizee": "1m"}},
        ("nginx_server_settings", 'unknown directive "client_max_body_sizee"'),
    ),
    (
        "pgbouncer",
        {"pgbouncer_settings": {"query_wait_timeoutt": 60}},
        ("pgbouncer_settings", "query_wait_timeoutt"),
    ),
    ("postgresql", {"postgresql_settings": {"work_memm": "8MB"}}, ("postgresql_settings", "work_memm")),
    (
        "postgresql",
        {"postgresql_settings": {"work_mem": "plenty"}},
        ("postgresql_settings", "work_mem", "plenty"),
    ),
    (
        "postgresql",
        {"postgresql_hba": [{"address": "192.0.2.0/99"}]},
        ("postgresql_hba", "192.0.2.0/99"),
    ),
    (
        "odoo",
        {"odoo_settings": {"limit_time_reall": 300}},
        ("odoo_settings", "limit_time_reall", "did you mean limit_time_real?"),
    ),
    ("odoo", {"odoo_settings": {"limit_time_real": "soon"}}, ("odoo_settings", "limit_time_real", "soon")),
)


@pytest.mark.rotates("typos")
@pytest.mark.parametrize(
    "role, variables, names", TYPOS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_typo_stops_nothing(
    deployed: Deployed, role: str, variables: dict[str, Any], names: tuple[str, ...], tmp_path: Path
) -> None:
    processes, before = deployed.main_pids(), fingerprint.take(deployed.run, deployed.host)
    said = refused(deployed, variables, "--tags", role, log=f"typo-{names[-1].split()[-1].strip('?')}")
    for name in names:
        assert name in said
    assert deployed.main_pids() == processes
    assert fingerprint.differences(before, fingerprint.take(deployed.run, deployed.host)) == []
    address = hosts.addresses(deployed.run)[deployed.host]
    authority = tmp_path / "ca.pem"
    authority.write_text(deployed.shell("cat /etc/tillstack/ca.pem"))
    health = requests.get(f"https://{address}/api/v1/health", verify=str(authority), timeout=20)
    assert health.status_code == 200


def test_every_secret_is_asked_for(bare: stack.Target) -> None:
    file = bare.inventory / "group_vars/all/secrets.yml"
    kept = file.read_text()
    for name in inventory.SECRETS:
        file.write_text("".join(line for line in kept.splitlines(keepends=True) if not line.startswith(name)))
        result = playbook.run(bare.inventory, log=bare.inventory.parent / f"refused-{name}.log")
        assert result.status == 2
        assert name in result.output
        assert changes_of_hosts(result) == []
