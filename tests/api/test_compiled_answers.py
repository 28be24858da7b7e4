"""A read that was compiled answers with the same bytes and the same headers as one that was not."""

from __future__ import annotations

import pytest
import requests

from tests.api.client import Caller
from tests.api.shop import Shop

pytestmark = pytest.mark.hosts

LISTS = ("listProducts", "listCategories", "listCustomers", "listOrders", "listSessions", "listEmployees")
RECORDS = {"listProducts": "getProduct", "listCustomers": "getCustomer", "listOrders": "getOrder"}
# no origin is allowed on this estate, and what a browser's page asks for is not read from what is compiled
UNCOMPILED = {"Origin": "https://elsewhere.example"}


def told(answer: requests.Response) -> tuple[int, bytes, dict[str, str]]:
    """Return what an answer says, without the time."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    headers.pop("date")
    return answer.status_code, answer.content, headers


def assert_same(caller: Caller, path: str) -> requests.Response:
    """Compare the answers of a path, from all workers; return one."""
    ordinary = told(caller.client.get(path, headers={**caller.headers(), **UNCOMPILED}))
    for _ in range(12):
        answer = caller.client.get(path, headers=caller.headers())
        assert told(answer) == ordinary
    return answer


@pytest.mark.parametrize("role", ["cashier", "manager"])
def test_same_bytes_and_headers(shop: Shop, role: str) -> None:
    caller = shop.caller({"cashier": "dora", "manager": "mona"}[role])
    operations = caller.contract.operations
    for name in LISTS:
        listed = assert_same(caller, f"{operations[name].path}?limit=3").json()["items"]
        if name in RECORDS and listed:
            path = operations[RECORDS[name]].path.replace("{id}", str(listed[0]["id"]))
            tag = assert_same(caller, path).headers["ETag"]
            known = {**caller.headers(), "If-None-Match": tag}
            ordinary = told(caller.client.get(path, headers={**known, **UNCOMPILED}))
            assert ordinary[0] == 304
            assert told(caller.client.get(path, headers=known)) == ordinary
