"""The services' units: what systemd has read, what runs, and what comes back by itself."""

import pytest

from verify.estate.machines import API, Machine, Machines, main_pid, of_service, unit_of
from verify.estate.units import properties

CONCERN = "Units"

pytestmark = pytest.mark.explained_by("postgresql", "pgbouncer", "odoo", "nginx")

GROUPS = ("postgresql", "pgbouncer", "odoo", API, "nginx")
AGAIN = {"always", "on-failure", "on-abnormal", "on-abort"}


@pytest.fixture(params=GROUPS)
def units(request: pytest.FixtureRequest, machines: Machines) -> list[tuple[Machine, str]]:
    """Each host of a group with the unit that does the group's work there."""
    group = str(request.param)
    return [(machine, unit_of(machine, group)) for machine in of_service(machines, group)]


def test_units_are_loaded_as_written(units: list[tuple[Machine, str]]) -> None:
    """Systemd has read the units as they stand in their files."""
    for machine, unit in units:
        found = properties(machine, unit, "NeedDaemonReload", "LoadState")
        assert found == {"NeedDaemonReload": "no", "LoadState": "loaded"}, (
            f"{machine.name}: {unit}: run systemctl daemon-reload, then restart what should use it"
        )


def test_units_come_back(units: list[tuple[Machine, str]]) -> None:
    """The services start with the host, and again after a crash."""
    for machine, unit in units:
        found = properties(machine, unit, "UnitFileState", "Restart")
        assert found["UnitFileState"] in ("enabled", "enabled-runtime"), f"{unit}: systemctl enable {unit}"
        assert found["Restart"] in AGAIN, f"{unit}: Restart={found['Restart']}: run site.yml for its drop-in"


@pytest.mark.parametrize("group", ["postgresql", "pgbouncer", "odoo", API])  # nginx has no limit of its own
def test_file_limits(machines: Machines, group: str) -> None:
    """The running processes may open as many files as their units say."""
    for machine in of_service(machines, group):
        unit = unit_of(machine, group)
        wanted = properties(machine, unit, "LimitNOFILE")["LimitNOFILE"]
        limits = machine.shell.text(f"/proc/{main_pid(machine, group)}/limits")
        soft, hard = limits.partition("Max open files")[2].split()[:2]
        assert wanted == hard, f"{unit}: LimitNOFILE={wanted}, in effect {soft} and {hard}: restart {unit}"
