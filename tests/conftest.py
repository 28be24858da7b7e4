"""Fixtures of all tests: disposable hosts and a deployed stack, each made only when a test asks for it."""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.harness import hosts, playbook, stack
from tests.harness.leaks import ProcessWatch

MARKERS = (
    "hosts: boots disposable hosts, so it needs root and minutes",
    "rotates(group): takes minutes, so of a group's tests, or of a file's without one, one is run a day; all"
    " with --all",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tillstack")
    group.addoption(
        "--keep-hosts", action="store_true", help="leave the hosts running, to look into them afterwards"
    )
    group.addoption(
        "--all", action="store_true", help="run every test, also those that take turns by the day"
    )
    group.addoption(
        "--deployed",
        metavar="RUN:NAME:INVENTORY:BASE",
        help="while writing tests: this deployed host, and the base saved of it, instead of a new one",
    )
    group.addoption(
        "--results",
        type=Path,
        default=hosts.ROOT / "build" / "tests",
        help="folder for inventories and logs, emptied first; sessions at the same time need one each",
    )


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of what takes turns, leave today's."""
    if config.getoption("--all"):
        return
    turns: dict[object, list[pytest.Item]] = {}
    for item in items:
        if marker := item.get_closest_marker("rotates"):
            turns.setdefault(marker.args or item.path, []).append(item)
    today = datetime.date.today().toordinal()
    waiting = [item for found in turns.values() for item in found if item is not found[today % len(found)]]
    if waiting and not any("::" in argument for argument in config.args):
        config.hook.pytest_deselected(items=waiting)
        items[:] = [item for item in items if item not in waiting]


@pytest.fixture(scope="session")
def results(pytestconfig: pytest.Config) -> Path:
    """Folder for inventories and logs of this session, empty at its start."""
    folder: Path = pytestconfig.getoption("--results").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="session")
def run(pytestconfig: pytest.Config) -> Iterator[hosts.Run]:
    """The session's run of hosts. Killed or not, this process is its owner: the next run clears it."""
    if given := pytestconfig.getoption("--deployed"):
        yield hosts.Run(given.split(":")[0])
        return
    keep: bool = pytestconfig.getoption("--keep-hosts")
    run = hosts.Run(f"tests-{os.getpid()}", None if keep else os.getpid())
    hosts.call(run, "deps")
    yield run
    if keep:
        print(f"\nhosts kept: {hosts.SCRIPT} --run {run.id} list | ssh NAME | down")
    else:
        hosts.down(run)


@pytest.fixture
def bare(run: hosts.Run, results: Path, request: pytest.FixtureRequest) -> Iterator[stack.Target]:
    """A Debian 12 host on which nothing was deployed yet, for one test."""
    name = f"bare-{len(list(results.glob('bare-*')))}"
    yield stack.make(run, name, results)
    if not request.config.getoption("--keep-hosts"):
        hosts.call(run, "rm", name)


@dataclass(frozen=True)
class Deployed(stack.Target):
    """A deployed host, and what its first deployment said and showed.

    Args:
        first: How the first run of site.yml ended, at -vvv --diff.
        seen: Command lines that gave a secret away meanwhile.
        samples: How often the process list was looked at.
    """

    first: playbook.Result
    seen: frozenset[str]
    samples: int


@pytest.fixture(scope="session")
def deployed(run: hosts.Run, results: Path, pytestconfig: pytest.Config) -> Deployed:
    """The whole stack on one host, as site.yml makes it: shared by all tests that leave it as it is."""
    if given := pytestconfig.getoption("--deployed"):
        _, name, inventory, _ = given.split(":")
        place = results / name
        shutil.copytree(inventory, place)
        kept = yaml.safe_load((place / "group_vars" / "all" / "secrets.yml").read_text())
        unseen = playbook.Result(0, "", {}, 0.0)
        return Deployed(run, name, place, kept, first=unseen, seen=frozenset(), samples=0)
    target = stack.make(run, "pos", results)
    with ProcessWatch(target.secrets) as watch:
        first = playbook.run(target.inventory, "-vvv", "--diff", log=results / "deploy.log")
    if first.status:
        pytest.fail(
            f"site.yml ended with {first.status}, see {results / 'deploy.log'}:\n{first.output[-6000:]}"
        )
    return Deployed(**vars(target), first=first, seen=frozenset(watch.seen), samples=watch.samples)


@pytest.fixture(scope="session")
def saved(deployed: Deployed, pytestconfig: pytest.Config) -> str:
    """The base that copies of the deployed host are laid over, as it was when the first one was asked for."""
    if given := pytestconfig.getoption("--deployed"):
        return str(given.split(":")[3])
    return stack.save(deployed)


@pytest.fixture
def clone_of(
    deployed: Deployed, saved: str, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], stack.Target]]:
    """Makes copies of the deployed host that a test may break: `clone_of("name")`."""
    made: list[str] = []

    def make(name: str) -> stack.Target:
        made.append(name)
        return stack.clone(deployed, saved, name)

    yield make
    if not request.config.getoption("--keep-hosts"):
        hosts.call(deployed.run, "rm", *made)
