"""The table of mutations: what it covers, how a run's choice rotates, and how reports are read."""

import fnmatch
import re
import shlex
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests.harness.hosts import ROOT
from tests.mutations.case import Mutation
from tests.mutations.table import CASES, MOST_TOGETHER, batches, choose
from tests.mutations.verifying import matches, read, short_id


def _checks() -> set[str]:
    """Return file and function of every check, from the section on."""
    found = set()
    for path in (ROOT / "verify/sections").glob("*/test_*.py"):
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE):
            found.add(f"{path.parent.name}/{path.name}::{name}")
    return found


def _case(
    name: str, subject: str, *expected: str, section: str = "security", alone: bool = False
) -> Mutation:
    return Mutation(name, subject, section, dict.fromkeys(expected, ""), "", "", alone=alone)


def test_names_are_unique_and_there_are_many() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 34
    assert all(name.startswith("mutation-") for name in names)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_must_fail_exists(case: Mutation) -> None:
    checks = _checks()
    for pattern in case.expected:
        bare = pattern.partition("[")[0]
        assert fnmatch.filter(checks, bare), f"no check is called {bare}"
        assert pattern.startswith((f"{case.section}/", "services/")), "its section is not run"
    assert len(case.expected) == 1 or case.why, "say why more than one check must fail"


@pytest.mark.parametrize(
    "case", [case for case in CASES if "change $ADDON/" in case.apply], ids=lambda case: case.name
)
def test_what_changes_the_addon_s_code_finds_what_it_changes(case: Mutation) -> None:
    for script in re.findall(r"change \$ADDON/\S+ '[^']*(?:'\"'\"'[^']*)*'", case.apply):
        _, path, pattern = shlex.split(script)
        file = ROOT / "roles/pos_api/files/pos_api" / path.removeprefix("$ADDON/")
        for part in re.split(r"; (?=s/)", pattern):
            changed = subprocess.run(
                ["sed", "-E", part, file], capture_output=True, text=True, check=True
            ).stdout
            assert changed != file.read_text(), f"{path}: unchanged by {part}"


def test_every_turn_covers_different_subjects_and_all_cases_come() -> None:
    seen: set[str] = set()
    for turn in range(200):
        chosen = choose(CASES, 8, turn)
        assert len(chosen) == 8
        assert len({case.subject for case in chosen}) >= 7
        seen |= {case.name for case in chosen}
    assert seen == {case.name for case in CASES}
    assert choose(CASES, 8, 5) == choose(CASES, 8, 5) != choose(CASES, 8, 6)


def test_batches_keep_apart_what_is_about_the_same() -> None:
    found = batches(CASES)
    assert sorted(case.name for batch in found for case in batch.cases) == sorted(case.name for case in CASES)
    for batch in found:
        assert len(batch.cases) <= MOST_TOGETHER
        assert len({case.section for case in batch.cases}) == 1
        expected = [check for case in batch.cases for check in case.expected]
        assert len(set(expected)) == len(expected)
        clashes = [case.clash for case in batch.cases if case.clash]
        assert len(set(clashes)) == len(clashes)
        assert len(batch.cases) == 1 or not any(case.alone for case in batch.cases)


def test_what_is_alone_stays_alone() -> None:
    cases = [
        _case("a", "x", "1"),
        _case("b", "x", "2", alone=True),
        _case("c", "x", "3"),
        _case("d", "y", "1"),
    ]
    assert [[case.name for case in batch.cases] for batch in batches(cases)] == [["a", "c"], ["b"], ["d"]]


def test_neighbours_of_a_turn_differ() -> None:
    chosen = choose(CASES, 8, 3)
    assert all(one.subject != other.subject for one, other in pairwise(chosen))


@pytest.mark.parametrize(
    ("check", "short"),
    [
        ("verify/sections/a/test_b.py::test_c[pos]", "a/test_b.py::test_c"),
        ("verify/sections/a/test_b.py::test_c[pos-TLSv1-False]", "a/test_b.py::test_c[TLSv1-False]"),
        ("verify/sections/a/test_b.py::test_c[x y-pos]", "a/test_b.py::test_c[x y]"),
        ("verify/sections/a/test_b.py::test_c[filestore]", "a/test_b.py::test_c[filestore]"),
        ("verify/sections/a/test_b.py::test_c", "a/test_b.py::test_c"),
    ],
)
def test_ids_without_their_host(check: str, short: str) -> None:
    assert short_id(check, "pos") == short


def test_patterns_take_brackets_as_they_are() -> None:
    assert matches("a::b[TLSv1-False]", "a::b[TLSv1-False]")
    assert not matches("a::bT", "a::b[TLSv1-False]")
    assert matches("services/x::y", "services/*")


def test_red_is_all_that_did_not_hold() -> None:
    verdicts = ("passed", "failed", "error", "invalid", "not_run")
    checks = [{"id": f"sections/{name}", "verdict": name, "reason": name} for name in verdicts]
    outcome = read({"checks": checks, "counts": {"passed": 1}}, "pos", Path())
    assert (outcome.red, outcome.passed) == ({name: name for name in ("failed", "error", "invalid")}, 1)
