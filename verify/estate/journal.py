"""The journal lines that explain a failed check."""

from verify.estate.described import UnreachableError
from verify.estate.machines import Machine, unit_of
from verify.estate.shell import CommandError

LINES = 40
EARLIER_LINES = 8
# What Debian's packages write into a file of their own.
LOG_FILES = {
    "postgresql": "/var/log/postgresql/postgresql-{postgresql_version}-{postgresql_cluster}.log",
    "nginx": "/var/log/nginx/*error.log",
}


def excerpt(machine: Machine, group: str, seconds: float) -> str:
    """Return what a unit logged in the last seconds by the host's clock; if nothing, its last lines before.

    Args:
        machine: the host.
        group: the group whose unit is asked.
        seconds: how long ago the check began.
    """
    try:
        return "\n".join([_journal(machine, unit_of(machine, group), seconds), *_log_file(machine, group)])
    except (CommandError, UnreachableError) as error:
        return f"{machine.name}, {group}: journal not read: {error}"


def _journal(machine: Machine, unit: str, seconds: float) -> str:
    command = "journalctl --quiet --no-pager --output=short-iso --unit=%s --lines=%s"
    lines = machine.shell.output(f"{command} --since=%s", unit, str(LINES), f"-{seconds:.3f}s")
    if lines:
        return f"{machine.name}, {unit}, since the check began:\n{lines}"
    earlier = machine.shell.output(command, unit, str(EARLIER_LINES))
    return f"{machine.name}, {unit}, nothing since the check began; before it:\n{earlier or '(nothing)'}"


def _log_file(machine: Machine, group: str) -> list[str]:
    if group not in LOG_FILES:
        return []
    pattern = LOG_FILES[group].format_map(machine.variables)
    lines = machine.shell.output(f"tail --quiet --lines=%s {pattern}", str(EARLIER_LINES))
    return [f"{machine.name}, {pattern}, the last lines:\n{lines}"]
