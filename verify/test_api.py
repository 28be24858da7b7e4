"""The POS API from outside: its document, tokens, and a sale."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import jwt
import pytest

from verify import api
from verify.database import connect, value
from verify.estate import Estate
from verify.odoo_rpc import OdooSession
from verify.till import PRICE, Till, close_session, open_session
from verify.timing import milliseconds
from verify.web import Client, Site

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


def test_health(client: Client, measure: Callable[..., None]) -> None:
    """The health endpoint reaches the database and finds the needed modules installed."""
    body = api.checked(client, client.get(f"{api.BASE}/health"), 200, "Health")
    measure("database round trip inside Odoo", body["database"]["round_trip_ms"], "ms")
    measure("health, median", milliseconds(lambda: client.get(f"{api.BASE}/health")), "ms")


def test_document_is_the_deployed_one(client: Client) -> None:
    """The served OpenAPI document describes exactly the routes of this version."""
    assert api.routes(api.document(client)) == api.written_routes()


def test_every_route_answers(client: Client, measure: Callable[..., None]) -> None:
    """Every route of the document is there, and tells a client without a token what it wants."""
    routes = sorted(api.routes(api.document(client)))
    wrong = []
    for method, path in routes:
        answer = client.request(method, path.replace("{name}", "init.js").replace("{id}", "1"))
        if answer.status_code in (404, 405) or answer.status_code >= 500:
            wrong.append(f"{method} {path}: {answer.status_code}")
    measure("routes", len(routes))
    assert wrong == []


def test_unknown_route_and_method(client: Client) -> None:
    """What is not in the document is refused with problem+json."""
    missing = client.get(f"{api.BASE}/tillstack-nothing")
    wrong = client.put(f"{api.BASE}/health", json={})
    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert wrong.headers["Allow"]
    for answer in (missing, wrong):
        assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_what_the_web_server_refuses(client: Client) -> None:
    """A body that is too large for a login is refused in the API's own form, before it reaches Odoo."""
    answer = client.post(f"{api.BASE}/auth/tokens", data=b" " * 100_000)
    api.checked(client, answer, 413, "Problem")
    assert answer.headers["Content-Type"] == "application/problem+json"


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


def test_me(login: api.Login, administrator: tuple[str, str]) -> None:
    """The API knows who the token belongs to."""
    body = api.checked(login.client, login.request("GET", "/auth/me"), 200, "Me")
    assert body["login"] == administrator[0]


def test_products(login: api.Login, till: Till, measure: Callable[..., None]) -> None:
    """Products are listed and read one by one."""
    page = api.checked(
        login.client, login.request("GET", "/products", params={"ids": till.product_id}), 200, "ProductPage"
    )
    assert [product["id"] for product in page["items"]] == [till.product_id]
    product = api.checked(
        login.client, login.request("GET", f"/products/{till.product_id}"), 200, "ProductDetail"
    )
    assert product["price"] == page["items"][0]["price"]
    measure("product list, median", milliseconds(lambda: login.request("GET", "/products")), "ms")


@pytest.mark.changes_data
def test_sale(
    login: api.Login,
    till: Till,
    session: int,
    pooled: dict[str, Any],
    database: str,
    measure: Callable[..., None],
) -> None:
    """An order with a payment is paid, in the database too, and a repeated request makes no second one."""
    body = {
        "session_id": session,
        "lines": [{"product_id": till.product_id, "quantity": 1}],
        "payments": [{"payment_method_id": till.method_id, "amount": PRICE}],
    }
    key = {"Idempotency-Key": str(uuid4())}
    answer = login.request("POST", "/orders", json=body, headers=key)
    order = api.checked(login.client, answer, 201, "Order")
    measure("sale", round(answer.elapsed.total_seconds() * 1000), "ms")
    assert (order["state"], order["total"], order["due"]) == ("paid", PRICE, 0)
    again = login.request("POST", "/orders", json=body, headers=key)
    assert again.json()["id"] == order["id"]
    with closing(connect(pooled, database)) as sql:
        assert value(sql, "SELECT state FROM pos_order WHERE id = %s", order["id"]) == "paid"
        assert value(sql, "SELECT count(*) FROM pos_order WHERE session_id = %s", session) == 1


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
