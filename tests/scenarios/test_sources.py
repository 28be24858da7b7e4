"""Odoo's source by git and by archive: the right one is deployed, a wrong one is refused.

The distribution's package is deployed by the demo's fallback (test_demo.py).
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.demo import artifact_folder
from tests.harness import playbook, stack
from tests.harness.deadline import until

pytestmark = pytest.mark.hosts


@dataclass(frozen=True)
class GitServer:
    """A git server on this machine's loopback that has Odoo 15.0.

    Args:
        url: Address of the repository.
        commit: The commit of its branch 15.0.
    """

    url: str
    commit: str


def source_archive() -> Path:
    """Return the archive of the artefact folder; without one, there is nothing to serve by git."""
    found = sorted(artifact_folder().glob("odoo-15.0*.tar.*"))
    if not found:
        pytest.skip(f"no source archive of Odoo 15.0 in {artifact_folder()}")
    return found[0]


@pytest.fixture(scope="module")
def git_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """Serve Odoo's source by the git protocol, from a repository that is made of the archive."""
    top = tmp_path_factory.mktemp("git")
    repository = top / "odoo"
    repository.mkdir()
    subprocess.run(["tar", "-C", repository, "--strip-components=1", "-xf", source_archive()], check=True)
    (repository / "served-by-git").touch()
    identity = {
        "GIT_AUTHOR_NAME": "t",
        "GIT_AUTHOR_EMAIL": "t@example.com",
        "GIT_COMMITTER_NAME": "t",
        "GIT_COMMITTER_EMAIL": "t@example.com",
    }

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(repository), *arguments]
        return subprocess.run(
            command, env={**os.environ, **identity}, capture_output=True, text=True, check=True
        ).stdout

    git("init", "--quiet", "--initial-branch=15.0")
    git("config", "core.compression", "0")
    git("config", "uploadpack.allowReachableSHA1InWant", "true")
    git("add", "--all", "--force")
    git("commit", "--quiet", "--message", "Odoo")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        "git",
        "daemon",
        "--export-all",
        f"--base-path={top}",
        "--listen=127.0.0.1",
        f"--port={port}",
        "--reuseaddr",
        str(top),
    ]
    with subprocess.Popen(command) as daemon:
        url = f"git://127.0.0.1:{port}/odoo"
        until(
            lambda: (
                subprocess.run(["git", "ls-remote", url], capture_output=True, check=False).returncode == 0
            ),
            30,
            "the git server",
        )
        yield GitServer(url, git("rev-parse", "HEAD").strip())
        daemon.terminate()


def deploy(target: stack.Target, variables: dict[str, object], log: str) -> playbook.Result:
    """Run the part of site.yml that is Odoo's."""
    arguments = ("--tags", "odoo", "--extra-vars", json.dumps(variables))
    return playbook.run(target.inventory, *arguments, log=target.inventory.parent / f"{log}.log")


@pytest.mark.rotates("sources")
def test_git_and_archives(
    clone_of: Callable[[str], stack.Target], git_server: GitServer, tmp_path: Path
) -> None:
    target = clone_of("sources")
    processes = target.main_pids()
    by_git = {
        "odoo_source": "git",
        "odoo_git_repository": git_server.url,
        "odoo_artifact_directory": str(tmp_path),
    }

    wrong = deploy(target, by_git | {"odoo_git_version": "0" * 40}, "git-wrong")
    assert wrong.status == 2
    assert f"odoo_git_version {'0' * 40} cannot be fetched" in " ".join(wrong.output.split())

    broken = tmp_path / "odoo-15.0-broken.tar.gz"
    whole = source_archive().read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    refused = deploy(target, {"odoo_source": "archive", "odoo_archive": str(broken)}, "archive-broken")
    assert refused.status == 2
    assert target.main_pids() == processes
    assert target.shell("ls /opt/odoo/src | wc -l").strip() == "2", "the source in use and an unfinished one"
    broken.unlink()

    right = deploy(target, by_git | {"odoo_git_version": git_server.commit}, "git-right")
    assert right.status == 0, right.output[-4000:]
    running = target.shell("tr '\\0' ' ' </proc/$(systemctl show --property=MainPID --value odoo)/cmdline")
    folder = f"/opt/odoo/src/15.0-{git_server.commit[:12]}"
    assert f"{folder}/odoo-bin" in running
    assert target.shell(f"ls {folder}/served-by-git")
    assert target.main_pids()["postgresql@14-main"] == processes["postgresql@14-main"]

    # A host that has the pinned commit needs neither the repository nor the artefact folder any more.
    gone = {**by_git, "odoo_git_version": git_server.commit, "odoo_git_repository": str(tmp_path / "gone")}
    again = deploy(target, gone, "git-again")
    assert (again.status, again.changes()) == (0, [])
