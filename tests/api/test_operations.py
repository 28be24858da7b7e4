"""Every operation, by every caller: who may, what it does, and every refusal that the document gives it."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from tests.api.calls import CALLS
from tests.api.contract import Operation
from tests.api.scene import USERS, Scene
from tests.api.shop import Shop

pytestmark = pytest.mark.hosts
OPERATIONS = 43


@pytest.fixture(scope="module")
def scene(shop: Shop) -> Scene:
    """The shop with a caller of each kind."""
    shop.forget_failed_logins()
    return Scene(shop)


def call(scene: Scene, name: str, operation: str, **options: Any) -> requests.Response:
    """Call an operation; the web server's limit of logins, which is not what is tried, is waited out."""
    while True:
        answer = scene.callers[name].call(operation, **options)
        if answer.status_code != 429:
            return answer
        time.sleep(int(answer.headers["Retry-After"]))


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
    answer = call(scene, name, operation, **valid.options())
    wanted = wanted_status(scene.shop.contract.operations[operation], name, entry.other)
    assert answer.status_code == wanted, answer.text
    if answer.ok:
        valid.check(answer)
