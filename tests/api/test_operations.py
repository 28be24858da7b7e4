"""Every operation, by every caller: who may, what it does, and every refusal that the document gives it."""

from __future__ import annotations

import pytest

from tests.api import refusals
from tests.api.calls import CALLS
from tests.api.client import patiently
from tests.api.contract import Operation
from tests.api.scene import USERS, Scene
from tests.api.shop import Shop
from tests.harness.deadline import until

pytestmark = pytest.mark.hosts
OPERATIONS = 43
# Not provoked one by one: nothing is known to cause it; all at once, in test_without_a_database.
ELSEWHERE = (500, 503)


def wanted_status(operation: Operation, name: str, other: int | None) -> int:
    """Return what a caller has to get, by the document and the table."""
    if name == "anonymous" and operation.role != "anon":
        return 401
    if "cashier" in name and operation.role == "manager":
        return 403
    return other if other and name == "other cashier" else operation.success


def test_the_table_has_the_operations_of_the_document(shop: Shop) -> None:
    assert {one.id for one in shop.contract.own()} == CALLS.keys()
    assert len(CALLS) == OPERATIONS


@pytest.mark.parametrize("name", USERS)
@pytest.mark.parametrize("operation", CALLS)
def test_who_may(scene: Scene, operation: str, name: str) -> None:
    entry = CALLS[operation]
    valid = entry.prepare(scene, name)
    answer = patiently(lambda: scene.callers[name].call(operation, **valid.options()))
    wanted = wanted_status(scene.shop.contract.operations[operation], name, entry.other)
    assert answer.status_code == wanted, answer.text
    if answer.ok:
        valid.check(answer)


@pytest.mark.parametrize("operation", CALLS)
def test_every_documented_refusal(scene: Scene, operation: str) -> None:
    declared = scene.shop.contract.operations[operation]
    wanted = {status for status in declared.statuses() if status >= 400} - set(ELSEWHERE)
    wrong = []
    for status in sorted(wanted):
        answers = list(refusals.provoke(scene, declared, status))
        wrong += [
            f"{status}: {answer.status_code} {answer.text[:300]}"
            for answer in answers
            if answer.status_code != status
        ]
        wrong += [] if answers else [f"{status}: nothing provokes it"]
    assert not wrong, "\n".join(wrong)


def test_without_a_database(scene: Scene) -> None:
    callers = {one.id: refusals.right_caller(scene, one) for one in scene.shop.contract.own()}
    headers = {name: callers[name].headers() for name in callers}
    scene.shop.target.shell("systemctl stop pgbouncer")
    try:
        found = {}
        for operation in scene.shop.contract.own():
            answer = refusals.bare(callers[operation.id], operation, headers=headers[operation.id])
            found[operation.id] = answer.status_code
    finally:
        scene.shop.target.shell("systemctl start pgbouncer")
    until(lambda: scene.manager.call("getHealth").status_code == 200, 30, "health after the pooler's return")
    assert set(found.values()) == {503}, found
