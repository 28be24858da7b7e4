"""The POS API as a client of its OpenAPI document sees it."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import jsonschema
import requests

from verify.estate import REPOSITORY
from verify.web import Client

DOCUMENT = REPOSITORY / "roles/pos_api/files/pos_api/openapi.json"
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


def document() -> dict[str, Any]:
    """Return the document that this version of the collection deploys."""
    found: dict[str, Any] = json.loads(DOCUMENT.read_text())
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
    return Login(client, checked(answer, 200, "Tokens"))


def checked(answer: requests.Response, status: int, schema: str) -> Any:
    """Return an answer's body, after a look at its status and a check against a schema of the document.

    Args:
        answer: the answer.
        status: the HTTP status that it must have.
        schema: name in ``components/schemas``.

    Raises:
        AssertionError: another status.
        jsonschema.ValidationError: another shape.
    """
    assert answer.status_code == status, f"HTTP status {answer.status_code}: {answer.text[:500]}"
    body = answer.json()
    components = {"components": document()["components"]}
    reference = {"$ref": f"#/components/schemas/{schema}", **components}
    jsonschema.validate(body, reference, cls=jsonschema.Draft202012Validator)
    return body
