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
from verify.reporting import findings, render, summary
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
from verify.reporting.redaction import redact, redact_all, secrets_in, settings_of

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


def test_many_checks_that_did_not_run_are_counted() -> None:
    alike = [Check(f"a::{number}", f"Thing {number} works", "services", "Things") for number in range(9)]
    other = replace(PASSED, verdict="not_run", reason="no browser")
    assert [line.text for line in summary.lines(_document(*alike, other))] == [
        "NOT RUN 9 checks: the run ended before this check",
        "NOT RUN A thing works: no browser",
    ]


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


def test_first_screen_says_what_fell_short_by_how_much_and_what_to_change(tmp_path: Path) -> None:
    latency = replace(LATENCY, round_p95s=(290.0, 301.0, 315.0), p95=420.0, interval=(290.0, 315.0))
    advice = Advice("workers", "till", "odoo_workers", "4", "6", "all 4 workers were busy")
    first = render.page(_document(replace(FAILED, evidence=[latency, advice])), tmp_path).split("<nav")[0]
    # The median of the rounds decides, so it is what is shown.
    for text in ("1 of 1 check fell short", "<b>301 ms</b>", "at most 150 ms", "201% of it", "read-only"):
        assert text in first
    assert "at most 5 requests/s" in first
    assert "<code>odoo_workers</code> to <code>6</code>" in first and "all 4 workers were busy" in first
    assert "420" not in first


def test_a_latency_is_shown_as_it_was_judged(tmp_path: Path) -> None:
    one_busy_moment = replace(LATENCY, p95=999.0)
    page = render.page(_document(replace(PASSED, evidence=[one_busy_moment])), tmp_path)
    assert 'class="n over"' not in page
    assert "What fell short" not in page


def test_invalid_is_neither_held_nor_fallen_short(tmp_path: Path) -> None:
    page = render.page(_document(replace(FAILED, verdict="invalid", reason="the driver lagged")), tmp_path)
    assert "What gave no verdict" in page and "the measurement itself is not sound" in page
    assert "What fell short" not in page


@pytest.mark.parametrize(
    ("rates", "by_rate"), [((10.0, 40.0, 20.0), True), ((5.0, 50.0, 5.0), False), ((5.0,), False)]
)
def test_only_a_search_is_drawn_by_rate(tmp_path: Path, rates: tuple[float, ...], by_rate: bool) -> None:
    run = LoadRun("x", tuple(replace(STEP, offered=rate) for rate in rates), None, "", "", (SECOND,))
    page = render.page(_document(replace(PASSED, evidence=[run])), tmp_path)
    assert ("by offered rate" in page) is by_rate
    assert "Second by second" in page


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (
            "def f():\n>   assert 1 == 2, 'text'\nE   AssertionError: text: see x\nE   assert 1 == 2",
            "text: see x",
        ),
        ("E   a.b.CustomError: one\nE     two", "one\ntwo"),
        ("E   assert 1 == 2\nE    +  where 1 = f()", "assert 1 == 2"),
        ("skipped: later; only a check that says why may", "skipped: later; only a check that says why may"),
        ("", ""),
    ],
)
def test_a_reason_in_short_has_no_traceback(reason: str, said: str) -> None:
    assert findings.brief(reason) == said


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.12345, "0.123"), (14.0, "14"), (1234.5, "1\N{NARROW NO-BREAK SPACE}234"), ("h2", "h2"), (None, "–")],
)
def test_figures_have_three_digits(value: float | str | None, text: str) -> None:
    assert findings.number(value) == text


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


def test_evidence_is_redacted_throughout() -> None:
    run = LoadRun("a hunter2", (replace(STEP, reason="b hunter2"),), None, "", "c hunter2", ())
    assert "hunter2" not in str(redact_all(run, {"hunter2"}).steps) + str(redact_all(run, {"hunter2"}))
    assert redact_all(LATENCY, {"hunter2"}) == LATENCY


def test_settings_are_numbers_and_switches_that_are_no_secrets() -> None:
    variables = {
        "b": 4,
        "a": True,
        "share": 0.5,
        "text": "x",
        "list": [1],
        "pin_password": 1234,
        "none": None,
    }
    assert settings_of(variables) == {"a": True, "b": 4, "share": 0.5}


def test_redaction_of_tokens() -> None:
    token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIyIn0.c2ln-bmF0dXJl_x"
    assert redact(f"Bearer {token}, and more", set()) == "Bearer [token], and more"
