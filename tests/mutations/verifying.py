"""One run of verify on a broken host, and what its report says."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness import hosts, verifying
from tests.harness.stack import Target
from tests.mutations.case import PRELUDE
from tests.mutations.table import Batch

GOOD = ("passed", "not_run")


@dataclass
class Outcome:
    """What a run of verify said of a batch.

    Args:
        red: reason by check, ids from the section on and without the host.
        passed: how many checks passed.
        folder: where the report is.
    """

    red: dict[str, str]
    passed: int
    folder: Path
    unclaimed: list[str] = field(default_factory=list)


def short_id(check: str, host: str) -> str:
    """Return a check's id from its section on, and without the host that it ran on."""
    name = check.partition("sections/")[2]
    name = re.sub(rf"\[{re.escape(host)}-", "[", name)
    return name.replace(f"-{host}]", "]").replace(f"[{host}]", "")


def matches(name: str, pattern: str) -> bool:
    """Return whether a check's id fits one that is expected, in which ``*`` stands for anything."""
    return fnmatch.fnmatchcase(name.replace("[", "("), pattern.replace("[", "("))


def read(document: dict[str, Any], host: str, folder: Path) -> Outcome:
    """Return the outcome that a report's document tells of."""
    red = {
        short_id(check["id"], host): check["reason"]
        for check in document["checks"]
        if check["verdict"] not in GOOD
    }
    return Outcome(red, document["counts"]["passed"], folder)


def verify(target: Target, sections: str, folder: Path, select: str = "") -> Outcome:
    """Run verify without its browser, all of some sections or what `select` names, and read its report.

    Raises:
        AssertionError: it wrote no report; the message ends with what it said.
    """
    chosen = ("-k", select) if select else ()
    done = verifying.verify(
        target.inventory, folder, "-q", "-m", "not browser", "--section", sections, *chosen
    )
    return read(done.report, target.host, folder)


def tried(target: Target, batch: Batch, folder: Path) -> Outcome:
    """Break a host, run verify, and mend it again, whatever verify said.

    Raises:
        HostsError: something could not be broken, or not be mended; what could be mended is mended.
    """
    try:
        for case in batch.cases:
            target.shell(f"{PRELUDE}\n{case.apply}")
        if batch.restarts:
            target.shell(f"{PRELUDE}\nrestart_odoo")
        outcome = verify(target, batch.sections, folder, batch.cases[0].select)
    finally:
        mend(target, batch)
    expected = [pattern for case in batch.cases for pattern in case.expected]
    outcome.unclaimed = [
        name for name in outcome.red if not any(matches(name, pattern) for pattern in expected)
    ]
    return outcome


def mend(target: Target, batch: Batch) -> None:
    """Undo all of a batch.

    Raises:
        HostsError: some of it could not be undone; the message has every reason.
    """
    failed = []
    for script in (*(case.undo for case in reversed(batch.cases)), "restart_odoo" if batch.restarts else ":"):
        try:
            target.shell(f"{PRELUDE}\n{script}")
        except hosts.HostsError as error:
            failed.append(f"{script}: {error}")
    if failed:
        raise hosts.HostsError("; ".join(failed))
