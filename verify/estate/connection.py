"""One SSH connection per host, shared by commands and by tunnels to ports on the host's loopback."""

import shlex
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from verify.estate.described import Host, UnreachableError

IDLE_SECONDS = 600
CONNECT_SECONDS = 15


@dataclass(frozen=True)
class Connection:
    """A way to a host.

    Attributes:
        host: the host as described.
        folder: private folder with the control socket.
        arguments: options of ssh that reach the host; empty for Ansible's ``local`` connection.
        tunnels: the controller's ports that lead to ports of the host.
    """

    host: Host
    folder: Path
    arguments: tuple[str, ...]
    tunnels: dict[str, int] = field(default_factory=dict)

    @property
    def local(self) -> bool:
        """Whether the host is the controller itself."""
        return not self.arguments


def ssh_arguments(host: Host) -> tuple[str, ...]:
    """Return the options of ssh that Ansible's connection variables of a host ask for."""
    connection = host.connection
    arguments = ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_SECONDS}"]
    if connection["ansible_user"]:
        arguments += ["-o", f"User={connection['ansible_user']}"]
    if connection["ansible_port"]:
        arguments += ["-o", f"Port={connection['ansible_port']}"]
    if connection["ansible_ssh_private_key_file"]:
        key = Path(str(connection["ansible_ssh_private_key_file"])).expanduser()
        arguments += ["-o", f"IdentityFile={key}"]
    for name in ("ansible_ssh_common_args", "ansible_ssh_extra_args"):
        arguments += shlex.split(str(connection[name] or ""))
    return tuple(arguments)


def open_connection(host: Host) -> Connection:
    """Connect to a host and stay connected.

    Raises:
        UnreachableError: ssh failed; the message has its reason.
    """
    folder = Path(tempfile.mkdtemp(prefix="tillstack-"))
    if host.connection["ansible_connection"] == "local":
        return Connection(host, folder, ())
    control = ("-o", f"ControlPath={folder / 'control'}", "-o", f"ControlPersist={IDLE_SECONDS}")
    arguments = (*control, *ssh_arguments(host))
    done = subprocess.run(
        ["ssh", "-o", "ControlMaster=yes", *arguments, host.address, "true"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(folder / "log").open("w"),
        check=False,
    )
    if done.returncode != 0:
        reason = (folder / "log").read_text().strip()
        shutil.rmtree(folder)
        raise UnreachableError(f"host {host.name}: ssh to {host.address} failed: {reason}")
    return Connection(host, folder, arguments)


def close_connection(connection: Connection) -> None:
    """End the connection with its tunnels, and remove its folder."""
    if not connection.local:
        _control(connection, "-O", "exit")
    shutil.rmtree(connection.folder)


def tunnel(connection: Connection, address: str, port: int) -> tuple[str, int]:
    """Return an address and a TCP port of the controller that lead to a port as seen from the host.

    Args:
        connection: the host's connection.
        address: address on the host, such as 127.0.0.1.
        port: TCP port on the host.

    Raises:
        UnreachableError: the tunnel could not be made.
    """
    if connection.local:
        return address, port
    target = f"{address}:{port}"
    if target not in connection.tunnels:
        with socket.create_server(("127.0.0.1", 0)) as free:
            local: int = free.getsockname()[1]
        done = _control(connection, "-O", "forward", "-L", f"127.0.0.1:{local}:{target}")
        if done.returncode != 0:
            raise UnreachableError(
                f"host {connection.host.name}: no tunnel to {target}: {done.stderr.strip()}"
            )
        connection.tunnels[target] = local
    return "127.0.0.1", connection.tunnels[target]


def _control(connection: Connection, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["ssh", *connection.arguments, *arguments, connection.host.address]
    return subprocess.run(command, capture_output=True, text=True, check=False)
