"""Which ports are open, seen from the host and from the controller."""

import re
import socket
from dataclasses import dataclass

from verify.estate.machines import Machine

LOOPBACK = frozenset({"127.0.0.1", "::1"})
CONNECT_SECONDS = 5


@dataclass(frozen=True)
class Listener:
    """A TCP port that a process of a host listens on; 0.0.0.0 and :: stand for all addresses."""

    address: str
    port: int
    process: str

    def __str__(self) -> str:
        return f"{self.address} port {self.port} ({self.process})"


def parse_listeners(text: str) -> list[Listener]:
    """Return what ``ss --listening --tcp --numeric --processes --no-header`` lists."""
    found = []
    for line in text.splitlines():
        _, _, _, local, *rest = line.split()
        address, _, port = local.rpartition(":")
        process = re.search(r'"([^"]+)"', " ".join(rest))
        address = address.partition("%")[0].strip("[]").replace("*", "::")
        found.append(Listener(address, int(port), process.group(1) if process else "unknown"))
    return found


def open_listeners(machine: Machine) -> list[Listener]:
    """Return the TCP ports of a host that are open to more than the host itself."""
    text = machine.shell.output("ss --listening --tcp --numeric --processes --no-header")
    return [one for one in parse_listeners(text) if not is_loopback(one.address)]


def is_loopback(address: str) -> bool:
    """Return whether an address is the host's own (RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3)."""
    return address.startswith("127.") or address == "::1"


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
