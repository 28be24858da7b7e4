"""docs/api.md lists the operations of the OpenAPI document, no more and no fewer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `([A-Z]+) (/[^`]*)` \| .* \| (anyone|cashier|manager) \| ([KM]?) ?\|$", re.MULTILINE)
MARKS = {"#/components/parameters/IdempotencyKey": "K", "#/components/parameters/IfMatch": "M"}


def _mark(declared: dict[str, Any]) -> str:
    """Return the letter that stands for the header an operation requires."""
    marks = {MARKS.get(parameter.get("$ref", ""), "") for parameter in declared.get("parameters", ())}
    return "".join(marks)


def test_the_table_is_the_document() -> None:
    written = {
        (method.upper(), path.removeprefix("/api/v1"), declared["x-role"], _mark(declared))
        for part in (ROOT / "roles/pos_api/files/pos_api/openapi").glob("*.json")
        if part.stem != "discovery"
        for path, item in json.loads(part.read_text()).get("paths", {}).items()
        for method, declared in item.items()
    }
    found = ROW.findall((ROOT / "docs" / "api.md").read_text())
    listed = {(method, path, role.replace("anyone", "anon"), mark) for method, path, role, mark in found}
    assert listed == written
    assert len(found) == len(written) == 43


def test_the_problem_types_are_the_document_s() -> None:
    base = json.loads((ROOT / "roles/pos_api/files/pos_api/openapi/base.json").read_text())
    written = base["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    listed = (ROOT / "docs" / "api.md").read_text().partition("Problem types")[2].partition("## ")[0]
    found = re.findall(r"^\| `([a-z-]+)` \| ", listed, re.MULTILINE)
    assert ["about:blank", *("urn:tillstack:pos-api:" + name for name in found)] == written
