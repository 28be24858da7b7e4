"""The demo's own command, with the series that needs two hosts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import hosts, leaks

pytestmark = pytest.mark.hosts
DEMO = [sys.executable, str(hosts.ROOT / "scripts" / "demo.py")]


@pytest.fixture(scope="module")
def fallback(results: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.CompletedProcess[str]]:
    """A demo of Odoo 14.0 in a run of its own, taken down afterwards by the demo's own command."""
    own = ["--run", f"tests-{os.getpid()}-demo", "--build", str(results / "demo")]
    report = ["--report", str(results / "demo-verify"), "--series", "14.0"]
    yield subprocess.run([*DEMO, "up", *own, *report], capture_output=True, text=True, check=False)
    if not request.config.getoption("--keep-hosts"):
        subprocess.run([*DEMO, "down", *own], check=True)


def test_it_deploys_two_hosts_and_verifies_them(
    fallback: subprocess.CompletedProcess[str], results: Path
) -> None:
    assert fallback.returncode == 0, fallback.stdout[-8000:] + fallback.stderr[-2000:]
    assert "PLAY RECAP" in fallback.stdout
    for word in ("hosts", "deploy", "verify", "address:", "logins:", "report:", "Odoo 14.0"):
        assert word in fallback.stdout.partition("PLAY RECAP")[2], word
    report = json.loads((results / "demo-verify" / "report.json").read_text())
    assert report
    assert (results / "demo" / "ca.pem").read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_it_names_the_file_of_the_secrets_and_shows_none(
    fallback: subprocess.CompletedProcess[str], results: Path
) -> None:
    file = results / "demo" / "inventory" / "group_vars" / "all" / "secrets.yml"
    assert str(file) in fallback.stdout.replace("\n", "")
    assert file.stat().st_mode & 0o777 == 0o600
    secrets = dict(line.split(": ") for line in file.read_text().splitlines())
    assert leaks.in_text(fallback.stdout + fallback.stderr, secrets) == []


def test_another_demo_in_the_same_folder_is_refused(results: Path) -> None:
    folder = results / "busy"
    folder.mkdir()
    with (folder / "lock").open("w") as lock:
        subprocess.run(["flock", "--exclusive", str(lock.fileno())], pass_fds=[lock.fileno()], check=True)
        command = [*DEMO, "up", "--build", str(folder)]
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "another demo is at work" in refused.stdout.replace("\n", " ")


def test_a_series_without_a_source_is_refused_before_a_host_is_made(results: Path, tmp_path: Path) -> None:
    nothing = {**os.environ, "TILLSTACK_ARTIFACTS": str(tmp_path), "PATH": str(tmp_path)}
    command = [*DEMO, "up", "--series", "15.0", "--run", "tests-none", "--build", str(results / "none")]
    refused = subprocess.run(command, capture_output=True, text=True, check=False, env=nothing)
    assert refused.returncode == 1
    assert str(tmp_path) in refused.stdout.replace("\n", "")
