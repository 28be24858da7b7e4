"""The POS API from outside: its document, tokens, and a sale."""

from collections.abc import Callable, Iterator

import pytest

from verify.clients import api
from verify.clients.odoo_rpc import OdooSession
from verify.clients.web import Client, Site
from verify.measure.timing import milliseconds
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
