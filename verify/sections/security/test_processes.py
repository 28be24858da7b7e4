"""What the services' processes may do, and what they give away."""

from collections.abc import Callable

import pytest

from verify.estate.machines import API, Machine, Machines, main_pid, of_service, unit_of
from verify.estate.units import exposure
from verify.reporting.redaction import secrets_in

CONCERN = "Processes"

pytestmark = pytest.mark.explained_by("odoo")

# Upper bounds of what systemd-analyze security says, from 0 (closed) to 10, and why they are not lower.
EXPOSURES = {
    "odoo": 1.8,  # the role's own unit; 1.4 as it is shipped
    API: 1.8,  # likewise
    "pgbouncer": 5.0,  # Debian's unit, hardened by its package
    "nginx": 9.6,  # Debian's unit: the master binds ports below 1024 and reads keys as root
    "postgresql": 9.6,  # Debian's unit: extensions and archive commands may need anything
}
USERS = {
    "odoo": "odoo",
    API: "odoo",
    "pgbouncer": "pgbouncer",
    "postgresql": "postgres",
    "nginx": "www-data",
}
JOURNAL_LINES = 5000


@pytest.mark.parametrize("group", EXPOSURES)
def test_units_are_confined(machines: Machines, group: str, measure: Callable[..., None]) -> None:
    """A service that is taken over finds the host closed as far as its unit can close it."""
    for machine in of_service(machines, group):
        unit = unit_of(machine, group)
        score = exposure(machine.shell.output("systemd-analyze security --no-pager %s 2>&1 || true", unit))
        measure(f"exposure of {unit}", score)
        assert score <= EXPOSURES[group], (
            f"{unit} on {machine.name} has {score}, more than {EXPOSURES[group]}:"
            f" look for what loosens it in systemctl cat {unit}"
        )


@pytest.mark.parametrize("group", USERS)
def test_services_are_not_root(machines: Machines, group: str) -> None:
    """What talks to clients runs as a user of its own, not as root."""
    for machine in of_service(machines, group):
        unit = unit_of(machine, group)
        main = str(main_pid(machine, group))
        lines = machine.shell.output("ps -o user:32=,pid=,args= -p %s --ppid %s", main, main).splitlines()
        wrong = [line for line in lines if line.split()[0] != USERS[group] and "nginx: master" not in line]
        assert lines and wrong == [], f"{machine.name}: {unit} has processes of other users"


def test_command_lines(hosts: list[Machine]) -> None:
    """No secret of the inventory is on a command line, where every user of a host reads it."""
    for host in hosts:
        lines = host.shell.output("ps -ewwo args")
        found = sum(secret in lines for secret in secrets_in(host.variables))
        assert found == 0, f"{host.name}: {found} secrets are on command lines: give them by file"


def test_logs(hosts: list[Machine]) -> None:
    """No secret of the inventory is in what the services logged last."""
    for host in hosts:
        lines = host.shell.output(
            "journalctl --quiet --no-pager --output=cat --lines=%s;"
            " tail --quiet --lines=%s /var/log/nginx/*.log /var/log/postgresql/*.log 2>/dev/null || true",
            str(JOURNAL_LINES),
            str(JOURNAL_LINES),
        )
        found = sum(secret in lines for secret in secrets_in(host.variables))
        assert found == 0, f"{host.name}: {found} secrets are in logs: change them, and what logs them"
