"""Every module of verify can be imported: one that cannot stops the whole run while it is collected."""

import pkgutil
import subprocess
import sys

import verify
from tests.harness.hosts import ROOT

# Programs: the package itself, what runs on hosts, and Locust's file (Locust is the operator's to install).
PROGRAMS = ("verify.__main__", "verify.measure.programs.", "verify.locustfile")
MODULES = [
    found.name
    for found in pkgutil.walk_packages(verify.__path__, "verify.")
    if not found.name.startswith(PROGRAMS)
]


def test_every_module_can_be_imported() -> None:
    assert sum(name.startswith("verify.sections.") for name in MODULES) > 20
    program = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    done = subprocess.run(
        [sys.executable, "-c", program, *MODULES], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
