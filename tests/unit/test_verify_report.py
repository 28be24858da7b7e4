"""The report: its shape, its verdict, its page, and that no secret gets in."""

import base64
import dataclasses
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from verify.reporting import document as documents
from verify.reporting import render
from verify.reporting.document import (
    VERDICTS,
    Advice,
    Check,
    Evidence,
    Latency,
    LoadRun,
    Measure,
    Run,
    Screenshot,
    Step,
)
from verify.reporting.redaction import redact, secrets_in

SCHEMA = json.loads((Path(documents.__file__).with_name("report.schema.json")).read_text())
START = datetime(2030, 1, 1, 12, 0, 0, tzinfo=UTC)
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PASSED = Check(
    "a::b", "A thing works", "services", "Things", "passed", 0.25, "", evidence=[Measure("trip", 0.5, "ms")]
)
FAILED = replace(PASSED, id="a::c", verdict="failed", reason="assert <1> == 2", journal="unit: died")
RUN = Run(
    mode="read-only",
    cap=5.0,
    sections=["services"],
    left_out=0,
    writing_left_out=0,
    hosts=[
        {
            "name": "till",
            "groups": ["odoo"],
            "facts": {"cores": 2},
            "settings": {"odoo_workers": 4},
            "unreachable": "",
        }
    ],
    series="15.0",
    started=START,
    finished=START + timedelta(seconds=30),
)
LATENCY = Latency(
    target="products",
    group="list",
    driver="closed",
    clients=10,
    count=1000,
    errors=0,
    offered=None,
    achieved=80.0,
    mean=9.0,
    least=5.0,
    p50=8.0,
    p95=14.0,
    p99=20.0,
    greatest=41.0,
    round_p95s=(13.0, 14.0, 15.0),
    interval=(13.0, 15.0),
    threshold=150.0,
    distribution=((0.0, 5.0), (1.0, 41.0)),
)
STEP = Step(20.0, 19.8, 10.0, 8.0, 14.0, 20.0, 0, 200, True, "")
SECOND = {"second": 0.0, "offered": 20.0, "p95": None, "cpu": 0.4, "workers_busy": 2.0, "io_waits": None}
EVERYTHING: list[Evidence] = [
    Measure("sale", 83, "ms", threshold=100.0),
    Screenshot("Till", "screenshots/till.png"),
    LATENCY,
    LoadRun("steps", (STEP,), 20.0, "workers", "all 4 workers were busy", (SECOND,)),
    Advice("workers", "till", "odoo_workers", "4", "5", "all 4 workers were busy, the cores were not"),
]


def _document(*checks: Check, **about: Any) -> dict[str, Any]:
    return documents.build(checks, replace(RUN, **about))


def _validate(document: dict[str, Any]) -> None:
    jsonschema.validate(json.loads(json.dumps(document)), SCHEMA, cls=jsonschema.Draft202012Validator)


def test_document_fits_its_schema() -> None:
    document = _document(PASSED, replace(FAILED, evidence=EVERYTHING))
    _validate(document)
    assert set(get_args(Evidence)) == {type(evidence) for evidence in EVERYTHING}
    assert document["schema_version"] == SCHEMA["properties"]["schema_version"]["const"]
    assert document["seconds"] == 30
    document["checks"][0]["verdict"] = "skipped"
    with pytest.raises(jsonschema.ValidationError):
        _validate(document)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("measure", Measure),
        ("screenshot", Screenshot),
        ("latency", Latency),
        ("load_run", LoadRun),
        ("step", Step),
        ("advice", Advice),
    ],
)
def test_schema_has_the_fields_of_the_evidence(name: str, kind: type) -> None:
    described = SCHEMA["$defs"][name]
    fields = {field.name for field in dataclasses.fields(kind)}
    assert fields == set(described["properties"]) == set(described["required"])


def test_schema_has_the_fields_of_the_document() -> None:
    document = _document(PASSED)
    for made, described in (
        (document, SCHEMA),
        (document["counts"], SCHEMA["properties"]["counts"]),
        (document["checks"][0], SCHEMA["$defs"]["check"]),
    ):
        assert set(made) == set(described["properties"]) == set(described["required"])
    assert SCHEMA["$defs"]["check"]["properties"]["verdict"]["enum"] == list(VERDICTS)


def test_schema_lets_nothing_unknown_in() -> None:
    def objects(node: Any) -> list[dict[str, Any]]:
        if isinstance(node, list):
            return [found for item in node for found in objects(item)]
        if not isinstance(node, dict):
            return []
        own = [node] if "properties" in node and node.get("type") == "object" else []
        return own + [found for item in node.values() for found in objects(item)]

    assert objects(SCHEMA)
    assert all(described["additionalProperties"] is False for described in objects(SCHEMA))


@pytest.mark.parametrize(
    ("checks", "left_out", "verdict"),
    [
        ([PASSED], 0, "passed"),
        ([PASSED, FAILED], 0, "failed"),
        ([PASSED, replace(FAILED, verdict="error")], 0, "error"),
        ([PASSED, replace(FAILED, verdict="invalid")], 0, "invalid"),
        ([FAILED, replace(FAILED, verdict="error"), replace(FAILED, verdict="invalid")], 0, "failed"),
        ([PASSED, replace(FAILED, verdict="not_run")], 0, "incomplete"),
        ([PASSED], 1, "incomplete"),
        ([], 0, "incomplete"),
    ],
)
def test_only_a_complete_run_passes(checks: list[Check], left_out: int, verdict: str) -> None:
    assert _document(*checks, left_out=left_out)["verdict"] == verdict


def test_a_check_that_never_began_is_not_run() -> None:
    check = Check("a::b", "A thing works", "services", "Things")
    assert _document(check)["counts"]["not_run"] == 1
    assert check.reason


def test_page_shows_verdicts_figures_and_journal(tmp_path: Path) -> None:
    page = render.page(_document(PASSED, FAILED), tmp_path)
    for text in ("FAILED", "A thing works", "0.5 ms", "0.25 s", "unit: died", "assert &lt;1&gt; == 2"):
        assert text in page
    assert "<1>" not in page


def test_page_is_self_contained(tmp_path: Path) -> None:
    (tmp_path / "till.png").write_bytes(PIXEL)
    page = render.page(_document(replace(PASSED, evidence=[Screenshot("Till", "till.png")])), tmp_path)
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
