"""How the API refuses what it does not take; nothing of it writes."""

import json
import re

import pytest

from verify.clients.api import BASE, Login
from verify.clients.contract import Contract
from verify.clients.web import Client
from verify.estate.described import Estate
from verify.shop.calls import declared
from verify.shop.operations import OPERATIONS

CONCERN = "API"
NOBODY = 2147483647  # an id that no record has
PATHS = sorted({one.path for one in OPERATIONS.values()})
# Operations with a body and a token; those without a token are limited by address.
TAKING = [
    name
    for name, one in OPERATIONS.items()
    if one.role != "anonymous" and "requestBody" in declared()[name][2]
]
SINGLE = [name for name, one in OPERATIONS.items() if one.method == "GET" and "{id}" in one.path]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

pytestmark = pytest.mark.explained_by("odoo", "nginx")


def path_of(name: str) -> str:
    """Return an operation's path below `BASE`, about a record that does not exist."""
    return OPERATIONS[name].path.removeprefix(BASE).replace("{id}", str(NOBODY))


def test_unknown_route(client: Client, contract: Contract) -> None:
    """A path that is not in the document is refused with problem+json."""
    contract.check_problem(client.get(f"{BASE}/tillstack-nothing"), 404)


@pytest.mark.parametrize("name", SINGLE)
def test_unknown_record(name: str, reader: Login, contract: Contract) -> None:
    """A record that does not exist is not found."""
    answer = reader.request("GET", path_of(name))
    contract.check_problem(answer, 404)
    contract.check(name, answer)


def test_methods(client: Client, contract: Contract) -> None:
    """A method that a path does not have is refused, and Allow names those that it has."""
    wrong = []
    for path in PATHS:
        offered = {one.method for one in OPERATIONS.values() if one.path == path}
        method = next(method for method in METHODS if method not in offered)
        answer = client.request(method, path.replace("{id}", str(NOBODY)), json={})
        contract.check_problem(answer, 405)
        allowed = set(re.split(r"\s*,\s*", answer.headers.get("Allow", ""))) - {"HEAD", "OPTIONS"}
        if allowed != offered:
            wrong.append(f"{path}: Allow names {sorted(allowed)}, the document {sorted(offered)}")
    assert wrong == []


def test_media_type(reader: Login, contract: Contract) -> None:
    """A body that is not said to be JSON is refused."""
    for name in TAKING:
        headers = {"Content-Type": "text/plain", "If-Match": '"stale"'}
        answer = reader.request(OPERATIONS[name].method, path_of(name), data=b"{}", headers=headers)
        contract.check_problem(answer, 415)
        contract.check(name, answer)


def test_unreadable_body(reader: Login, contract: Contract) -> None:
    """A body that is no JSON is refused."""
    headers = {"Content-Type": "application/json"}
    answer = reader.request("POST", "/orders", data=b'{"lines": [', headers=headers)
    contract.check_problem(answer, 400)
    contract.check("createOrder", answer)


def test_fields(reader: Login, contract: Contract) -> None:
    """Each field that is wrong, unknown or missing is named."""
    body = {"lines": [{"product_id": 0, "quantity": -1}], "unknown": 1}
    answer = reader.request("POST", "/orders", json=body)
    contract.check_problem(answer, 422)
    contract.check("createOrder", answer)
    found = {error.get("pointer", "") for error in answer.json()["errors"]}
    assert {"/lines/0/product_id", "/lines/0/quantity", "/unknown"} <= found, answer.text


def test_parameters(reader: Login, contract: Contract) -> None:
    """A query parameter that is unknown or out of range is named."""
    for query, name in (({"nonsense": 1}, "nonsense"), ({"limit": 101}, "limit"), ({"offset": -1}, "offset")):
        answer = reader.request("GET", "/products", params=query)
        contract.check_problem(answer, 422)
        contract.check("listProducts", answer)
        assert [error.get("query") for error in answer.json()["errors"]] == [name], answer.text


def test_other_media(reader: Login, contract: Contract) -> None:
    """A client that takes no JSON is told so."""
    answer = reader.request("GET", "/products", headers={"Accept": "text/html"})
    contract.check_problem(answer, 406)
    contract.check("listProducts", answer)


def test_size(reader: Login, client: Client, contract: Contract, estate: Estate) -> None:
    """A body over the limit is refused, one for a login before it reaches Odoo."""
    large = json.dumps({"note": "x" * int(estate.variable("pos_api_max_body"))}).encode()
    headers = {"Content-Type": "application/json"}
    answer = reader.request("POST", "/orders", data=large, headers=headers)
    contract.check_problem(answer, 413)
    contract.check("createOrder", answer)
    contract.check_problem(client.post(f"{BASE}/auth/tokens", data=b" " * 100_000), 413)
