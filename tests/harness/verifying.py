"""Run verify as an operator does, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness import hosts, playbook

SECONDS = 1200


@dataclass(frozen=True)
class Verified:
    """How a run ended.

    Args:
        status: Exit status.
        output: What it printed.
        folder: Where its report is.
    """

    status: int
    output: str
    folder: Path

    @property
    def report(self) -> dict[str, Any]:
        """The report's document.

        Raises:
            AssertionError: There is none.
        """
        file = self.folder / "report.json"
        assert file.exists(), self.output[-4000:]
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    def not_passed(self) -> dict[str, str]:
        """Return the reasons of all checks that did not pass, by id without the folder `verify`."""
        return {
            check["id"].removeprefix("verify/sections/"): check["reason"]
            for check in self.report["checks"]
            if check["verdict"] != "passed"
        }


def verify(inventory: Path, folder: Path, *options: str, front_door: Sequence[str] = ()) -> Verified:
    """Verify a deployment.

    Args:
        inventory: Its inventory.
        folder: Folder of the report.
        options: Further options.
        front_door: Module and arguments in place of ``pytest verify``.
    """
    command = [sys.executable, "-m", *(front_door or ("pytest", "verify"))]
    command += ["--inventory", str(inventory), "--report-dir", str(folder), *options]
    done = subprocess.run(
        command,
        cwd=hosts.ROOT,
        env=playbook.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Verified(done.returncode, done.stdout, folder)
