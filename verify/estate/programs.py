"""Runs small Python programs on a host of the estate."""

import json
from typing import Any

from verify.estate.machines import Machine

ODOO_PYTHON = "cd / && runuser -u odoo -- /opt/odoo/bin/odoo-python -c %s %s"
ROOT_PYTHON = "/usr/bin/python3 -c %s %s"


def run_as_odoo(machine: Machine, program: str, argument: Any = None) -> Any:
    """Run a program with Odoo's own Python as the user odoo, and return the JSON that it prints.

    Args:
        machine: a host of the group odoo.
        program: its text.
        argument: given as JSON in ``sys.argv[1]``; everybody on the host may see it, so no secret.

    Raises:
        CommandError: it failed; the message has its standard error.
    """
    return json.loads(machine.shell.output(ODOO_PYTHON, program, json.dumps(argument)))


def run_as_root(machine: Machine, program: str, argument: Any = None) -> Any:
    """Run a program with the host's Python as root; the rest as `run_as_odoo`."""
    return json.loads(machine.shell.output(ROOT_PYTHON, program, json.dumps(argument)))
