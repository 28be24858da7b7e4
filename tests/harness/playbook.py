"""Run ansible-playbook and read its recap."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.harness.hosts import ROOT

SITE = ROOT / "site.yml"
_RECAP = re.compile(
    r"^(?P<host>\S+)\s+: ok=(?P<ok>\d+)\s+changed=(?P<changed>\d+)"
    r"\s+unreachable=(?P<unreachable>\d+)\s+failed=(?P<failed>\d+)"
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Recap:
    """One host's line of the recap: numbers of tasks."""

    ok: int
    changed: int
    unreachable: int
    failed: int


@dataclass(frozen=True)
class Result:
    """How a run of a playbook ended.

    Args:
        status: Exit status of ansible-playbook, negative for the signal that ended it.
        output: Standard output and standard error, in the order they came.
        recap: Numbers of tasks by host; empty when there was no recap.
        seconds: Wall clock.
    """

    status: int
    output: str
    recap: Mapping[str, Recap]
    seconds: float

    def changes(self) -> list[str]:
        """Return every line that reports a change, preceded by the name of its task."""
        found, task = [], ""
        for line in self.output.splitlines():
            if line.startswith(("TASK [", "RUNNING HANDLER [")):
                task = line.rstrip("* ")
            elif line.startswith("changed: "):
                found.append(f"{task}: {line}")
        return found


def read_recap(output: str) -> dict[str, Recap]:
    """Return the recap's numbers by host."""
    found = (_RECAP.match(line) for line in _COLOUR.sub("", output).splitlines())
    return {m["host"]: Recap(*(int(number) for number in m.groups()[1:])) for m in found if m}


def command(inventory: Path, *arguments: str, playbook: Path = SITE) -> list[str]:
    """Return the command line of a run, with the ansible-playbook of this Python's environment."""
    program = Path(sys.executable).parent / "ansible-playbook"
    return [str(program), "-i", str(inventory), *arguments, str(playbook)]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a run: this one, with the tools of this Python's environment first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **(extra or {})}


def run(
    inventory: Path,
    *arguments: str,
    playbook: Path = SITE,
    log: Path | None = None,
    extra_environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], bool] | None = None,
    folder: Path = ROOT,
) -> Result:
    """Run a playbook as a user would, and wait for its end.

    Args:
        inventory: Inventory file or folder.
        arguments: Further arguments, e.g. `"--check", "--diff"`.
        playbook: Defaults to site.yml.
        log: File that the output is also written to, line by line.
        extra_environment: Environment variables on top of this process's own.
        on_line: Called with each line of output; when it returns true, the whole process group is
            killed (SIGKILL), as by a closed laptop or the kernel's memory killer.
        folder: Where ansible-playbook is started; its ansible.cfg applies.
    """
    started = time.monotonic()
    lines: list[str] = []
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
    with (
        Path(log or os.devnull).open("w") as sink,
        subprocess.Popen(
            command(inventory, *arguments, playbook=playbook),
            cwd=folder,
            env=environment(extra_environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(line)
                sink.write(_COLOUR.sub("", line))
                sink.flush()
                if on_line is not None and on_line(line):
                    os.killpg(process.pid, signal.SIGKILL)
                    break
            process.wait()
        except BaseException:  # Ctrl-C above all: Ansible ends its workers and closes its connections
            os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=30)
            raise
    output = "".join(lines)
    return Result(process.returncode, output, read_recap(output), time.monotonic() - started)


def killed_at(
    inventory: Path, task: str, *arguments: str, reached: Callable[[], object], log: Path | None = None
) -> Result:
    """Run site.yml and kill it in the middle of a task.

    Args:
        inventory: Inventory file or folder.
        task: Part of the task's name.
        arguments: Further arguments of ansible-playbook.
        reached: Called once the task was announced; returns when it is as far as it shall come.
        log: File that the output is also written to.

    Raises:
        AssertionError: The run ended before it came to the task.
    """

    def kill(line: str) -> bool:
        if not (line.startswith(("TASK [", "RUNNING HANDLER [")) and task in line):
            return False
        reached()
        return True

    result = run(inventory, *arguments, log=log, on_line=kill)
    assert result.status == -signal.SIGKILL, (
        f"no task with {task!r} in its name came (exit {result.status})\n{result.output[-4000:]}"
    )
    return result
