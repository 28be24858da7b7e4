"""The report: its shape, its verdict, its page, and that no secret gets in."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from verify.reporting import document as documents
from verify.reporting import render
from verify.reporting.document import Check, Measure, Screenshot
from verify.reporting.redaction import redact, secrets_in

SCHEMA = json.loads((Path(documents.__file__).with_name("report.schema.json")).read_text())
START = datetime(2030, 1, 1, 12, 0, 0, tzinfo=UTC)
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PASSED = Check(
    "a::b", "A thing works", "Things", "passed", 0.25, "", measures=[Measure("round trip", 0.5, "ms")]
)
FAILED = replace(PASSED, id="a::c", verdict="failed", reason="assert <1> == 2", journal="unit: died")


def _document(*checks: Check, left_out: int = 0, series: str | None = "15.0") -> dict[str, Any]:
    hosts = [{"name": "till", "groups": ["odoo"], "facts": {"cores": 2}, "unreachable": ""}]
    return documents.build(checks, left_out, hosts, series, START, START.replace(second=30))


def _validate(document: dict[str, Any]) -> None:
    jsonschema.validate(json.loads(json.dumps(document)), SCHEMA, cls=jsonschema.Draft202012Validator)


def test_document_fits_its_schema() -> None:
    document = _document(PASSED, replace(FAILED, screenshots=[Screenshot("Till", "screenshots/till.png")]))
    _validate(document)
    assert document["schema_version"] == SCHEMA["properties"]["schema_version"]["const"]
    assert document["seconds"] == 30
    document["checks"][0]["verdict"] = "skipped"
    with pytest.raises(jsonschema.ValidationError):
        _validate(document)


@pytest.mark.parametrize(
    ("checks", "left_out", "verdict"),
    [
        ([PASSED], 0, "passed"),
        ([PASSED, FAILED], 0, "failed"),
        ([PASSED, replace(FAILED, verdict="error")], 0, "failed"),
        ([PASSED, replace(FAILED, verdict="not_run")], 0, "incomplete"),
        ([PASSED], 1, "incomplete"),
        ([], 0, "incomplete"),
    ],
)
def test_only_a_complete_run_passes(checks: list[Check], left_out: int, verdict: str) -> None:
    assert _document(*checks, left_out=left_out)["verdict"] == verdict


def test_a_check_that_never_began_is_not_run() -> None:
    check = Check("a::b", "A thing works", "Things")
    assert _document(check)["counts"]["not_run"] == 1
    assert check.reason


def test_page_shows_verdicts_figures_and_journal(tmp_path: Path) -> None:
    page = render.page(_document(PASSED, FAILED), tmp_path)
    for text in ("FAILED", "A thing works", "0.5 ms", "0.25 s", "unit: died", "assert &lt;1&gt; == 2"):
        assert text in page
    assert "<1>" not in page


def test_page_is_self_contained(tmp_path: Path) -> None:
    (tmp_path / "till.png").write_bytes(PIXEL)
    page = render.page(_document(replace(PASSED, screenshots=[Screenshot("Till", "till.png")])), tmp_path)
    assert base64.b64encode(PIXEL).decode() in page
    assert 'href="till.png"' in page
    for outside in ('src="http', "url(http", "<script", "<link"):
        assert outside not in page


@pytest.mark.parametrize(("series", "banner"), [("14.0", True), ("15.0", False), (None, False)])
def test_fallback_is_said_aloud(tmp_path: Path, series: str | None, banner: bool) -> None:
    document = _document(PASSED, series=series)
    assert document["fallback"] is banner
    assert ("FALLBACK" in render.page(document, tmp_path)) is banner


def test_secrets_are_found_by_name_at_any_depth() -> None:
    variables = {
        "odoo_master_password": "correct horse",
        "postgresql_roles": [{"name": "odoo", "password": "battery"}, {"name": "x", "password": None}],
        "settings": {"db_password": "staple", "password_encryption": "scram-sha-256"},
        "short_password": "abc",
        "odoo_database": "plain",
    }
    assert secrets_in(variables) == {"correct horse", "battery", "staple"}


def test_redaction_leaves_no_part_of_a_longer_secret() -> None:
    assert redact("x hunter22 y hunter2", {"hunter2", "hunter22"}) == "x [secret] y [secret]"


def test_redaction_of_tokens() -> None:
    token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIyIn0.c2ln-bmF0dXJl_x"
    assert redact(f"Bearer {token}, and more", set()) == "Bearer [token], and more"
