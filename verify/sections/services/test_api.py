"""The POS API from outside: its document, tokens, and a sale."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest

from verify.clients import api
from verify.clients.database import connect, value
from verify.clients.odoo_rpc import OdooSession
from verify.clients.web import Client, Site
from verify.measure.timing import milliseconds
from verify.shop.till import PRICE, Till, close_session, open_session

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


@pytest.mark.writes
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
