"""Live answers, compared with the OpenAPI document that the server gives."""

import functools
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import requests

from verify.clients import api, openapi
from verify.clients.web import Client

PROBLEM = "application/problem+json"
# Documented headers that are sent only where there is something to say.
OCCASIONAL = {"link", "idempotency-replayed"}
FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    """Return whether a text is a moment with its offset (RFC 3339)."""
    return not isinstance(value, str) or ("T" in value and datetime.fromisoformat(value).tzinfo is not None)


@FORMATS.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or bool(date.fromisoformat(value))


@dataclass(frozen=True, eq=False)
class Contract:
    """The live document.

    Attributes:
        document: as the server sent it.
    """

    document: dict[str, Any]

    @functools.cached_property
    def operations(self) -> dict[str, tuple[str, str, dict[str, Any]]]:
        """Method, path and operation object, by operationId."""
        return {
            operation["operationId"]: (method, path, operation)
            for method, path, operation in openapi.operations(self.document)
        }

    def takes(self, name: str, place: str, parameter: str) -> bool:
        """Return whether an operation has a parameter in ``query``, ``path`` or ``header``."""
        declared = self.operations[name][2].get("parameters", ())
        found = [self.target(one) for one in declared]
        return any((one["in"], one["name"]) == (place, parameter) for one in found)

    def target(self, node: Any) -> Any:
        """Return what a node refers to, or the node itself."""
        return openapi.resolved(node, self.document)

    def check(self, name: str, answer: requests.Response) -> None:
        """Compare an answer with what the document says of an operation: status, headers, body.

        Args:
            name: operationId.
            answer: any answer to a request for it, a refusal too.

        Raises:
            AssertionError: it is not as documented; the message says what.
        """
        assert name in self.operations, f"the served document has no operation {name}"
        where = f"{answer.request.method} {urlsplit(answer.request.url or '').path}: {answer.status_code}"
        responses = self.operations[name][2]["responses"]
        assert str(answer.status_code) in responses, f"{where} is not documented: {answer.text[:500]}"
        declared = self.target(responses[str(answer.status_code)])
        documented = {header.lower() for header in declared.get("headers", {})}
        occasional = OCCASIONAL | ({"retry-after"} if answer.status_code == 409 else set())
        missing = documented - {header.lower() for header in answer.headers} - occasional
        assert not missing, f"{where} has no {', '.join(sorted(missing))}, which the document promises"
        content = declared.get("content")
        if not content:
            assert not answer.content, f"{where} has a body where none is documented: {answer.text[:200]}"
            return
        kind = media_type(answer)
        assert kind in content, f"{where} is of type {kind}, documented is {', '.join(content)}"
        self.validate(answer.json(), content[kind]["schema"], where)

    def check_problem(self, answer: requests.Response, status: int) -> None:
        """Compare a refusal with RFC 9457 and the document's schema of it.

        Raises:
            AssertionError: another status, or another form.
        """
        where = f"{answer.request.method} {urlsplit(answer.request.url or '').path}"
        assert answer.status_code == status, f"{where}: {answer.status_code}: {answer.text[:500]}"
        assert media_type(answer) == PROBLEM, f"{where}: a refusal as {media_type(answer)}"
        body = answer.json()
        self.validate(body, {"$ref": "#/components/schemas/Problem"}, where)
        assert body["status"] == status, f"{where}: the body says {body['status']}"

    def validate(self, body: Any, schema: dict[str, Any], where: str) -> None:
        """Validate a body against a schema of the document, JSON Schema 2020-12 as OpenAPI 3.1 has it.

        Raises:
            AssertionError: it does not fit; the message says where.
        """
        whole = {**schema, "components": self.document["components"]}
        validator = jsonschema.Draft202012Validator(whole, format_checker=FORMATS)
        error = jsonschema.exceptions.best_match(validator.iter_errors(body))
        assert error is None, f"{where}: {error.json_path}: {error.message}"[:1000]


def contract(client: Client) -> Contract:
    """Return the document that a client's server gives."""
    return Contract(api.document(client))


def media_type(answer: requests.Response) -> str:
    """Return an answer's media type without parameters."""
    return answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def link(answer: requests.Response, relation: str) -> str | None:
    """Return the path of a relation in an answer's Link header (RFC 8288), or None."""
    found = re.search(rf'<([^>]*)>; rel="{relation}"', answer.headers.get("Link", ""))
    return found[1] if found else None
