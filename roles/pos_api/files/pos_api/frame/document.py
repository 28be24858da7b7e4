"""The OpenAPI document: the one list of operations. Routes, roles, parameters and schemas are read from it.

It is written in ``openapi/``: ``base.json`` holds what all operations share, and each other file the
operations of the tag it is named after. What follows from an operation's declaration is added here: the
answers that the frame gives, the parameters of lists, the schemas of resources.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "openapi"
METHODS = ("get", "post", "put", "patch", "delete")
ANON = "anon"
BEARER = [{"bearer": []}]
# shared answers, by what brings them
EVERY = {
    "400": "BadRequest",
    "405": "MethodNotAllowed",
    "406": "NotAcceptable",
    "413": "TooLarge",
    "414": "UriTooLong",
    "422": "Invalid",
    "431": "HeadersTooLarge",
    "500": "ServerError",
    "503": "Unavailable",
}
WITH_BEARER = {"401": "Unauthorized", "403": "Forbidden"}
WITH_PATH_PARAMETER = {"404": "NotFound"}
WITH_BODY = {"415": "UnsupportedMediaType"}
BY_PARAMETER = {
    "If-None-Match": {},
    "If-Match": {"412": "PreconditionFailed", "428": "PreconditionRequired"},
    "Idempotency-Key": {"409": "Conflict"},
}


@dataclass(frozen=True)
class Operation:
    """One operation of the document.

    Attributes:
        id: ``operationId``; the name under which its function is registered.
        method: upper-case HTTP method.
        path: path template, for example ``/api/v1/products/{id}``.
        role: ``x-role``: anon, cashier or manager.
        parameters: {("query" | "path" | "header", name): parameter object}.
        body: schema of the JSON body, or None.
        tagged: whether its answer carries an entity tag.
        bearer: whether it looks at an access token.
        media_types: of its answers, refusals included.
    """

    id: str
    method: str
    path: str
    role: str
    parameters: dict
    body: dict | None = None
    tagged: bool = False
    bearer: bool = True
    media_types: frozenset = frozenset()

    def takes(self, place, name):
        """Return whether the document gives this operation that parameter."""
        return (place, name) in self.parameters

    def headers(self):
        """Return the names of the header parameters."""
        return [name for place, name in self.parameters if place == "header"]


def _reference(kind, name):
    return {"$ref": f"#/components/{kind}/{name}"}


def _target(document, reference):
    found = document
    for part in reference.lstrip("#/").split("/"):
        found = found[part]
    return found


def _parameter(document, parameter):
    return _target(document, parameter["$ref"]) if "$ref" in parameter else parameter


def _as_list(declared, resource):
    """Make an operation the list of a resource: its parameters and its answer."""
    sort = {
        "name": "sort",
        "in": "query",
        "description": "Order of the items; a minus sign stands for the greatest first.",
        "schema": {"type": "string", "enum": list(resource.sorts), "default": next(iter(resource.sorts))},
    }
    declared["parameters"] = [
        _reference("parameters", "Limit"),
        _reference("parameters", "Offset"),
        _reference("parameters", "After"),
        *declared.get("parameters", ()),
        *(condition.parameter() for condition in resource.filters),
        sort,
    ]
    declared["responses"]["200"] = {
        "description": declared["responses"]["200"]["description"],
        "headers": {"Link": _reference("headers", "Link")},
        "content": {"application/json": {"schema": _reference("schemas", f"{resource.name}Page")}},
    }


def _page(resource):
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["items", "limit", "offset"],
        "properties": {
            "items": {"type": "array", "items": resource.ref()},
            "limit": {"type": "integer"},
            "offset": {"type": "integer"},
        },
    }


def _success(declared):
    """Yield (status, answer, name of its schema or None) of the answers below 300."""
    for status, answer in declared["responses"].items():
        if status < "300" and "$ref" not in answer:
            schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
            yield status, answer, schema.get("$ref", "").rpartition("/")[2] or None


def _header_names(document, declared):
    parameters = [_parameter(document, parameter) for parameter in declared.get("parameters", ())]
    return {parameter["name"] for parameter in parameters if parameter["in"] == "header"}


def _complete(document, path, declared, tagged):
    """Add to an operation the answers and response headers that follow from its declaration."""
    headers = _header_names(document, declared)
    declared.setdefault("security", [] if declared["x-role"] == ANON else BEARER)
    answers = dict(EVERY)
    if declared["security"]:
        answers.update(WITH_BEARER)
    if "{" in path:
        answers.update(WITH_PATH_PARAMETER)
    if "requestBody" in declared:
        answers.update(WITH_BODY)
    for name in headers:
        answers.update(BY_PARAMETER.get(name, {}))
    for status, answer, schema in list(_success(declared)):
        added = {}
        if status == "201":
            added["Location"] = _reference("headers", "Location")
        if schema in tagged or "If-None-Match" in headers:
            added["ETag"] = _reference("headers", "ETag")
        if "Idempotency-Key" in headers:
            added["Idempotency-Replayed"] = _reference("headers", "IdempotencyReplayed")
        if added:
            answer["headers"] = {**answer.get("headers", {}), **added}
    if "If-None-Match" in headers:
        answers["304"] = "NotModified"
    for status, name in answers.items():
        declared["responses"].setdefault(status, _reference("responses", name))
    declared["responses"] = dict(sorted(declared["responses"].items()))


def _assembled(document, parts, resources):
    """Return the whole document.

    Args:
        document: content of ``base.json``.
        parts: {tag: content of its file}.
        resources: {name: :class:`~..records.Resource`}.
    """
    schemas = document["components"]["schemas"]
    for name, resource in resources.items():
        schemas[name] = resource.schema()
    for tag, part in sorted(parts.items()):
        document["tags"].append({"name": tag, "description": part["description"]})
        for name, schema in part.get("schemas", {}).items():
            if name in schemas:
                raise ValueError(f"openapi/{tag}.json: the schema {name} exists already.")
            schemas[name] = schema
        for path, item in part["paths"].items():
            for declared in item.values():
                declared["tags"] = [tag]
                resource = resources[declared["x-list"]] if "x-list" in declared else None
                if resource:
                    _as_list(declared, resource)
                    schemas[f"{resource.name}Page"] = _page(resource)
            document["paths"].setdefault(path, {}).update(item)
    everything = [(path, declared) for path, item in document["paths"].items() for declared in item.values()]
    tagged = {
        schema
        for _path, declared in everything
        if _header_names(document, declared) & {"If-None-Match", "If-Match"}
        for _status, _answer, schema in _success(declared)
        if schema
    }
    for path, declared in everything:
        _complete(document, path, declared, tagged)
    return document


@functools.lru_cache(maxsize=1)
def source():
    """Return the document as it is sent."""
    from .. import operations  # noqa: F401  the resources register as their operations are loaded
    from ..records import RESOURCES

    parts = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json")}
    return _assembled(parts.pop("base"), parts, RESOURCES)


@functools.lru_cache(maxsize=1)
def load():
    """Return the document with every ``$ref`` replaced by what it refers to."""
    document = source()

    def resolve(node):
        if isinstance(node, list):
            return [resolve(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return resolve(_target(document, node["$ref"]))
        return {key: resolve(value) for key, value in node.items()}

    return resolve(document)


@functools.lru_cache(maxsize=1)
def operations():
    """Return {operationId: Operation} of the document."""
    found = {}
    for path, item in load()["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            declared = item[method]
            body = declared.get("requestBody")
            found[declared["operationId"]] = Operation(
                id=declared["operationId"],
                method=method.upper(),
                path=path,
                role=declared["x-role"],
                parameters={
                    (parameter["in"], parameter["name"]): parameter
                    for parameter in declared.get("parameters", ())
                },
                body=body["content"]["application/json"]["schema"] if body else None,
                tagged=any("ETag" in answer.get("headers", {}) for _s, answer, _n in _success(declared)),
                bearer=bool(declared["security"]),
                media_types=frozenset(
                    kind for answer in declared["responses"].values() for kind in answer.get("content", {})
                ),
            )
    return found
