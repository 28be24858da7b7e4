"""The pytest plugin behind the report, tried on small suites."""

import json
from pathlib import Path
from typing import Any

import matplotlib.figure  # noqa: F401  pytester forgets what a suite imports, and numpy can't come twice
import pytest

pytest_plugins = ["pytester"]

CONFTEST = """
from pathlib import Path
import pytest
from verify.estate.described import Estate, Host, UnreachableError
from verify.reporting.recorder import InvalidMeasurementError, NotRun, Recorder
from verify.reporting.document import Measure

class Machines:
    host = Host("till", ("odoo",), {}, {"odoo_admin_password": "hunter22"}, {"cores": 2})
    estate = Estate({"till": host}, {"gone": "no route"})
    def of_group(self, group):
        raise UnreachableError(f"the {group} host is gone")

def pytest_configure(config):
    config.addinivalue_line("markers", "explained_by(*groups): x")
    groups = {"odoo": ["till", "gone"], "postgresql": [], "pgbouncer": [], "nginx": []}
    recorder = Recorder(Path("report"), groups)
    recorder.use(Machines())
    config.pluginmanager.register(recorder)

@pytest.fixture
def broken():
    raise UnreachableError("host gone: no route")
"""


def _run(pytester: pytest.Pytester, suite: str) -> tuple[pytest.RunResult, dict[str, Any]]:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(f"import pytest\nfrom conftest import *\nCONCERN = 'Things'\n{suite}")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    return result, json.loads((pytester.path / "report/report.json").read_text())


def _check(document: dict[str, Any], name: str) -> dict[str, Any]:
    (check,) = [check for check in document["checks"] if check["id"].endswith(f"::{name}")]
    return check


def test_a_plain_skip_fails(pytester: pytest.Pytester) -> None:
    result, document = _run(pytester, "def test_a():\n    pytest.skip('later')")
    assert result.ret == 1
    assert _check(document, "test_a")["verdict"] == "failed"


def test_what_says_why_it_did_not_run_is_not_a_pass(pytester: pytest.Pytester) -> None:
    suite = "def test_a():\n    raise NotRun('no browser')\ndef test_b():\n    pass"
    result, document = _run(pytester, suite)
    check = _check(document, "test_a")
    assert (check["verdict"], check["reason"]) == ("not_run", "no browser")
    assert document["verdict"] == "incomplete"
    result.stdout.fnmatch_lines(["NOT RUN test_a: no browser", "verdict: INCOMPLETE"])


def test_an_unreachable_host_is_an_error_with_its_reason(pytester: pytest.Pytester) -> None:
    result, document = _run(pytester, "def test_a(broken):\n    pass")
    check = _check(document, "test_a")
    assert result.ret == 2
    assert check["verdict"] == "error"
    assert "no route" in check["reason"]
    assert [host["unreachable"] for host in document["hosts"]] == ["no route", ""]


def test_an_unsound_measurement_is_neither_pass_nor_fail(pytester: pytest.Pytester) -> None:
    suite = "def test_a():\n    raise InvalidMeasurementError('the driver lagged')"
    result, document = _run(pytester, suite)
    assert result.ret == 2
    assert _check(document, "test_a")["verdict"] == document["verdict"] == "invalid"
    result.stdout.fnmatch_lines(["*the driver lagged*", "verdict: INVALID"])


def test_a_failed_clean_up_is_no_pass(pytester: pytest.Pytester) -> None:
    suite = (
        "@pytest.fixture\ndef left():\n    yield\n    assert False, 'still open'\ndef test_a(left):\n    pass"
    )
    _, document = _run(pytester, suite)
    assert _check(document, "test_a")["verdict"] == "error"


def test_a_failure_says_that_the_journal_could_not_be_read(pytester: pytest.Pytester) -> None:
    suite = "@pytest.mark.explained_by('odoo')\ndef test_a():\n    assert False"
    result, document = _run(pytester, suite)
    assert "the odoo host is gone" in _check(document, "test_a")["journal"]
    result.stdout.fnmatch_lines(["*Journal*", "*the odoo host is gone*"])


def test_secrets_stay_out_of_report_and_terminal(pytester: pytest.Pytester) -> None:
    suite = "def test_a():\n    print('printed hunter22')\n    assert 'hunter' + '22' == 'nothing'"
    result, _ = _run(pytester, suite)
    assert "hunter22" not in "".join(path.read_text() for path in Path("report").iterdir())
    shown = "\n".join(line for line in result.outlines if "print(" not in line)
    assert "hunter22" not in shown
    assert "[secret]" in shown


def test_figures_reach_the_report(pytester: pytest.Pytester) -> None:
    suite = (
        "def test_a(request):\n"
        "    '''A thing is fast.'''\n"
        "    request.node.user_properties.append(('trip', Measure('trip', 0.5, 'ms')))"
    )
    _, document = _run(pytester, suite)
    check = _check(document, "test_a")
    assert check["title"] == "A thing is fast"
    assert check["measures"] == [
        {"name": "trip", "value": 0.5, "unit": "ms", "threshold": None, "at_most": True}
    ]


def test_what_was_left_out_is_counted(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\naddopts = -k test_a")
    _, document = _run(pytester, "def test_a():\n    pass\ndef test_b():\n    pass")
    assert document["counts"]["left_out"] == 1
    assert document["verdict"] == "incomplete"
