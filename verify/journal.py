"""The journal lines that explain a failed check."""

from verify.estate import UnreachableError
from verify.host import CommandError
from verify.machines import Machine, unit_of

LINES = 40
EARLIER_LINES = 8


def excerpt(machine: Machine, group: str, seconds: float) -> str:
    """Return what a unit logged in the last seconds by the host's clock; if nothing, its last lines before.

    Args:
        machine: the host.
        group: the group whose unit is asked.
        seconds: how long ago the check began.
    """
    unit = unit_of(machine, group)
    since = f"-{seconds:.3f}s"
    command = "journalctl --unit=%s --no-pager --output=short-iso --lines=%s"
    try:
        lines = machine.shell.output(f"{command} --quiet --since=%s", unit, str(LINES), since)
        if lines:
            return f"{machine.name}, {unit}, since the check began:\n{lines}"
        earlier = machine.shell.output(f"{command} --quiet", unit, str(EARLIER_LINES))
    except (CommandError, UnreachableError) as error:
        return f"{machine.name}, {unit}: journal not read: {error}"
    return f"{machine.name}, {unit}, nothing since the check began; before it:\n{earlier or '(nothing)'}"
