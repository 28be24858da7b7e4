"""The POS API as a client of its OpenAPI document sees it."""

import functools
import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import jsonschema
import requests

from verify.clients.web import Client
from verify.estate.described import REPOSITORY

PARTS = REPOSITORY / "roles/pos_api/files/pos_api/openapi"
BASE = "/api/v1"


@dataclass(frozen=True)
class Login:
    """A client with the tokens of one login."""

    client: Client
    tokens: dict[str, Any]

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request with the access token, and a fresh Idempotency-Key where it has none."""
        headers = {
            "Authorization": f"Bearer {self.tokens['access_token']}",
            "Idempotency-Key": str(uuid4()),
            **options.pop("headers", {}),
        }
        return self.client.request(method, BASE + path, headers=headers, **options)


def written_routes() -> set[tuple[str, str]]:
    """Return method and path of every operation that this version of the collection deploys."""
    return set().union(*(routes(json.loads(part.read_text())) for part in PARTS.glob("*.json")))


@functools.cache
def document(client: Client) -> dict[str, Any]:
    """Return the OpenAPI document that the server gives.

    Raises:
        requests.HTTPError: it gives none.
    """
    answer = client.get(f"{BASE}/openapi.json")
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def routes(description: dict[str, Any]) -> set[tuple[str, str]]:
    """Return method and path of every operation of a document."""
    return {(method.upper(), path) for path, item in description["paths"].items() for method in item}


def log_in(client: Client, login: str, password: str) -> Login:
    """Log in.

    Raises:
        AssertionError: the answer is not 200, or not as the document says.
    """
    answer = client.post(f"{BASE}/auth/tokens", json={"login": login, "password": password})
    return Login(client, checked(client, answer, 200, "Tokens"))


def checked(client: Client, answer: requests.Response, status: int, schema: str) -> Any:
    """Return an answer's body, after a look at its status and a check against a schema of the document.

    Args:
        client: whose server's document is meant.
        answer: the answer.
        status: the HTTP status that it must have.
        schema: name in ``components/schemas``.

    Raises:
        AssertionError: another status.
        jsonschema.ValidationError: another shape.
    """
    assert answer.status_code == status, f"HTTP status {answer.status_code}: {answer.text[:500]}"
    body = answer.json()
    components = {"components": document(client)["components"]}
    reference = {"$ref": f"#/components/schemas/{schema}", **components}
    jsonschema.validate(body, reference, cls=jsonschema.Draft202012Validator)
    return body
