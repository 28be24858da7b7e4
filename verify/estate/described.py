"""The estate as Ansible itself resolves it: hosts, groups, and every public variable of the roles."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
GROUPS = ("postgresql", "pgbouncer", "odoo", "nginx")


class EstateError(Exception):
    """The inventory can't be read or described."""


class UnreachableError(Exception):
    """A host did not answer; no check on it can have a verdict."""


@dataclass(frozen=True)
class Host:
    """One host of the inventory.

    Attributes:
        name: inventory name.
        groups: the groups of `GROUPS` it is in.
        connection: Ansible's connection variables (``ansible_host``, ``ansible_user``, ...), templated.
        variables: the roles' public variables, templated; ``None`` where one has no value.
        facts: distribution, kernel, cores and memory, for the report.
    """

    name: str
    groups: tuple[str, ...]
    connection: dict[str, Any] = field(repr=False)
    variables: dict[str, Any] = field(repr=False)
    facts: dict[str, Any]

    @property
    def address(self) -> str:
        """Where the host is reached from the controller."""
        return str(self.connection["ansible_host"] or self.name)


@dataclass(frozen=True)
class Estate:
    """All described hosts, and why the others could not be described."""

    hosts: dict[str, Host]
    unreachable: dict[str, str]

    def host(self, name: str) -> Host:
        """Return a host by inventory name.

        Raises:
            UnreachableError: the host did not answer when it was described.
        """
        if name in self.hosts:
            return self.hosts[name]
        raise UnreachableError(f"host {name}: {self.unreachable.get(name, 'not described')}")

    def variable(self, name: str) -> Any:
        """Return the first value that any host has for a variable, or None."""
        values = (host.variables.get(name) for host in self.hosts.values())
        return next((value for value in values if value is not None), None)


def read_groups(inventories: Sequence[str]) -> dict[str, list[str]]:
    """Return the hosts of each group in `GROUPS`, without contacting any.

    Args:
        inventories: inventory paths as ``ansible-playbook -i`` takes them.

    Raises:
        EstateError: no such inventory, Ansible can't read it, or no host is in any of the groups.
    """
    done = _ansible("inventory", inventories, "--list")
    if done.returncode != 0:
        raise EstateError(f"ansible-inventory can't read {', '.join(inventories)}:\n{done.stderr.strip()}")
    listing = json.loads(done.stdout)
    groups = {group: sorted(_members(listing, group)) for group in GROUPS}
    if not any(groups.values()):
        raise EstateError(
            f"inventory {', '.join(inventories)} has no host in any of the groups {', '.join(GROUPS)}: "
            "put each host into the groups of the services it runs"
        )
    return groups


def describe(inventories: Sequence[str], groups: dict[str, list[str]]) -> Estate:
    """Run playbooks/describe.yml and read what it found; its files are private and removed at once.

    Args:
        inventories: inventory paths.
        groups: as `read_groups` gives them.

    Raises:
        EstateError: the play failed on a host that it could reach.
    """
    folder = Path(tempfile.mkdtemp(prefix="tillstack-describe-"))
    try:
        done = _ansible(
            "playbook",
            inventories,
            str(REPOSITORY / "playbooks/describe.yml"),
            "-e",
            f"describe_directory={folder}",
        )
        documents = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    finally:
        shutil.rmtree(folder)
    hosts = {
        name: Host(
            name=name,
            groups=tuple(group for group in GROUPS if name in groups[group]),
            connection=document["connection"],
            variables=document["variables"],
            facts=document["facts"],
        )
        for name, document in documents.items()
    }
    missing = {name for members in groups.values() for name in members} - hosts.keys()
    unreachable = {name: _reason(done.stdout, name) for name in missing}
    if done.returncode != 0 and not missing:
        raise EstateError(f"playbooks/describe.yml failed:\n{done.stdout}\n{done.stderr}")
    return Estate(hosts, unreachable)


def _ansible(program: str, inventories: Sequence[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of Ansible's programs from the repository, so that its ansible.cfg and collection are found."""
    command = [sys.executable, "-m", "ansible", program]
    for inventory in inventories:
        command += ["-i", inventory if "," in inventory else str(Path(inventory).resolve())]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    return subprocess.run(
        [*command, *arguments], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )


def _members(listing: dict[str, Any], group: str) -> set[str]:
    entry = listing.get(group, {})
    found = set(entry.get("hosts", []))
    for child in entry.get("children", []):
        found |= _members(listing, child)
    return found


def _reason(output: str, name: str) -> str:
    """Return what Ansible printed about a host that it lost."""
    for line in output.splitlines():
        if line.startswith(f"fatal: [{name}]"):
            _, _, result = line.partition(" => ")
            try:
                return str(json.loads(result)["msg"])
            except (ValueError, KeyError):
                return line
    return "playbooks/describe.yml ended before it came to this host:\n" + output[-2000:]
