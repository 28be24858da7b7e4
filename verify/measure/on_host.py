"""Measures on a host of the estate, so that the way from the controller is no part of the times."""

from pathlib import Path
from typing import Any

from verify.estate.machines import Machine
from verify.estate.programs import run_as_odoo, run_as_root

PROGRAMS = Path(__file__).with_name("programs")


def as_odoo(machine: Machine, program: str, wanted: dict[str, Any]) -> Any:
    """Run a program of `programs` as `run_as_odoo` does.

    Raises:
        CommandError: it failed; the message has its standard error.
    """
    return run_as_odoo(machine, _text(program), wanted)


def as_root(machine: Machine, program: str, wanted: dict[str, Any]) -> Any:
    """Run a program of `programs` as `run_as_root` does.

    Raises:
        CommandError: it failed; the message has its standard error.
    """
    return run_as_root(machine, _text(program), wanted)


def _text(program: str) -> str:
    return (PROGRAMS / f"{program}.py").read_text()
