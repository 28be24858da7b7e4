"""Write inventories for disposable hosts."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.harness import hosts

SECRETS = ("odoo_database_password", "odoo_admin_password", "odoo_master_password")
GROUPS = ("postgresql", "pgbouncer", "odoo", "nginx")
DEMO = hosts.ROOT / "inventory" / "demo" / "group_vars"


def one_host(name: str) -> dict[str, list[str]]:
    """Return the groups of a deployment on a single host."""
    return {group: [name] for group in GROUPS}


def write(
    directory: Path, run: hosts.Run, groups: Mapping[str, Sequence[str]], variables: Mapping[str, Any]
) -> Path:
    """Write an inventory: the hosts, the demo's variables, own ones, and secrets that stay the same.

    Args:
        directory: Folder of the inventory, made if it is missing.
        run: The run whose hosts are meant; hosts in no group are left out.
        groups: Hosts of each group.
        variables: Variables of all hosts that go before the demo's.

    Returns:
        The file that holds the secrets.
    """
    known = hosts.inventory(run)["all"]
    members = {host for group in groups.values() for host in group}
    tree = {
        "all": {
            "hosts": {name: values for name, values in known["hosts"].items() if name in members},
            "vars": known["vars"],
            "children": {group: {"hosts": dict.fromkeys(names)} for group, names in groups.items()},
        }
    }
    for_all = directory / "group_vars" / "all"
    for_all.mkdir(parents=True, exist_ok=True)
    (directory / "hosts.yml").write_text(yaml.safe_dump(tree, sort_keys=False))
    # Ansible reads the files of the folder by name, and the last one wins.
    shutil.copy(DEMO / "all.yml", for_all / "demo.yml")
    (for_all / "own.yml").write_text(yaml.safe_dump(dict(variables)))
    keep_secrets(for_all / "secrets.yml")
    return for_all / "secrets.yml"


def keep_secrets(file: Path, names: Iterable[str] = SECRETS) -> dict[str, str]:
    """Generate the secrets that the file does not hold yet, so that they stay the same over runs.

    Args:
        file: YAML file of variables, made with mode 0600.
        names: Variables that must be in it.

    Returns:
        Every secret of the file, by variable.
    """
    known: dict[str, str] = (yaml.safe_load(file.read_text()) or {}) if file.exists() else {}
    known |= {name: secrets.token_urlsafe(24) for name in names if name not in known}
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(yaml.safe_dump(known))
    part.replace(file)
    return known
