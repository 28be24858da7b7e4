"""Figures from a busy machine are neither passed nor failed, and verify says what it costs itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.conftest import Deployed
from tests.harness.verifying import Verified, verify

pytestmark = pytest.mark.hosts

QUICK = ("--section", "performance", "-k", "getHealth or getMe or listCategories or test_surroundings")
# What else this machine does is no matter where it is about what verify says of itself.
ALONE = {"verify_load_foreign_cpu": 1, "verify_load_steal": 1}
HOG_SECONDS = 120
HOG = f"import time; end = time.monotonic() + {HOG_SECONDS}\nwhile time.monotonic() < end: pass"


@contextmanager
def busy() -> Iterator[None]:
    """Keep every CPU of this machine busy with what is neither the stack nor verify."""
    hogs = [subprocess.Popen([sys.executable, "-c", HOG]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def soundness(run: Verified) -> dict[str, object]:
    """Return the check that says whether the figures are sound."""
    (check,) = [one for one in run.report["checks"] if "::test_surroundings" in one["id"]]
    return dict(check)


def test_a_busy_machine_makes_the_figures_invalid(deployed: Deployed, results: Path) -> None:
    with busy():
        run = verify(deployed.inventory, results / "busy-report", *QUICK)
    assert run.status == 2, run.output[-4000:]
    assert run.report["verdict"] == "invalid"
    check = soundness(run)
    assert check["verdict"] == "invalid"
    assert "verify_load_foreign_cpu" in str(check["reason"])
    assert "INVALID" in run.output


def test_on_a_quiet_machine_the_figures_hold_and_the_driver_says_what_it_costs(
    deployed: Deployed, results: Path
) -> None:
    inventory = results / "quiet-inventory"
    shutil.copytree(deployed.inventory, inventory)
    (inventory / "group_vars" / "all" / "quiet.yml").write_text(yaml.safe_dump(ALONE))
    run = verify(inventory, results / "quiet-report", *QUICK)
    assert run.status == 0, run.output[-4000:]
    measures = {one["name"]: one for one in soundness(run)["measures"]}  # type: ignore[attr-defined]
    assert measures["driver: time added to each call"]["value"] < 100  # microseconds
    # Its threads take turns: more than one CPU is not theirs to use for long.
    assert 0 < measures["driver: CPUs used"]["value"] < 1.5
