"""The document that the API is described by."""

from collections.abc import Callable

import pytest

from verify.clients import api
from verify.clients.web import Client

CONCERN = "API"

pytestmark = pytest.mark.explained_by("odoo", "nginx")


def test_document_is_the_deployed_one(client: Client, measure: Callable[..., None]) -> None:
    """The served OpenAPI document describes exactly the routes of this version."""
    routes = api.routes(api.document(client))
    measure("routes", len(routes))
    assert routes == api.written_routes()
