"""Walking through lists by their links: every item once, in one order, whatever the size of the pages."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.api.client import Caller
from tests.api.contract import Contract
from tests.api.scene import Scene
from verify.clients.contract import link

pytestmark = pytest.mark.hosts
LIMITS = (1, 7, 100)
MOST = 150  # items of a list that are walked through one by one
RANKED = ("listProducts", "-sales")  # by figures that no column holds, so by offset only


def lists(contract: Contract) -> dict[str, list[str]]:
    """Return the lists with their sorts."""
    found = {}
    for name, operation in contract.operations.items():
        if "x-list" in operation.declared:
            [sort] = [one for one in operation.declared["parameters"] if one["name"] == "sort"]
            found[name] = sort["schema"]["enum"]
    return found


def walked(caller: Caller, operation: str, **query: str | int) -> Iterator[list[int]]:
    """Yield the ids of each page, by the links."""
    path = f"{caller.contract.operations[operation].path}?{urlencode(query)}"
    first = True
    while path:
        answer = caller.client.get(path, headers=caller.headers())
        assert answer.status_code == 200, answer.text
        yield [item["id"] for item in answer.json()["items"]]
        path = link(answer, "next") or ""
        asked = parse_qs(urlsplit(path).query)
        by_offset = "offset" in query or (operation, query["sort"]) == RANKED
        assert not path or ("offset" if by_offset else "after") in asked, path
        assert by_offset or link(answer, "prev") is None, answer.headers["Link"]
        assert first or not by_offset or link(answer, "prev"), "behind an offset there is no way back"
        first = False


def whole(caller: Caller, operation: str, sort: str) -> list[int]:
    """Return the ids of a list, each page asked for by its offset."""
    ids: list[int] = []
    while True:
        page = caller.get(operation, query={"sort": sort, "limit": 100, "offset": len(ids)})["items"]
        ids += [item["id"] for item in page]
        if len(page) < 100:
            return ids


def test_every_list_and_sort(scene: Scene, contract: Contract) -> None:
    caller, found = scene.manager, lists(contract)
    assert len(found) == 8
    for _ in range(3):
        scene.draft()
        scene.paid()
        scene.shift()
    for operation, sorts in found.items():
        for sort in sorts:
            wanted = whole(caller, operation, sort)
            assert wanted, f"{operation} has no items"
            assert len(set(wanted)) == len(wanted), (operation, sort)
            for limit in LIMITS if len(wanted) < MOST else LIMITS[1:]:
                seen = [id for page in walked(caller, operation, sort=sort, limit=limit) for id in page]
                assert seen == wanted, (operation, sort, limit)


def test_items_that_come_in_between(scene: Scene) -> None:
    """Customers who are created during the walk make none of the others come twice or get lost."""
    caller = scene.manager
    for sort in ("name", "id"):
        before, seen = whole(caller, "listCustomers", sort), []
        for number, page in enumerate(walked(caller, "listCustomers", sort=sort, limit=9)):
            seen += page
            if number < 5:
                for name in ("", "M", "~"):
                    caller.get("createCustomer", {"name": scene.name(f"{name} pages")})
        assert len(set(seen)) == len(seen)
        assert [id for id in seen if id in before] == before


def test_offsets_go_on_as_they_did(scene: Scene) -> None:
    caller = scene.manager
    wanted = whole(caller, "listCustomers", "name")
    seen = [id for page in walked(caller, "listCustomers", sort="name", limit=50, offset=1) for id in page]
    assert seen == wanted[1:]
