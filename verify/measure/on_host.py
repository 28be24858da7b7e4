"""Measures on a host of the estate, so that the way from the controller is no part of the times."""

import json
from pathlib import Path
from typing import Any

from verify.estate.machines import Machine

PROGRAMS = Path(__file__).with_name("programs")
ODOO_PYTHON = "cd / && runuser -u odoo -- /opt/odoo/bin/odoo-python -c %s %s"
ROOT_PYTHON = "/usr/bin/python3 -c %s %s"


def as_odoo(machine: Machine, program: str, wanted: dict[str, Any] | None = None) -> Any:
    """Run a program of `programs` with Odoo's own Python as the user odoo, and return what it prints.

    Raises:
        CommandError: it failed; the message has its standard error.
    """
    return _run(machine, ODOO_PYTHON, program, wanted)


def as_root(machine: Machine, program: str, wanted: dict[str, Any] | None = None) -> Any:
    """Run a program of `programs` with the host's Python as root, and return what it prints.

    Raises:
        CommandError: it failed; the message has its standard error.
    """
    return _run(machine, ROOT_PYTHON, program, wanted)


def _run(machine: Machine, command: str, program: str, wanted: dict[str, Any] | None) -> Any:
    text = (PROGRAMS / f"{program}.py").read_text()
    return json.loads(machine.shell.output(command, text, json.dumps(wanted or {})))
