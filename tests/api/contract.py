"""The live OpenAPI document, and the check of every live answer against it."""

from __future__ import annotations

import datetime
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import requests

DISCOVERY = "discovery"  # tag of what stands beside the API's own operations
PROBLEM_TYPE = "application/problem+json"
# Set by the web server or by HTTP itself, for every address alike: no operation has to document them.
TRANSPORT_HEADERS = frozenset(
    (
        *("connection", "content-encoding", "content-length", "content-type", "date", "keep-alive", "server"),
        *("cache-control", "transfer-encoding", "vary"),
        *("referrer-policy", "strict-transport-security", "x-content-type-options", "x-frame-options"),
    )
)
# Sent where there is something to say; all other documented headers have to be there.
OPTIONAL_HEADERS = frozenset({"idempotency-replayed", "link"})
_FORMATS = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return datetime.datetime.fromisoformat(value).tzinfo is not None and "T" in value


@_FORMATS.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or bool(datetime.date.fromisoformat(value))


class ContractError(AssertionError):
    """An answer is not as the document says."""


@dataclass(frozen=True)
class Operation:
    """One operation of the live document.

    Args:
        id: Its operationId.
        method: HTTP method, in capitals.
        path: Path template.
        declared: The operation object, its parameters and responses with `$ref` resolved.
    """

    id: str
    method: str
    path: str
    declared: dict[str, Any]

    @property
    def role(self) -> str:
        """Who may call it: anon, cashier or manager."""
        return str(self.declared["x-role"])

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET"

    def takes(self, place: str, name: str) -> bool:
        """Return whether it has a parameter in `query`, `path` or `header`."""
        return any((p["in"], p["name"]) == (place, name) for p in self.declared["parameters"])

    def statuses(self) -> set[int]:
        """Return the documented statuses."""
        return {int(status) for status in self.declared["responses"]}

    @property
    def success(self) -> int:
        """The status of a call that did what it was asked for."""
        return min(status for status in self.statuses() if status < 300)

    def matches(self, path: str) -> bool:
        """Return whether a path without query is one of this operation's."""
        return re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]*", re.escape(self.path)), path) is not None


@dataclass
class Contract:
    """The live document.

    Args:
        document: As the server sent it.
        seen: How often an operation answered with a status, by (operationId, status).
    """

    document: dict[str, Any]
    seen: Counter[tuple[str, int]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._validators: dict[tuple[str, int, str], jsonschema.Draft202012Validator] = {}
        self.operations = {
            declared["operationId"]: Operation(
                declared["operationId"], method.upper(), path, self._resolved(declared)
            )
            for path, item in self.document["paths"].items()
            for method, declared in item.items()
        }

    def _resolve(self, node: Any) -> Any:
        """Follow the `$ref` of a node itself, not of what is inside it."""
        while "$ref" in node:
            found: Any = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def _resolved(self, declared: dict[str, Any]) -> dict[str, Any]:
        answers = {status: self._resolve(answer) for status, answer in declared["responses"].items()}
        parameters = [self._resolve(parameter) for parameter in declared.get("parameters", ())]
        return {**declared, "parameters": parameters, "responses": answers}

    def expanded(self, schema: Any) -> Any:
        """Return a schema with every `$ref` replaced by what it refers to."""
        if isinstance(schema, list):
            return [self.expanded(item) for item in schema]
        if not isinstance(schema, dict):
            return schema
        return {name: self.expanded(value) for name, value in self._resolve(schema).items()}

    def body_schema(self, operation: Operation) -> dict[str, Any] | None:
        """Return the schema of an operation's body without references, or None where it takes no body."""
        body = operation.declared.get("requestBody")
        return self.expanded(body["content"]["application/json"]["schema"]) if body else None

    def own(self) -> list[Operation]:
        """Return the API's operations, without those for discovery."""
        return [one for one in self.operations.values() if DISCOVERY not in one.declared["tags"]]

    def find(self, method: str, path: str) -> Operation | None:
        """Return the operation that a request is for; a path without parameters goes before a template."""
        fitting = [
            one for one in self.operations.values() if one.method == method.upper() and one.matches(path)
        ]
        return min(fitting, key=lambda one: one.path.count("{"), default=None)

    def check(self, answer: requests.Response) -> None:
        """Compare a live answer with the document: its status, its headers, its body.

        Raises:
            ContractError: It is not as documented; the message says what, for which request.
        """
        request = answer.request
        path = urlsplit(request.url or "").path
        operation = self.find(request.method or "", path)
        try:
            if operation is None:
                self._check_refused_route(answer)
                return
            declared = operation.declared["responses"].get(str(answer.status_code))
            if declared is None:
                raise ContractError("the status is not documented")
            self._check_headers(answer, declared)
            self._check_body(answer, operation, declared)
        except (ContractError, jsonschema.ValidationError, ValueError) as error:
            said = error.message if isinstance(error, jsonschema.ValidationError) else error
            where = f" at {error.json_path}" if isinstance(error, jsonschema.ValidationError) else ""
            raise ContractError(
                f"{request.method} {path} ({operation.id if operation else 'no operation'}),"
                f" status {answer.status_code}: {said}{where}\n{answer.text[:1500]}"
            ) from error
        with self._lock:
            self.seen[operation.id, answer.status_code] += 1

    def _check_refused_route(self, answer: requests.Response) -> None:
        """What no operation is for has to be refused in the same form, by the API or before it."""
        if answer.status_code not in (404, 405, 413, 414, 429, 431):
            raise ContractError("no operation of the document is for this request, yet it is not refused")
        if answer.status_code == 405 and not answer.headers.get("Allow"):
            raise ContractError("405 without Allow")
        if answer.request.method == "HEAD":
            return
        if _media_type(answer) != PROBLEM_TYPE:
            raise ContractError(f"a refusal as {_media_type(answer)}")
        self._validate(answer.json(), "Problem", {"$ref": "#/components/schemas/Problem"}, 0)

    def _check_headers(self, answer: requests.Response, declared: dict[str, Any]) -> None:
        documented = {name.lower(): header for name, header in declared.get("headers", {}).items()}
        sent = {name.lower(): value for name, value in answer.headers.items()}
        if undocumented := sent.keys() - documented.keys() - TRANSPORT_HEADERS:
            raise ContractError(f"headers that are not documented: {sorted(undocumented)}")
        optional = OPTIONAL_HEADERS | ({"retry-after"} if answer.status_code == 409 else set())
        if missing := documented.keys() - sent.keys() - optional:
            raise ContractError(f"documented headers are missing: {sorted(missing)}")
        for name in documented.keys() & sent.keys():
            schema = self.expanded(self._resolve(documented[name])["schema"])
            value = int(sent[name]) if schema.get("type") == "integer" else sent[name]
            jsonschema.validate(value, schema, cls=jsonschema.Draft202012Validator)

    def _check_body(self, answer: requests.Response, operation: Operation, declared: dict[str, Any]) -> None:
        content = declared.get("content")
        if not content:
            if answer.content:
                raise ContractError("a body where none is documented")
            return
        kind = _media_type(answer)
        if kind not in content:
            raise ContractError(f"the media type {kind} is not documented")
        if kind.endswith("json"):
            self._validate(answer.json(), operation.id, content[kind]["schema"], answer.status_code)

    def _validate(self, body: Any, name: str, schema: dict[str, Any], status: int) -> None:
        key = (name, status, str(schema.get("$ref", "")))
        if key not in self._validators:
            whole = {**schema, "components": self.document["components"]}
            self._validators[key] = jsonschema.Draft202012Validator(whole, format_checker=_FORMATS)
        self._validators[key].validate(body)


def _media_type(answer: requests.Response) -> str:
    return answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
