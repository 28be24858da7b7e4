"""The pytest plugin that makes the report, and adds to a failure the journal lines that explain it."""

import json
import time
from collections.abc import Generator, Sequence
from dataclasses import is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Literal

import pytest

from verify.estate.described import GROUPS, UnreachableError
from verify.estate.journal import excerpt
from verify.estate.machines import API, Machines, of_service
from verify.reporting import document as documents
from verify.reporting import findings, render, summary
from verify.reporting.document import Check, Run, Verdict
from verify.reporting.redaction import redact, redact_all, secrets_in, settings_of

# 0: all held, 1: something fell short, 2: could not be judged.
EXIT_STATUS = {"passed": 0, "incomplete": 0, "failed": 1, "error": 2, "invalid": 2}
COULD_NOT_JUDGE = 2


class InvalidMeasurementError(Exception):
    """The driver lagged or the host was busy with other work: the figures say nothing about the estate."""


class NotRun(pytest.skip.Exception):  # type: ignore[name-defined, misc]
    """The check does not apply here; the reason goes into the report, and the run is not complete."""


class Recorder:
    """Collects verdicts, and writes the report at the end.

    Args:
        folder: where the report goes.
        groups: hosts of each group, for those that could not be described.
    """

    mode: Literal["read-only", "writing"] = "read-only"
    cap: float | None = None
    writing_left_out = 0

    def __init__(self, folder: Path, groups: dict[str, list[str]]) -> None:
        self.machines: Machines | None = None
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                pass
        except OSError as error:
            text = f"--report-dir {folder}: no report can be written there: {error.strerror}"
            pytest.exit(f"could not run: {text}", COULD_NOT_JUDGE)
        self.groups = groups
        self._started = datetime.now(UTC)
        self._began = 0.0
        self._checks: dict[str, Check] = {}
        self._left_out = 0
        self._secrets: set[str] = set()

    def use(self, machines: Machines) -> None:
        """Take the described estate; from now on its secrets are left out of all output."""
        self.machines = machines
        for host in machines.estate.hosts.values():
            self._secrets |= secrets_in(host.variables)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self._left_out += len(items)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for name in ("report.json", "report.html"):
            (self._folder / name).unlink(missing_ok=True)  # a run that is killed leaves no other run's report
        for item in session.items:
            concern = str(getattr(getattr(item, "module", None), "CONCERN", item.nodeid))
            self._checks[item.nodeid] = Check(item.nodeid, _title(item), section_of(item), concern)

    def pytest_runtest_setup(self) -> None:
        self._began = time.monotonic()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        result = yield
        check = self._checks[item.nodeid]
        if result.when == "call" or result.failed:
            check.seconds += result.duration
        if result.skipped and not (call.excinfo and call.excinfo.errisinstance(NotRun)):
            result.outcome = "failed"
            result.longrepr = (
                f"skipped: {call.excinfo.value if call.excinfo else ''}; only a check that says why may"
            )
        if result.failed:
            invalid = call.excinfo is not None and call.excinfo.errisinstance(InvalidMeasurementError)
            fallen: Verdict = "invalid" if invalid else "failed" if result.when == "call" else "error"
            self._failed(item, result, check, fallen)
        elif result.skipped and call.excinfo:
            check.verdict, check.reason = "not_run", redact(str(call.excinfo.value), self._secrets)
        elif result.when == "call":
            check.verdict, check.reason = "passed", ""
        if result.when == "teardown":
            kept = [value for _, value in item.user_properties if is_dataclass(value)]
            check.evidence = [redact_all(evidence, self._secrets) for evidence in kept]
            # JUnit takes them from here, as text.
            result.user_properties = [
                (name, redact(str(value), self._secrets)) for name, value in item.user_properties
            ]
        return result

    def _failed(self, item: pytest.Item, result: pytest.TestReport, check: Check, verdict: Verdict) -> None:
        check.verdict = verdict
        reason = str(result.longrepr)
        check.reason = redact(reason, self._secrets)
        check.journal = redact(self._journal(item), self._secrets)
        if check.reason != reason:
            result.longrepr = check.reason
        result.sections = [(title, redact(text, self._secrets)) for title, text in result.sections]
        if check.journal:
            result.sections.append(("Journal", check.journal))

    def _journal(self, item: pytest.Item) -> str:
        """Return the journals of the groups that the check's marker ``explained_by`` names."""
        marker = item.get_closest_marker("explained_by")
        if marker is None or self.machines is None:
            return ""
        seconds = time.monotonic() - self._began
        excerpts = []
        for group in [each for one in marker.args for each in ((one, API) if one == "odoo" else (one,))]:
            try:
                machines = of_service(self.machines, group)
            except UnreachableError as error:
                excerpts.append(f"{group}: journal not read: {error}")
                continue
            excerpts += [excerpt(machine, group, seconds) for machine in machines]
        return "\n\n".join(excerpts)

    def check(self, nodeid: str) -> Check:
        """Return a check as far as it is; its verdict is final after its teardown."""
        return self._checks[nodeid]

    def document(self) -> dict[str, Any]:
        """Return the report as it stands."""
        estate = self.machines.estate if self.machines else None
        hosts = []
        for name in sorted({name for members in self.groups.values() for name in members}):
            host = estate.hosts.get(name) if estate else None
            hosts.append(
                {
                    "name": name,
                    "groups": [group for group in GROUPS if name in self.groups[group]],
                    "facts": host.facts if host else {},
                    "settings": settings_of(host.variables) if host else {},
                    "unreachable": "" if host else estate.unreachable[name] if estate else "not described",
                }
            )
        run = Run(
            mode=self.mode,
            cap=self.cap,
            sections=list(dict.fromkeys(check.section for check in self._checks.values())),
            left_out=self._left_out - self.writing_left_out,
            writing_left_out=self.writing_left_out,
            hosts=hosts,
            series=estate.variable("odoo_series") if estate else None,
            started=self._started,
            finished=datetime.now(UTC),
        )
        return documents.build(list(self._checks.values()), run)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and not session.config.option.collectonly:
            session.exitstatus = COULD_NOT_JUDGE
        if self._checks and not session.config.option.collectonly:
            document = self.document()
            if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
                judged = document["counts"]["passed"] or document["verdict"] != "incomplete"
                session.exitstatus = EXIT_STATUS[document["verdict"]] if judged else COULD_NOT_JUDGE
            (self._folder / "report.json").write_text(json.dumps(document, indent=2) + "\n")
            (self._folder / "report.html").write_text(render.page(document, self._folder), encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._checks:
            if self.writing_left_out:
                text = f"no check is left: {self.writing_left_out} write, and this run is read-only"
                terminalreporter.write_line(f"{text}: see verify_writes", red=True)
            elif self._left_out:
                terminalreporter.write_line("no check is left by the selection", red=True)
            return
        if terminalreporter.config.option.collectonly:
            return
        document = self.document()
        if document["fallback"]:
            terminalreporter.section("FALLBACK on Odoo 14.0: this run says nothing about Odoo 15.0", red=True)
        if findings.shortfalls(document):
            terminalreporter.section("what fell short")
        for line in summary.lines(document):
            terminalreporter.write_line(line.text, **({line.colour: True} if line.colour else {}))
        terminalreporter.write_line(f"mode: {findings.mode(document)}")
        terminalreporter.write_line(f"verdict: {findings.WORDS[document['verdict']]}", bold=True)
        terminalreporter.write_line(f"report: {self._folder / 'report.html'}")


def section_of(item: pytest.Item) -> str:
    """Return the section that a check belongs to: the name of its folder."""
    return item.path.parent.name


def _title(item: pytest.Item) -> str:
    """Return the first line of a check's docstring, with the hosts and cases it is run for."""
    documentation = getattr(getattr(item, "function", None), "__doc__", None) or item.name
    title = documentation.strip().splitlines()[0].rstrip(".")
    callspec = getattr(item, "callspec", None)
    cases = [getattr(case, "name", case) for case in callspec.params.values()] if callspec else []
    named = callspec.params.get("name") if callspec and "{name}" in title else None
    if named:  # what a check is about comes first
        title = title.replace("{name}", named)
        cases.remove(named)
    names = dict.fromkeys(case for case in cases if isinstance(case, str))
    return f"{title} ({', '.join(names)})" if names else title
