"""Bad bodies, made from the schema of an operation's body and a good one."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema

UNKNOWN_ID = 2147483646
RAW = "@raw@"  # what follows it in a string stands in the body as it is, without quotes
# Values of every type, to be tried where the schema takes another one.
SAMPLES: dict[str, Any] = {
    "text": "x y",
    "empty text": "",
    "number": 1.5,
    "whole number": 1,
    "true": True,
    "null": None,
    "object": {"a": 1},
    "array": [[]],
}
NUMBERS = {
    "NaN": RAW + "NaN",
    "Infinity": RAW + "Infinity",
    "-Infinity": RAW + "-Infinity",
    "a huge number": RAW + "1e400",
    "a huge whole number": RAW + "1" + "0" * 40,
    "a number beyond the column": RAW + "1e30",
    "a negative number": -1,
}
TEXTS = {"NUL": "a\0b", "a lone surrogate": RAW + r'"a\ud800b"', "a text that never ends": "x" * 20_000}


@dataclass(frozen=True)
class Bad:
    """A body that has to be refused.

    Args:
        what: What is wrong with it.
        body: As it is sent.
        pointer: The field that the refusal has to name, None where there is none.
        word: What its text has to have in it instead.
    """

    what: str
    body: bytes
    pointer: str | None = None
    word: str = ""


def serialized(value: Any) -> bytes:
    """Return a body; what `RAW` marks is put in as it is."""
    text = json.dumps(value)
    while (start := text.find(f'"{RAW}')) >= 0:
        marked, length = json.JSONDecoder().raw_decode(text[start:])
        text = text[:start] + marked.removeprefix(RAW) + text[start + length :]
    return text.encode()


def fields(schema: dict[str, Any], value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Yield (path, schema) of every member that objects may have, at every depth that the good body has."""
    for name, member in schema.get("properties", {}).items():
        yield (*path, name), member
        if isinstance(value, dict) and name in value:
            yield from fields(member, value[name], (*path, name))
    if schema.get("type") == "array" and isinstance(value, list) and value:
        yield (*path, 0), schema["items"]
        yield from fields(schema["items"], value[0], (*path, 0))


def objects(schema: dict[str, Any], value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every object in the good body."""
    if isinstance(value, dict):
        yield path
        for name, member in schema.get("properties", {}).items():
            if name in value:
                yield from objects(member, value[name], (*path, name))
    if isinstance(value, list) and value:
        yield from objects(schema["items"], value[0], (*path, 0))


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy of a body with another value at a place."""
    result = copy.deepcopy(body)
    place = result
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return result


def pointer(path: tuple[Any, ...]) -> str:
    """Return a path as a JSON pointer."""
    return "".join(f"/{part}" for part in path)


def _takes(schema: dict[str, Any], kind: str) -> bool:
    kinds = schema.get("type", [])
    nested = [*schema.get("anyOf", ()), *schema.get("allOf", ())]
    return kind in ([kinds] if isinstance(kinds, str) else kinds) or any(_takes(one, kind) for one in nested)


def bad_values(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield (what, value) of values that a member may not have."""
    validator = jsonschema.Draft202012Validator(schema)
    for what, value in SAMPLES.items():
        if not validator.is_valid(value):
            yield f"{what} in its place", value
    if _takes(schema, "number") or _takes(schema, "integer"):
        yield from ((what, value) for what, value in NUMBERS.items() if what != "a negative number")
        if not validator.is_valid(-1):
            yield "a negative number", -1
    if _takes(schema, "string"):
        yield from TEXTS.items()


def of_fields(schema: dict[str, Any], body: Any) -> Iterator[Bad]:
    """Yield bodies with one field wrong."""
    for path, member in fields(schema, body):
        for what, value in bad_values(member):
            yield Bad(f"{pointer(path)}: {what}", serialized(changed(body, path, value)), pointer(path))
    for path in objects(schema, body):
        unknown = (*path, "nonsense")
        yield Bad(f"{pointer(unknown)}: unknown", serialized(changed(body, unknown, 1)), pointer(unknown))
    for name in schema.get("required", ()):
        less = {key: value for key, value in body.items() if key != name}
        yield Bad(f"/{name}: missing", serialized(less), f"/{name}")


def of_ids(schema: dict[str, Any], body: Any, foreign: dict[str, list[int]]) -> Iterator[Bad]:
    """Yield bodies that name records which are not there, or not for the caller.

    Args:
        schema: Of the body.
        body: A good one.
        foreign: Ids of records that the caller may not name, by the member's name.
    """
    for path, _ in fields(schema, body):
        if str(path[-1]).endswith("_id"):
            for number in [UNKNOWN_ID, *foreign.get(path[-1], [])]:
                wrong = changed(body, path, number)
                yield Bad(f"{pointer(path)}: foreign id {number}", serialized(wrong), pointer(path))


def of_wholes(body: Any) -> Iterator[Bad]:
    """Yield bodies that are no JSON object in UTF-8 at all, or hold a member twice."""
    good = serialized(body)
    yield Bad("nothing", b"")
    yield Bad("a brace", b'{"')
    yield Bad("half of it", good[: len(good) // 2])
    yield Bad("something behind it", good + b"}")
    yield Bad("UTF-16", good.decode().encode("utf-16"))
    yield Bad("bytes that are no UTF-8", b'{"a": "\xff\xfe"}')
    yield Bad("nesting without end", b"[" * 100_000)
    yield Bad("single quotes", good.replace(b'"', b"'") if b'"' in good else b"{'a': 1}")
    for name, value in {"null": None, "an array": [], "a text": "text", "a number": 1}.items():
        yield Bad(f"{name} as the whole", serialized(value), "")
    if isinstance(body, dict):
        name = next(iter(body), "twice")
        twice = f"{json.dumps(name)}: {serialized(body.get(name, 1)).decode()}"
        rest = good.decode()[1:]
        yield Bad("a member twice", f"{{{twice}, {twice if not body else rest[:-1]}}}".encode(), word=name)
