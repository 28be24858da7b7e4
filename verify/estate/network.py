"""Which ports are open, seen from the host and from the controller."""

import re
import socket

from verify.estate.machines import Machine

LOOPBACK = frozenset({"127.0.0.1", "::1"})
CONNECT_SECONDS = 5


def listening(machine: Machine, port: int) -> set[str]:
    """Return the addresses on which a TCP port of a host is open; 0.0.0.0 and :: stand for all."""
    lines = machine.shell.output("ss --listening --tcp --numeric --no-header").splitlines()
    found = (re.fullmatch(r"(.*):(\d+)", line.split()[3]) for line in lines)
    return {
        match.group(1).strip("[]").replace("*", "::")
        for match in found
        if match and int(match.group(2)) == port
    }


def reachable(machine: Machine, port: int) -> bool:
    """Return whether the controller can connect to a TCP port of a host."""
    try:
        with socket.create_connection((machine.address, port), CONNECT_SECONDS):
            return True
    except (ConnectionRefusedError, TimeoutError, OSError):
        return False
