"""Hosts as the checks use them: described, connected, with a shell; connected on first use, once per run."""

from dataclasses import dataclass, field
from typing import Any

from verify.estate.connection import Connection, close_connection, open_connection
from verify.estate.described import Estate, Host, UnreachableError
from verify.estate.shell import CommandError, Shell, open_shell

API = "odoo-api"  # the API's own server, on hosts of the group odoo


@dataclass(frozen=True)
class Machine:
    """A host with its open connection."""

    name: str
    address: str
    variables: dict[str, Any] = field(repr=False)
    connection: Connection = field(repr=False)
    shell: Shell = field(repr=False)


@dataclass
class Machines:
    """The estate's hosts; one that did not answer once is not asked again."""

    estate: Estate
    _open: dict[str, Machine | UnreachableError] = field(default_factory=dict)

    def get(self, name: str) -> Machine:
        """Return a connected host.

        Raises:
            UnreachableError: it can't be reached; the message has the reason.
        """
        if name not in self._open:
            self._open[name] = self._connect(name)
        found = self._open[name]
        if isinstance(found, UnreachableError):
            raise UnreachableError(str(found))
        return found

    def of_group(self, group: str) -> list[Machine]:
        """Return the connected hosts of a group.

        Raises:
            UnreachableError: one of them can't be reached.
        """
        names = [name for name, host in self.estate.hosts.items() if group in host.groups]
        return [self.get(name) for name in names]

    def close(self) -> None:
        """End all connections."""
        for machine in self._open.values():
            if isinstance(machine, Machine):
                close_connection(machine.connection)
        self._open.clear()

    def _connect(self, name: str) -> Machine | UnreachableError:
        try:
            host = self.estate.host(name)
            connection = open_connection(host)
        except UnreachableError as error:
            return error
        return Machine(name, host.address, host.variables, connection, open_shell(connection))


def has_own_api(machine: Machine | Host) -> bool:
    """Return whether a host of Odoo answers the API by a server of its own, and not by Odoo's workers."""
    return bool(machine.variables.get("pos_api_server") == "granian")


def api_calls(machine: Machine) -> int:
    """Return how many calls of the API a host of Odoo works on at a time."""
    if has_own_api(machine):
        return int(machine.variables["pos_api_workers"]) * int(machine.variables["pos_api_threads"])
    return int(machine.variables["odoo_workers"])


def of_service(machines: Machines, service: str) -> list[Machine]:
    """Return the connected hosts of a group, or those of Odoo where the service `API` runs.

    Raises:
        UnreachableError: one of them can't be reached.
    """
    if service == API:
        return [machine for machine in machines.of_group("odoo") if has_own_api(machine)]
    return machines.of_group(service)


def unit_of(machine: Machine, group: str) -> str:
    """Return the systemd unit that does a group's work on a host, or that of the service `API`."""
    if group == "postgresql":
        variables = machine.variables
        return f"postgresql@{variables['postgresql_version']}-{variables['postgresql_cluster']}.service"
    return f"{group}.service"


def main_pid(machine: Machine, group: str) -> int:
    """Return the main process of a group's unit.

    Raises:
        CommandError: the unit does not run.
    """
    unit = unit_of(machine, group)
    pid = int(machine.shell.output("systemctl show --value --property=MainPID %s", unit))
    if pid == 0:
        raise CommandError(f"{machine.name}: {unit} does not run")
    return pid
