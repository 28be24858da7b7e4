"""Commands and files on a host. The only module that knows Testinfra."""

import shlex
from dataclasses import dataclass

import testinfra  # type: ignore[import-untyped]
from testinfra.host import Host as TestinfraHost  # type: ignore[import-untyped]

from verify.estate.connection import Connection


class CommandError(Exception):
    """A command on a host failed."""


@dataclass(frozen=True)
class FileFacts:
    """Owner and mode of a file; ``mode`` in octal, such as 0o640."""

    user: str
    group: str
    mode: int


@dataclass(frozen=True)
class Shell:
    """A root shell on a host."""

    name: str
    _host: TestinfraHost

    def succeeds(self, command: str, *arguments: str) -> bool:
        """Return whether a command ends with status 0; ``%s`` in it stands for an argument, quoted."""
        return bool(self._host.run(command, *arguments).rc == 0)

    def output(self, command: str, *arguments: str) -> str:
        """Return what a command printed, without the last newline.

        Raises:
            CommandError: it ended with another status than 0.
        """
        result = self._host.run(command, *arguments)
        if result.rc != 0:
            raise CommandError(f"{self.name}: {command}: status {result.rc}: {result.stderr.strip()}")
        return str(result.stdout).rstrip("\n")

    def file(self, path: str) -> FileFacts | None:
        """Return a file's owner and mode, following links; None where there is no file."""
        found = self._host.file(path)
        if not found.exists:
            return None
        user, group, mode = self.output("stat -L -c '%%U %%G %%a' %s", path).split()
        return FileFacts(user, group, int(mode, 8))

    def text(self, path: str) -> str:
        """Return a file's content."""
        return self.output("cat %s", path)


def open_shell(connection: Connection) -> Shell:
    """Return a root shell that uses a host's open connection."""
    if connection.local:
        return Shell(connection.host.name, testinfra.get_host("local://", sudo=True))
    host = testinfra.get_host(
        f"ssh://{connection.host.address}",
        ssh_extra_args=shlex.join(connection.arguments),
        sudo=True,
        controlpersist=0,
    )
    return Shell(connection.host.name, host)
