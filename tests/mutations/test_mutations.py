"""Verify notices what is broken: for each fault exactly the checks about it turn red, and say why.

A fault is made on a copy of a deployed host, verify runs as an operator would run it, the fault is undone.
Faults that have nothing to do with each other are made together; what each turns red is different.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import hosts, stack
from tests.mutations.case import Mutation
from tests.mutations.table import Batch, batches
from tests.mutations.verifying import Outcome, matches, tried, verify

pytestmark = pytest.mark.hosts


@pytest.fixture(scope="session")
def outcome_of(
    request: pytest.FixtureRequest, broken: stack.Target, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Mutation], tuple[Batch, Outcome]]:
    """Gives the outcome of the batch that a mutation is in; the batch is tried when it is first asked for."""
    chosen = [item.callspec.params["mutation"] for item in request.session.items if _is_case(item)]  # type: ignore[attr-defined]
    planned = batches(chosen)
    outcomes: dict[Batch, Outcome | Exception] = {}

    def outcome(mutation: Mutation) -> tuple[Batch, Outcome]:
        batch = next(batch for batch in planned if mutation in batch.cases)
        if batch not in outcomes:
            try:
                outcomes[batch] = tried(broken, batch, tmp_path_factory.mktemp("mutation"))
            except (hosts.HostsError, AssertionError) as error:
                outcomes[batch] = error
        found = outcomes[batch]
        if isinstance(found, Exception):
            raise found
        return batch, found

    return outcome


def _is_case(item: pytest.Item) -> bool:
    return "mutation" in getattr(getattr(item, "callspec", None), "params", {})


def test_fault_is_noticed(
    mutation: Mutation, outcome_of: Callable[[Mutation], tuple[Batch, Outcome]]
) -> None:
    batch, outcome = outcome_of(mutation)
    together = ", ".join(case.name for case in batch.cases)
    assert not outcome.unclaimed, f"nothing that was broken ({together}) explains these: " + "; ".join(
        f"{name}: {outcome.red[name][-800:]}" for name in outcome.unclaimed
    )
    for pattern, text in mutation.expected.items():
        found = [name for name in outcome.red if matches(name, pattern)]
        assert found, f"{pattern} did not notice it; red were {sorted(outcome.red)}"
        silent = [name for name in found if text not in outcome.red[name]]
        assert not silent, f"{silent[0]} does not say {text!r}: {outcome.red[silent[0]][-1500:]}"
    assert outcome.passed or mutation.alone, "nothing passed: the host is broken as a whole"


def test_host_is_whole_again(broken: stack.Target, tmp_path: Path) -> None:
    """Everything that was broken was mended: what turned red before is green."""
    outcome = verify(broken, "services,configuration,security", tmp_path)
    assert not outcome.red, outcome.red
    assert outcome.passed > 100, "verify looked at less than it has"
