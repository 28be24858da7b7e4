"""Hosts with an inventory of their own, to deploy on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.harness import hosts, inventory

LOGIN_RATE = """
site=$(readlink -f /etc/nginx/sites-enabled/odoo.conf)
sed -i -E '/zone=odoo_login:/s#rate=[0-9]+r/[sm]#rate={rate}#' "$site"
nginx -T 2>/dev/null | grep -q 'rate={rate}'
systemctl reload nginx
"""
# The units count as started before what they run answers.
SERVES = """
answers() { curl -sf --max-time 5 -o /dev/null "http://127.0.0.1:$1"; }
serves() {
  answers 8069/web/login && answers 8069/api/v1/health \
    && { ! systemctl --quiet is-enabled odoo-api 2>/dev/null || answers 8073/api/v1/health; }
}
for _ in $(seq 240); do if serves; then exit 0; fi; sleep 0.25; done
echo 'Odoo or the API does not answer' >&2; exit 1
"""


@dataclass(frozen=True)
class Target:
    """One host that is everything: database, pooler, application, web server.

    Args:
        run: The run of disposable hosts it belongs to.
        host: Its name.
        inventory: Folder of an inventory with this host in every group.
        secrets: The secrets of the inventory, by variable.
    """

    run: hosts.Run
    host: str
    inventory: Path
    secrets: Mapping[str, str]

    def shell(self, script: str) -> str:
        """Run a script as root on the host and return its output."""
        return hosts.shell(self.run, self.host, script)

    def main_pids(self) -> dict[str, str]:
        """Return the main process of every service that the stack consists of."""
        units = ["nginx", "odoo", "odoo-api", "pgbouncer", "postgresql@14-main"]
        found = self.shell(f"systemctl show --property=MainPID --value {' '.join(units)}").split()
        return dict(zip(units, found, strict=True))


def make(
    run: hosts.Run,
    name: str,
    folder: Path,
    *,
    base: str = "bookworm",
    variables: Mapping[str, Any] | None = None,
) -> Target:
    """Boot a host and write an inventory for it.

    Args:
        run: The run the host will belong to.
        name: Name of the host, and of the inventory's folder.
        folder: Where the inventory's folder is made.
        base: Debian release, or a base that was saved in the run.
        variables: Variables that go before the demo's.
    """
    hosts.up(run, f"{name}={base}")
    place = folder / name
    secrets = inventory.write(place, run, inventory.one_host(name), variables or {})
    return Target(run, name, place, yaml.safe_load(secrets.read_text()))


def running(given: str) -> Target:
    """Return a host that runs already.

    Args:
        given: Its run, name and inventory, with colons between.
    """
    run, name, inventory = given.split(":", 2)
    kept = yaml.safe_load((Path(inventory) / "group_vars" / "all" / "secrets.yml").read_text())
    return Target(hosts.Run(run), name, Path(inventory), kept)


def let_log_in(target: Target, rate: str) -> None:
    """Let one address log in more often, since it sends all tests' logins; the burst stays as it is.

    Args:
        target: A deployed host.
        rate: Of nginx's limit_req_zone, such as 20r/s.
    """
    target.shell(LOGIN_RATE.format(rate=rate))


def wait_until_it_serves(target: Target) -> None:
    """Wait until Odoo and whatever answers the API on a deployed host that has just booted do so.

    Raises:
        hosts.HostsError: They do not within a minute.
    """
    target.shell(SERVES)


def save(original: Target) -> str:
    """Make what a host is now a base for others, and return the base's name; the host boots again."""
    base = f"{original.host}-saved"
    for command in (["stop", original.host], ["save", original.host, base], ["start", original.host]):
        hosts.call(original.run, *command)
    wait_until_it_serves(original)
    return base


def clone(original: Target, base: str, name: str) -> Target:
    """Boot a second host with everything the first one had, its secrets and its server name too.

    Args:
        original: A deployed host.
        base: What `save` made of it.
        name: Name of the new host.
    """
    hosts.up(original.run, f"{name}={base}")
    place = original.inventory.parent / name
    (place / "group_vars" / "all").mkdir(parents=True)
    kept = original.inventory / "group_vars" / "all" / "secrets.yml"
    (place / "group_vars" / "all" / "secrets.yml").write_text(kept.read_text())
    server_name = {"nginx_server_name": hosts.addresses(original.run)[original.host]}
    inventory.write(place, original.run, inventory.one_host(name), server_name)
    target = Target(original.run, name, place, original.secrets)
    wait_until_it_serves(target)
    return target
