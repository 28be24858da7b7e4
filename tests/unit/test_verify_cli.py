"""`python -m verify` as operators call it: what it refuses, what it prints, and its exit status."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.harness.hosts import ROOT
from tests.unit import verify_samples as samples
from verify import cli

SUITE = '''
"""Checks that need no estate."""
import pytest
from verify.reporting.document import Advice, Measure
from verify.reporting.recorder import InvalidMeasurementError, NotRun

CONCERN = "Things"

def test_holds():
    """A thing holds."""

def test_falls_short(request):
    """Another thing is fast enough."""
    request.node.user_properties.append(("m", Measure("round trip", 31.5, "ms", threshold=20.0)))
    advice = Advice("workers", "till", "odoo_workers", "4", "6", "all were busy; hunter22")
    request.node.user_properties.append(("a", advice))
    assert False, "the round trip takes 31.5 ms: see odoo_workers"

def test_unsound():
    """A third thing is measured."""
    raise InvalidMeasurementError("the driver lagged")

def test_no_browser():
    """A fourth thing is seen in a browser."""
    raise NotRun("no browser here")
'''
CONFTEST = """
from pathlib import Path
from verify.estate.described import Estate, Host
from verify.reporting.recorder import Recorder

class Machines:
    variables = {"odoo_admin_password": "hunter22", "odoo_workers": 4, "odoo_database": "pos"}
    host = Host("till", ("odoo",), {}, variables, {"cores": 2})
    estate = Estate({"till": host}, {})

def pytest_addoption(parser):
    parser.addoption("--inventory", action="append", default=[])

def pytest_configure(config):
    if config.option.xmlpath is None:
        config.option.xmlpath = "report/junit.xml"
    recorder = Recorder(Path("report"), {"odoo": ["till"], "postgresql": [], "pgbouncer": [], "nginx": []})
    recorder.use(Machines())
    config.pluginmanager.register(recorder)
"""
# The front door with another folder of checks behind it.
DOOR = """
import sys
from pathlib import Path
from verify import cli
cli.CHECKS = Path("checks")
sys.exit(cli.main(sys.argv[1:]))
"""


def _call(
    *arguments: str | Path, cwd: Path, program: tuple[str, ...] = ("-m", "verify")
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *program, *map(str, arguments)],
        cwd=cwd,
        # Plugins of other tests take longer to load than these suites to run.
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _inside(*arguments: str | Path, cwd: Path) -> tuple[int, str, str]:
    """Return status, output and errors of a command line, without the start of a process."""
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            status = cli.main([str(argument) for argument in arguments])
        except SystemExit as ended:
            status = int(ended.code or 0)
    return status, output.getvalue(), errors.getvalue()


def _put_suite(root: Path) -> Path:
    folder = root / "checks/services"
    folder.mkdir(parents=True)
    (root / "checks/conftest.py").write_text(CONFTEST)
    (folder / "test_things.py").write_text(SUITE)
    return root


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A folder with a suite of checks that needs no estate."""
    return _put_suite(tmp_path)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Such a folder, and what a whole run in it said."""
    folder = _put_suite(tmp_path_factory.mktemp("ran"))
    return folder, _run(folder)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a stored report and its pictures."""
    folder = tmp_path_factory.mktemp("stored")
    (folder / "report.json").write_text(json.dumps(samples.report()))
    samples.put_screenshots(folder)
    return folder


def _run(suite: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _call("run", "--inventory", "mine", *arguments, cwd=suite, program=("-c", DOOR))


def _document(suite: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((suite / "report/report.json").read_text())
    return document


def test_run_says_at_once_what_fell_short(ran: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, done = ran
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    for text in (
        "services: 4 checks",
        "  [1/4] passed",
        "FAILED Another thing is fast enough",
        "    round trip 31.5 ms, wanted at most 20 ms",
        "    the round trip takes 31.5 ms: see odoo_workers",
        "    advice: till: set odoo_workers to 6 (now 4): all were busy; [secret]",
        "INVALID A third thing is measured",
        "NOT RUN A fourth thing is seen in a browser: no browser here",
        "verdict: FAILED",
        "1 of 3 checks fell short; 1 not soundly measured, 1 not run.",
    ):
        assert any(line.startswith(text) for line in lines), text
    # Once when it happens, and once at the end.
    assert lines.count("FAILED Another thing is fast enough") == 2
    assert "hunter22" not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_run_writes_all_reports_without_secrets(ran: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    suite, _ = ran
    assert _document(suite)["verdict"] == "failed"
    assert _document(suite)["hosts"][0]["settings"] == {"odoo_workers": 4}
    assert "31.5 ms" in (suite / "report/report.html").read_text()
    junit = (suite / "report/junit.xml").read_text()
    assert 'failures="2"' in junit and "31.5 ms" in junit
    for file in ("report.json", "report.html", "junit.xml"):
        assert "hunter22" not in (suite / "report" / file).read_text()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("-k", "holds"), 0, "All 1 check that ran held, but not all ran; 3 left out by selection."),
        (("-k", "unsound"), 2, "Nothing fell short, but 1 of 1 check gave no verdict"),
        (("-k", "no_browser"), 2, "No check ran; 1 not run, 3 left out by selection."),
        (("-k", "nothing"), 2, "no check is left by the selection"),
        (("--no-such-option",), 2, ""),
    ],
)
def test_run_ends_with_0_1_or_2(suite: Path, arguments: tuple[str, ...], status: int, said: str) -> None:
    done = _run(suite, *arguments)
    assert done.returncode == status, done.stdout + done.stderr
    assert said in done.stdout


def test_a_check_that_can_not_be_read_is_shown(suite: Path) -> None:
    (suite / "checks/services/test_broken.py").write_text("import nowhere_to_be_found")
    done = _run(suite)
    assert done.returncode == 2
    assert "nowhere_to_be_found" in done.stdout


def test_options_alone_are_those_of_run(suite: Path) -> None:
    done = _call("--inventory", "mine", "-k", "holds", cwd=suite, program=("-c", DOOR))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_killed_run_leaves_no_other_runs_report(suite: Path) -> None:
    (suite / "report").mkdir()
    (suite / "report/report.json").write_text("{}")
    (suite / "checks/services/test_things.py").write_text("import os\ndef test_a():\n    os._exit(9)\n")
    _run(suite)
    assert not (suite / "report/report.json").exists()


def test_pytest_shows_the_same_at_its_end(suite: Path) -> None:
    done = _call(
        "checks", "--inventory", "mine", "-p", "no:cacheprovider", cwd=suite, program=("-m", "pytest")
    )
    assert done.returncode == 1
    _, _, end = done.stdout.partition("what fell short")
    for text in (
        "round trip 31.5 ms, wanted at most 20 ms",
        "set odoo_workers to 6",
        "INVALID A third thing",
    ):
        assert text in end


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "arguments are required: {run,report,compare}"),
        (("report",), "required: REPORT"),
        (("compare", "a.json"), "required: B"),
        (("compare", "a.json", "b.json", "--tolerance", "much"), "--tolerance"),
        (("compare", "a.json", "b.json", "--tolerance", "-5"), "--tolerance"),
    ],
)
def test_what_can_not_be_understood_is_refused(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    status, _, errors = _inside(*arguments, cwd=tmp_path)
    assert status == 2
    assert said in errors


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run",), "say which estate to verify: --inventory"),
        (("run", "--inventory", "x", "--section", "speed"), "the sections are services"),
        (("prove",), "invalid choice: 'prove'"),
        (("report", "nowhere.json"), "nowhere.json: no such file"),
    ],
)
def test_the_program_refuses_with_status_2(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = _call(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_can_not_be_written_is_refused_before_any_check(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "hosts").write_text("[odoo]\ntill\n")
    done = _call("run", "--inventory", "hosts", "--report-dir", "file/report", cwd=tmp_path)
    assert done.returncode == 2
    assert "--report-dir file/report: no report can be written there" in done.stderr


BROKEN = {
    "cut short": ('{"schema_version": 2, "verdict": ', "is not JSON"),
    "another file": ("[1, 2]", "no report of verify"),
    "version 1": ('{"schema_version": 1}', "has schema version 1"),
    "version 3": ('{"schema_version": 3}', "this one reads version 2"),
    "changed": (
        json.dumps(samples.report([]) | {"verdict": "splendid"}),
        "at verdict: 'splendid' is not one of",
    ),
    "bytes": ("\udcff", "can't be read"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("command", ["report", "compare"])
def test_a_broken_report_is_refused_with_the_way_out(
    tmp_path: Path, stored: Path, name: str, command: str
) -> None:
    text, said = BROKEN[name]
    file = tmp_path / "broken.json"
    file.write_text(text, errors="surrogateescape")
    status, _, errors = _inside(command, *([stored] if command == "compare" else []), file, cwd=tmp_path)
    assert status == 2
    assert str(file) in errors and said in errors


def test_report_makes_the_page_again(stored: Path, tmp_path: Path) -> None:
    done = _call("report", stored, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (stored / "report.html").read_text()
    assert "4 of 95 checks fell short" in page and "data:image/png;base64," in page
    assert "set odoo_workers to 6" in done.stdout
    assert _inside("report", stored / "report.json", "--html", "new/page.html", cwd=tmp_path)[0] == 0
    assert (tmp_path / "new/page.html").read_text() == page


def test_a_page_that_can_not_be_written_is_refused(stored: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, _, errors = _inside("report", stored, "--html", "file/page.html", cwd=tmp_path)
    assert status == 2
    assert "file/page.html can't be written" in errors


def test_a_moved_report_says_which_pictures_it_lacks(stored: Path, tmp_path: Path) -> None:
    shutil.copy(stored / "report.json", tmp_path)
    assert _inside("report", tmp_path, cwd=tmp_path)[0] == 0
    assert "not beside this report" in (tmp_path / "report.html").read_text()


def test_compare_of_a_report_with_itself_holds(stored: Path, tmp_path: Path) -> None:
    done = _call("compare", stored, stored, "--html", "both.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Nothing became worse." in done.stdout
    assert "listOrders x 10" in done.stdout
    heads = next(line.split() for line in done.stdout.splitlines() if "p50 A" in line)
    assert heads == [
        "p50",
        "A",
        "p50",
        "B",
        "p95",
        "A",
        "interval",
        "p95",
        "B",
        "interval",
        "B/A",
        "interval",
    ]
    assert '<svg class="chart"' in (tmp_path / "both.html").read_text()


def test_compare_finds_what_became_slower(stored: Path, tmp_path: Path) -> None:
    (tmp_path / "slower.json").write_text(json.dumps(samples.report(samples.checks(1.5, seed=2))))
    status, said, _ = _inside("compare", stored, "slower.json", cwd=tmp_path)
    assert status == 1
    assert "latencies became slower." in said
    assert _inside("compare", stored, "slower.json", "--tolerance", "200%", cwd=tmp_path)[0] == 0


def test_compare_without_latencies_on_one_side_says_so(stored: Path, tmp_path: Path) -> None:
    (tmp_path / "few.json").write_text(json.dumps(samples.report(samples.other_checks())))
    status, said, _ = _inside("compare", stored, "few.json", cwd=tmp_path)
    assert status == 2
    assert "B has none; B ran services" in said
