"""What systemd says about units."""

import re

from verify.estate.machines import Machine

SCORE = re.compile(r"Overall exposure level for \S+: ([\d.]+) ")


def properties(machine: Machine, unit: str, *names: str) -> dict[str, str]:
    """Return properties of a unit as ``systemctl show`` prints them.

    Args:
        machine: the host.
        unit: name of the unit.
        names: such as NeedDaemonReload; one that the unit does not have is missing in the result.

    Raises:
        CommandError: systemctl failed.
    """
    lines = machine.shell.output("systemctl show --property=%s %s", ",".join(names), unit).splitlines()
    return dict(line.split("=", 1) for line in lines)


def exposure(text: str) -> float:
    """Return the score from 0 (closed) to 10 in what ``systemd-analyze security UNIT`` prints.

    Raises:
        ValueError: there is none.
    """
    if match := SCORE.search(text):
        return float(match.group(1))
    raise ValueError(f"systemd-analyze gave no score: {text[-200:]}")
