"""What an OpenAPI document says, as far as attacks on its server need it."""

import re
from collections.abc import Iterator
from typing import Any

ADDRESS = re.compile(r"(^|_)(ur[lin]|href|link|callback|webhook|redirect|host|endpoint|feed|source)s?($|_)")
ADDRESS_FORMATS = {"uri", "uri-reference", "iri", "iri-reference", "hostname", "ipv4", "ipv6"}


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and description of every operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def of_role(document: dict[str, Any], role: str) -> list[tuple[str, str]]:
    """Return method and path of the operations that are for a role, ids filled in."""
    return [
        (method, filled(path))
        for method, path, operation in operations(document)
        if operation.get("x-role") == role
    ]


def filled(path: str) -> str:
    """Return a path with something in the place of each parameter."""
    return path.replace("{id}", "1").replace("{name}", "init.js")


def address_inputs(document: dict[str, Any]) -> list[str]:
    """Return what a client may send that a server could take for an address to call, by its place.

    Looked at are parameters and the bodies of requests, references followed: names such as ``callback_url``,
    and JSON Schema's formats for addresses.
    """
    found = []
    for method, path, operation in operations(document):
        sent = {
            parameter["name"]: parameter.get("schema", {}) for parameter in _parameters(operation, document)
        }
        content = operation.get("requestBody", {}).get("content", {})
        for media in content.values():
            sent |= dict(_properties(media.get("schema", {}), document, frozenset()))
        found += [
            f"{method} {path}: {name}"
            for name, schema in sent.items()
            if ADDRESS.search(name) or schema.get("format") in ADDRESS_FORMATS
        ]
    return found


def members(value: Any) -> Iterator[str]:
    """Yield the names of all members of a JSON value, at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from members(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from members(inner)


def resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """Return what a node refers to, or the node itself."""
    found: Any = schema
    while "$ref" in found:
        target, found = found["$ref"].removeprefix("#/"), document
        for name in target.split("/"):
            found = found[name]
    return found  # type: ignore[no-any-return]


def _parameters(operation: dict[str, Any], document: dict[str, Any]) -> list[dict[str, Any]]:
    return [resolved(parameter, document) for parameter in operation.get("parameters", [])]


def _properties(
    schema: dict[str, Any], document: dict[str, Any], seen: frozenset[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and schema of all properties that a value of a schema may have, at any depth."""
    if (reference := schema.get("$ref", "")) in seen and reference:
        return
    seen |= {reference}
    schema = resolved(schema, document)
    for name, inner in schema.get("properties", {}).items():
        yield name, resolved(inner, document)
        yield from _properties(inner, document, seen)
    nested = [schema[key] for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)]
    for inner in (*nested, *(part for key in ("allOf", "anyOf", "oneOf") for part in schema.get(key, []))):
        yield from _properties(inner, document, seen)
