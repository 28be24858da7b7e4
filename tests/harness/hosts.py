"""Drive the disposable hosts (tests/hosts/hosts) from Python."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "hosts" / "hosts"


class HostsError(RuntimeError):
    """A command of the disposable hosts failed; the message ends with what it said."""


@dataclass(frozen=True)
class Run:
    """A run of disposable hosts.

    Args:
        id: Name of the run; runs share nothing but the caches.
        owner: Process whose end makes the run an orphan that the next `up` clears, or None for a run
            that stays until it is taken down.
    """

    id: str
    owner: int | None = None


def call(run: Run, *arguments: str, timeout: float = 600) -> str:
    """Run one command of the hosts script and return what it printed.

    Args:
        run: The run the command is about.
        arguments: Command and its arguments, e.g. `"up", "app=bookworm"`.
        timeout: Seconds; building a base from nothing takes one to two minutes.

    Raises:
        HostsError: The command failed.
    """
    command = [str(SCRIPT), "--run", run.id]
    if run.owner is not None:
        command += ["--owner", str(run.owner)]
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=timeout, check=False
    )
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        raise HostsError(f"hosts --run {run.id} {' '.join(arguments)}: exit {done.returncode}: {said}")
    return done.stdout


def up(run: Run, *hosts: str) -> dict[str, str]:
    """Create and boot hosts, wait until they can be logged in to, and return every host's address.

    Args:
        run: The run the hosts belong to.
        hosts: `NAME` or `NAME=BASE`; a base is bookworm, bullseye or one made by `save`.
    """
    call(run, "up", *hosts)
    return addresses(run)


def down(run: Run) -> None:
    """Destroy the run's hosts, network and saved bases."""
    call(run, "down")


def inventory(run: Run) -> dict[str, Any]:
    """Return the run's hosts as an Ansible inventory, without groups."""
    data: dict[str, Any] = yaml.safe_load(call(run, "inventory"))
    return data


def addresses(run: Run) -> dict[str, str]:
    """Return the address of every host of the run, by name."""
    hosts = inventory(run)["all"]["hosts"] or {}
    return {name: values["ansible_host"] for name, values in hosts.items()}


def send(run: Run, host: str, command: str, text: str, *, timeout: float = 120) -> str:
    """Run a command on a host with a text as its standard input, and return its output.

    Args:
        run: The run the host belongs to.
        host: Name of the host.
        command: What the admin user's shell runs.
        text: Sent by standard input, and so in no process list.
        timeout: Seconds.

    Raises:
        HostsError: The command failed.
    """
    done = subprocess.run(
        [str(SCRIPT), "--run", run.id, "ssh", host, command],
        input=text,
        capture_output=True,
        text=True,
        errors="replace",  # a journal may hold anything
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        raise HostsError(f"{host}: {command}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def shell(run: Run, host: str, script: str, *, timeout: float = 120) -> str:
    """Run a script as root on a host, by `bash` that ends at the first error, and return its output.

    Raises:
        HostsError: The script failed.
    """
    return send(run, host, "sudo bash -se", script, timeout=timeout)
