"""What the API's own server was started with, against its files and the inventory."""

import pytest

from verify.estate.machines import API, Machine, main_pid

CONCERN = "API's server"

pytestmark = pytest.mark.explained_by("odoo")

STARTED_WITH = "/run/odoo-api/started-with"
# Argument of the running server: the variable that it is written from.
TOLD = {
    "--workers": "pos_api_workers",
    "--threads": "pos_api_threads",
    "--interface": "pos_api_interface",
    "--port": "pos_api_port",
}


def test_sizes(api_host: Machine) -> None:
    """Workers, threads, which the pools are made for, and the address are those of the inventory."""
    told = api_host.shell.text(f"/proc/{main_pid(api_host, API)}/cmdline").split("\0")
    different = {
        variable: f"wanted {api_host.variables[variable]}, told {told[told.index(argument) + 1]}"
        for argument, variable in TOLD.items()
        if told[told.index(argument) + 1] != str(api_host.variables[variable])
    }
    assert not different, f"run site.yml: {different}"


def test_started_with_the_present_files(api_host: Machine) -> None:
    """The running server was started with its files as they are now."""
    changed = api_host.shell.output("sha256sum --check --quiet %s 2>&1 || true", STARTED_WITH)
    assert changed == "", f"changed since its start, run systemctl restart {API}: {changed}"
