"""A port that waits for a call that must not come."""

import select
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from verify.estate.connection import Connection
from verify.estate.described import UnreachableError


@dataclass(frozen=True)
class Trap:
    """A TCP port on a host's loopback that leads to the controller.

    Attributes:
        port: as the host sees it.
    """

    port: int
    _server: socket.socket

    def callers(self) -> int:
        """Return how many have called since the last look."""
        count = 0
        while select.select([self._server], [], [], 0)[0]:
            self._server.accept()[0].close()
            count += 1
        return count


@contextmanager
def trap(connection: Connection) -> Iterator[Trap]:
    """Open a trap on a host.

    Raises:
        UnreachableError: ssh gave no port.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        local: int = server.getsockname()[1]
        if connection.local:
            yield Trap(local, server)
            return
        command = ["ssh", *connection.arguments, "-O"]
        place = f"127.0.0.1:0:127.0.0.1:{local}"
        target = connection.host.address
        done = subprocess.run(
            [*command, "forward", "-R", place, target], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise UnreachableError(
                f"host {connection.host.name}: no port for a trap: {done.stderr.strip()};"
                " sshd needs AllowTcpForwarding"
            )
        port = int(done.stdout.split()[0])
        yield Trap(port, server)
        subprocess.run(
            [*command, "cancel", "-R", f"127.0.0.1:{port}:127.0.0.1:{local}", target],
            capture_output=True,
            check=False,
        )
