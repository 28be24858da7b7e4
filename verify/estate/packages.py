"""Versions of what is installed, compared as Debian compares them."""

from verify.estate.machines import Machine


def installed(machine: Machine, package: str) -> str | None:
    """Return the version of a Debian package, or None where it is not installed."""
    text = machine.shell.output(
        "dpkg-query --show --showformat='${db:Status-Status} ${Version}\\n' %s 2>/dev/null || true", package
    )
    status, _, version = text.partition(" ")
    return version if status == "installed" else None


def at_least(machine: Machine, version: str, floor: str) -> bool:
    """Return whether a version is not below another one (Debian Policy, section 5.6.12)."""
    return machine.shell.succeeds("dpkg --compare-versions %s ge %s", version, floor)
