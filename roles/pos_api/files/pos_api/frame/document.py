"""The OpenAPI document: the one list of operations. Routes, roles, parameters and schemas are read from
it."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

PATH = Path(__file__).resolve().parent.parent / "openapi.json"
METHODS = ("get", "post", "put", "patch", "delete")


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
    """

    id: str
    method: str
    path: str
    role: str
    parameters: dict
    body: dict | None = None

    def takes(self, place, name):
        """Return whether the document gives this operation that parameter."""
        return (place, name) in self.parameters

    def headers(self):
        """Return the names of the header parameters."""
        return [name for place, name in self.parameters if place == "header"]


@functools.lru_cache(maxsize=1)
def source():
    """Return the document as it is written and sent."""
    return json.loads(PATH.read_text(encoding="utf-8"))


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
            target = document
            for part in node["$ref"].lstrip("#/").split("/"):
                target = target[part]
            return resolve(target)
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
            )
    return found
