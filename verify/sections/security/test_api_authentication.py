"""API2:2023 broken authentication: passwords, tokens, and what must not pass for one."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import jwt
import pytest
import requests

from verify.clients import api
from verify.clients.forgery import Forged, forged, misused
from verify.clients.odoo_rpc import OdooSession
from verify.clients.web import Client
from verify.estate.described import Estate
from verify.estate.machines import Machine
from verify.shop.callers import patiently
from verify.shop.people import People

CONCERN = "OWASP API2 broken authentication"

pytestmark = [pytest.mark.writes, pytest.mark.explained_by("odoo", "nginx")]

NOWHERE = "https://tillstack.invalid"  # RFC 2606
# A read, a write and the end of the login, with a body where one is wanted.
OPERATIONS = (
    ("GET", "/auth/me", None),
    ("POST", "/orders", {"lines": []}),
    ("DELETE", "/auth/tokens/current", None),
)
CLAIMS = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti"]


def _answer(client: Client, operation: tuple[str, str, object], headers: dict[str, str]) -> int:
    method, path, body = operation
    options = {"json": body} if body is not None else {}
    headers = {"Idempotency-Key": str(uuid4()), **headers}
    return client.request(method, api.BASE + path, headers=headers, **options).status_code


def _accepted(client: Client, attacks: Iterator[Forged]) -> tuple[int, list[str]]:
    """Return how many tokens were tried, and what was let through with which; logouts come last."""
    tried = list(attacks)
    passed = []
    for operation in OPERATIONS:
        for attack in tried:
            status = _answer(client, operation, {"Authorization": f"Bearer {attack.token}"})
            if status != 401:
                passed.append(f"{attack.name}: {operation[0]} {operation[1]}: {status}")
    return len(tried), passed


def _refresh(client: Client, token: str) -> requests.Response:
    body = {"refresh_token": token}
    return patiently(lambda: client.post(f"{api.BASE}/auth/tokens/refresh", json=body))


def test_wrong_password(client: Client, unknown_login: str) -> None:
    """API2: a wrong password is refused, and the answer does not say what was wrong."""
    body = {"login": unknown_login, "password": "wrong"}
    answer = patiently(lambda: client.post(f"{api.BASE}/auth/tokens", json=body))
    api.checked(client, answer, 401, "Problem")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_token_is_signed_with_a_published_key(client: Client, people: People, estate: Estate) -> None:
    """API2: the access token verifies with the published keys, and says who issued it for whom."""
    keys = jwt.PyJWKSet.from_dict(client.get("/.well-known/jwks.json").json())
    token = people.cashier.tokens["access_token"]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(
        token,
        key,
        algorithms=[key.algorithm_name],
        issuer=estate.variable("pos_api_issuer"),
        audience=estate.variable("pos_api_audience"),
        options={"require": CLAIMS},
    )
    assert claims["exp"] - claims["iat"] == int(estate.variable("pos_api_access_token_lifetime")), (
        "pos_api_access_token_lifetime is not in effect"
    )


def test_tokens_say_nothing_about_rights(people: People) -> None:
    """API2: a token names its user and nothing that the user may do, so that a demotion bites at once."""
    token = people.manager.tokens["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert set(claims) <= {*CLAIMS, "typ", "fam", "db"}, (
        "the token carries more than who, when and which login"
    )


def test_forged_tokens(client: Client, people: People, measure: Callable[..., None]) -> None:
    """API2: no token passes that somebody could make of a good one and of the published keys."""
    good = api.Login(client, people.cashier.another_login())
    jwks = client.get("/.well-known/jwks.json").json()
    count, passed = _accepted(client, forged(good.tokens["access_token"], jwks, NOWHERE))
    measure("forged tokens", count)
    assert not passed, f"forged tokens pass, deploy the addon's released version: {'; '.join(passed)}"
    assert good.request("DELETE", "/auth/tokens/current").status_code == 204, "the good token was refused"


def test_misused_tokens(
    client: Client, people: People, any_odoo: Machine, measure: Callable[..., None]
) -> None:
    """API2: no token of the right key passes that is out of its time or meant for something else."""
    good = api.Login(client, people.cashier.another_login())
    count, passed = _accepted(client, misused(good.tokens["access_token"], any_odoo))
    measure("misused tokens", count)
    assert not passed, f"misused tokens pass, deploy the addon's released version: {'; '.join(passed)}"
    assert good.request("DELETE", "/auth/tokens/current").status_code == 204, "the good token was refused"


def test_tokens_are_taken_from_one_place(client: Client, people: People, odoo: OdooSession) -> None:
    """API2: a token in the address, two tokens, or the cookie of a web session let nobody in."""
    good = people.cashier.tokens["access_token"]
    cookie = odoo.client.cookies.get("session_id")
    assert cookie, "the administrator's web session has no cookie"
    places: dict[str, tuple[dict[str, str], dict[str, str]]] = {
        "in the address": ({"access_token": good}, {}),
        "two in one header": ({}, {"Authorization": f"Bearer {good}, Bearer {good}"}),
        "as a cookie": ({}, {"Cookie": f"access_token={good}"}),
        "a web session's cookie": ({}, {"Cookie": f"session_id={cookie}"}),
        "basic": ({}, {"Authorization": f"Basic {good}"}),
    }
    passed = [
        place
        for place, (params, headers) in places.items()
        if client.get(f"{api.BASE}/auth/me", params=params, headers=headers).status_code not in (401, 422)
    ]
    assert not passed, f"a token was taken from elsewhere: {passed}"


def test_refresh_and_logout(client: Client, people: People) -> None:
    """API2: a login is prolonged by its refresh token, and over at once after logout."""
    tokens = people.cashier.another_login()
    answer = _refresh(client, tokens["refresh_token"])
    renewed = api.Login(client, api.checked(client, answer, 200, "Tokens"))
    assert renewed.tokens["refresh_token"] != tokens["refresh_token"]
    assert renewed.request("GET", "/auth/me").status_code == 200
    assert renewed.request("DELETE", "/auth/tokens/current").status_code == 204
    after = renewed.request("GET", "/auth/me")
    api.checked(client, after, 401, "Problem")
    assert after.headers["WWW-Authenticate"].startswith("Bearer")


def test_stolen_refresh_token(client: Client, people: People) -> None:
    """API2: a refresh token that is used twice ends the whole login, the newer tokens too."""
    stolen = people.cashier.another_login()["refresh_token"]
    answer = _refresh(client, stolen)
    renewed = api.Login(client, api.checked(client, answer, 200, "Tokens"))
    again = _refresh(client, stolen)
    assert again.status_code == 401, "a used refresh token was taken a second time"
    assert renewed.request("GET", "/auth/me").status_code == 401, "the stolen login lives on"
