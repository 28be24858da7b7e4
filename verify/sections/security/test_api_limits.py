"""API4:2023 unrestricted resource consumption: sizes, pages, and how often one may try."""

import time
from collections.abc import Callable

import pytest
import requests

from verify.clients import api
from verify.clients.web import Client
from verify.estate.described import Estate
from verify.shop.callers import patiently
from verify.shop.people import People

CONCERN = "OWASP API4 resource consumption"

pytestmark = pytest.mark.explained_by("odoo", "nginx")

TOO_MANY = "urn:tillstack:pos-api:too-many-logins"


def _log_in(client: Client, login: str) -> requests.Response:
    """Send a wrong password; where the web server's limit comes first, it is waited out."""
    body = {"login": login, "password": "wrong"}
    while True:
        answer = client.post(f"{api.BASE}/auth/tokens", json=body)
        if answer.status_code != 429 or answer.json()["type"] == TOO_MANY:
            return answer
        time.sleep(int(answer.headers["Retry-After"]))


@pytest.mark.writes
def test_repeated_failures_are_throttled(
    client: Client, estate: Estate, unknown_login: str, measure: Callable[..., None]
) -> None:
    """API4: after some wrong passwords an account has to wait for a stated time, and others do not."""
    limit = int(estate.variable("pos_api_login_failures_per_account"))
    measure("wrong passwords before an account waits", limit)
    answers = [_log_in(client, unknown_login) for _ in range(limit + 1)]
    statuses = [answer.status_code for answer in answers]
    assert statuses == [401] * limit + [429], (
        f"{limit + 1} wrong passwords: {statuses}; see pos_api_login_failures_per_account"
    )
    api.checked(client, answers[-1], 429, "Problem")
    assert int(answers[-1].headers["Retry-After"]) > 0
    other = _log_in(client, f"{unknown_login}-other")
    assert other.status_code == 401, f"another account was answered by {other.status_code}"


def test_large_bodies_without_a_token(client: Client) -> None:
    """API4: a body that is too large for a login is refused."""
    answer = patiently(lambda: client.post(f"{api.BASE}/auth/tokens", data=b" " * 100_000))
    assert answer.status_code == 413, f"100 kB for a login: {answer.status_code}"


@pytest.mark.writes
def test_large_bodies_with_a_token(people: People, estate: Estate) -> None:
    """API4: a body above the limit is refused before it is looked at."""
    size = int(estate.variable("pos_api_max_body")) + 1
    answer = people.cashier.request(
        "POST", "/orders", data=b" " * size, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413, f"{size} bytes: {answer.status_code}; see pos_api_max_body"


@pytest.mark.writes
def test_pages_are_bounded(people: People) -> None:
    """API4: no list gives more than 100 records at once."""
    statuses = {
        path: people.cashier.request("GET", path, params={"limit": 101}).status_code
        for path in ("/products", "/orders", "/customers", "/employees", "/sessions")
    }
    assert set(statuses.values()) == {422}, f"a page of 101: {statuses}"


def test_large_headers(client: Client) -> None:
    """API4: headers without end are refused before they reach Odoo."""
    answer = client.get(f"{api.BASE}/health", headers={"X-Verify": "x" * 40_000})
    assert answer.status_code in (400, 431), f"a header of 40 kB: {answer.status_code}"
