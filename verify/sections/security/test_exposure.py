"""Which TCP ports are open to others, seen from the hosts and from the controller."""

from collections.abc import Callable

import pytest

from verify.estate.machines import Machine
from verify.estate.network import LOOPBACK, is_loopback, open_listeners, reachable

CONCERN = "Open ports"

pytestmark = pytest.mark.explained_by("postgresql", "pgbouncer", "odoo", "nginx")

SSH = {"sshd", "ssh", "systemd"}  # systemd holds the port where ssh.socket is used


def _asked_for(host: Machine) -> dict[int, str]:
    """Return the ports that a host's variables open to others, each with the variable that does."""
    variables = host.variables
    found = {int(port): "verify_open_ports" for port in variables.get("verify_open_ports") or []}
    for name in ("nginx_http_port", "nginx_https_port"):
        if name in variables:
            found[int(variables[name])] = name
    addresses = {
        "postgresql_port": variables.get("postgresql_listen_addresses"),
        "pgbouncer_listen_port": str(variables.get("pgbouncer_listen_address", "localhost")).split(","),
        "odoo_http_port": [variables.get("odoo_http_interface", "localhost")],
        "odoo_longpolling_port": [variables.get("odoo_http_interface", "localhost")],
        "pos_api_port": [variables.get("pos_api_interface", "localhost")],
    }
    for name, told in addresses.items():
        if name in variables and not set(told or ()) <= {"localhost", "", *LOOPBACK}:
            found[int(variables[name])] = name
    return found


def test_what_listens(hosts: list[Machine], measure: Callable[..., None]) -> None:
    """No host has a port open to others that neither SSH nor a variable of the inventory asks for."""
    unexpected = []
    for host in hosts:
        asked = _asked_for(host)
        found = open_listeners(host)
        measure(f"ports of {host.name}", ", ".join(sorted({str(one.port) for one in found}, key=int)))
        unexpected += [
            f"{host.name}: {one}" for one in found if one.process not in SSH and one.port not in asked
        ]
    assert not unexpected, f"stop these, or bind them to 127.0.0.1: {unexpected}"


def test_what_can_be_reached(hosts: list[Machine]) -> None:
    """The controller reaches no port of the databases or of Odoo that no variable opens."""
    inner = (
        "postgresql_port",
        "pgbouncer_listen_port",
        "odoo_http_port",
        "odoo_longpolling_port",
        "pos_api_port",
    )
    open_ports = []
    for host in hosts:
        if host.connection.local or is_loopback(host.address):
            continue
        asked = _asked_for(host)
        for name in inner:
            port = int(host.variables.get(name) or 0)
            if port and port not in asked and reachable(host, port):
                open_ports.append(f"{host.name}: {name} {port}")
    assert not open_ports, f"these are for the host itself, see what their addresses are told: {open_ports}"
