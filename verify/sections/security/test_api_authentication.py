"""The POS API from outside: its document, tokens, and a sale."""

from collections.abc import Iterator
from uuid import uuid4

import jwt
import pytest

from verify.clients import api
from verify.clients.odoo_rpc import OdooSession
from verify.clients.web import Client, Site
from verify.estate.described import Estate
from verify.shop.till import Till, close_session, open_session

CONCERN = "API"


pytestmark = pytest.mark.explained_by("odoo", "nginx")


@pytest.fixture(scope="module")
def login(site: Site, administrator: tuple[str, str]) -> Iterator[api.Login]:
    """A login of the administrator, ended afterwards."""
    with Client(site) as client:
        login = api.log_in(client, *administrator)
        yield login
        login.request("DELETE", "/auth/tokens/current")


@pytest.fixture
def session(odoo: OdooSession, till: Till) -> Iterator[int]:
    """A fresh session of verify's till, opened and closed by Odoo's own methods."""
    session = open_session(odoo, till)
    yield session
    assert close_session(odoo, till, session) == "closed"


def test_wrong_password(client: Client) -> None:
    """A wrong password is refused, and the answer does not say what was wrong."""
    body = {"login": f"verify-{uuid4()}", "password": "wrong"}
    answer = client.post(f"{api.BASE}/auth/tokens", json=body)
    api.checked(client, answer, 401, "Problem")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_token_is_signed_with_a_published_key(client: Client, login: api.Login, estate: Estate) -> None:
    """The access token verifies with the published keys, and says who issued it for whom."""
    keys = jwt.PyJWKSet.from_dict(client.get("/.well-known/jwks.json").json())
    token = login.tokens["access_token"]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(
        token,
        key,
        algorithms=[key.algorithm_name],
        issuer=estate.variable("pos_api_issuer"),
        audience=estate.variable("pos_api_audience"),
        options={"require": ["iss", "aud", "sub", "iat", "nbf", "exp", "jti"]},
    )
    assert claims["exp"] - claims["iat"] == int(estate.variable("pos_api_access_token_lifetime"))


def test_refresh_and_logout(client: Client, administrator: tuple[str, str]) -> None:
    """A login is prolonged by its refresh token, and over at once after logout."""
    login = api.log_in(client, *administrator)
    answer = client.post(
        f"{api.BASE}/auth/tokens/refresh", json={"refresh_token": login.tokens["refresh_token"]}
    )
    renewed = api.Login(client, api.checked(client, answer, 200, "Tokens"))
    assert renewed.tokens["refresh_token"] != login.tokens["refresh_token"]
    assert renewed.request("GET", "/auth/me").status_code == 200
    assert renewed.request("DELETE", "/auth/tokens/current").status_code == 204
    after = renewed.request("GET", "/auth/me")
    api.checked(client, after, 401, "Problem")
    assert after.headers["WWW-Authenticate"].startswith("Bearer")
