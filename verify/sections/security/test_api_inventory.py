"""API9:2023 improper inventory management: nothing answers but what is described.

That a path has no other methods than described is among the endpoints' checks.
"""

from typing import Any
from xmlrpc.client import Fault, dumps, loads

import pytest

from verify.clients import api
from verify.clients.web import Client
from verify.estate.described import Estate

CONCERN = "OWASP API9 inventory"

pytestmark = pytest.mark.explained_by("odoo", "nginx")

OTHER_VERSIONS = (
    "/api",
    "/api/",
    "/api/v0/health",
    "/api/v2/health",
    "/api/beta/health",
    "/api/health",
    "/v1/health",
)
FORGOTTEN = (
    *("/api/v1/debug", "/api/v1/admin", "/api/v1/metrics", "/api/v1/test", "/api/v1/swagger.json"),
    *("/api/v1/graphql", "/api/v1/users", "/api/v1/config", "/api/v1/internal/health"),
    *("/metrics", "/server-status", "/nginx_status", "/.env", "/.git/config", "/odoo.conf", "/backup.zip"),
)


def test_document_is_the_deployed_one(client: Client, document: dict[str, Any]) -> None:
    """API9: the served document describes the operations of this version, no more and no fewer."""
    assert api.routes(document) == api.written_routes(), "deploy the version of the API that verify is of"


def test_other_versions(client: Client) -> None:
    """API9: no older, newer or unversioned API answers."""
    found = [path for path in OTHER_VERSIONS if client.get(path).status_code != 404]
    assert not found, f"these answer: {found}"


def test_forgotten_paths(client: Client) -> None:
    """API9: nothing answers that is left behind by developers, monitoring or a backup."""
    found = [path for path in FORGOTTEN if client.get(path).status_code not in (403, 404)]
    assert not found, f"these answer: {found}"


@pytest.mark.parametrize("path", ["/xmlrpc/db", "/xmlrpc/2/db"])
def test_database_service_of_xmlrpc(client: Client, estate: Estate, path: str) -> None:
    """API9: the database service of XML-RPC lists, dumps and drops nothing."""
    database = f"{estate.variable('odoo_database')}_none"
    for method, arguments in (
        ("list", ()),
        ("dump", ("x", database, "zip")),
        ("drop", ("x", database)),
        ("duplicate_database", ("x", database, f"{database}2")),
    ):
        body = dumps(arguments, method)
        answer = client.post(path, data=body, headers={"Content-Type": "text/xml"})
        if answer.status_code != 200:
            continue
        with pytest.raises(Fault) as refused:
            loads(answer.text)
        said = f"{refused.value.faultCode} {refused.value.faultString}"
        assert "access" in said.lower() and "denied" in said.lower(), f"{path} {method}: {said[:200]}"
