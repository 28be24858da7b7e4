"""How `python -m verify run` shows a run: sections with their counts, and what fell short at once.

On a terminal it is a table that is kept up to date; elsewhere one line for each check.
"""

import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TextIO

import pytest
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from verify.reporting import findings, summary
from verify.reporting.document import as_data
from verify.reporting.findings import GRAVEST, MARKS, WORDS, duration
from verify.reporting.recorder import Recorder, section_of

COLOURS = {
    "passed": "green",
    "failed": "red",
    "error": "red",
    "invalid": "magenta",
    "not_run": "yellow",
    "incomplete": "yellow",
}
UPDATES_PER_SECOND = 5


class Progress:
    """The plugin that puts `Reporter` in the place of pytest's own.

    Args:
        stream: the terminal. Not ``sys.stdout``, which pytest takes away while a check runs.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        options = config.option
        if options.collectonly or options.usepdb or options.capture == "no" or options.help:
            return  # these want the terminal for themselves
        config.pluginmanager.unregister(name="terminalreporter")
        config.pluginmanager.register(Reporter(config, self._stream), "terminalreporter")


@dataclass
class Section:
    """A section of the run as far as it is."""

    name: str
    total: int
    began: float | None = None
    seconds: float = 0.0
    verdicts: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """The gravest verdict so far."""
        return next((verdict for verdict in GRAVEST if verdict in self.verdicts), "passed")

    @property
    def ended(self) -> bool:
        return len(self.verdicts) == self.total

    @property
    def elapsed(self) -> float:
        if self.began is None:
            return 0.0
        return self.seconds if self.ended else time.monotonic() - self.began


class Reporter(pytest.TerminalReporter):
    """Shows sections instead of files; everything else that prints does so through its base class."""

    def __init__(self, config: pytest.Config, stream: TextIO) -> None:
        super().__init__(config, stream)
        self.console = Console(file=stream, highlight=False, soft_wrap=not stream.isatty())
        self._began = time.monotonic()
        self._sections: dict[str, Section] = {}
        self._section_of: dict[str, Section] = {}
        self._titles: dict[str, str] = {}
        self._now = ""
        self._number = 0
        self._live: Live | None = None
        self._spinner = Spinner("dots")

    @property
    def _recorder(self) -> Recorder | None:
        plugins = self.config.pluginmanager.get_plugins()
        return next((plugin for plugin in plugins if isinstance(plugin, Recorder)), None)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self._session = session

    def pytest_collection(self) -> None:
        estate = ", ".join(self.config.getoption("--inventory"))
        self.console.print(
            Text.assemble(("verify ", "bold"), estate, (": asking Ansible what it describes", "dim"))
        )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._add_stats("error", [report])

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        recorder = self._recorder
        for item in session.items:
            name = section_of(item)
            section = self._sections.setdefault(name, Section(name, 0))
            section.total += 1
            self._section_of[item.nodeid] = section
            check = recorder.check(item.nodeid) if recorder else None
            self._titles[item.nodeid] = check.title if check else item.name
        if not session.items or recorder is None:
            return
        self.console.print(f"{len(session.items)} checks, {findings.mode(recorder.document())}")
        if self.console.is_terminal:
            self._live = Live(
                get_renderable=self._table,
                console=self.console,
                refresh_per_second=UPDATES_PER_SECOND,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def pytest_runtest_logstart(self, nodeid: str, location: Any) -> None:
        section = self._section_of[nodeid]
        self._now = self._titles[nodeid]
        if section.began is None:
            section.began = time.monotonic()
            if self._live is None:
                self.console.print(f"{section.name}: {section.total} checks")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        category, _, _ = self.config.hook.pytest_report_teststatus(report=report, config=self.config)
        self._add_stats(category, [report])
        if report.when != "teardown" or (recorder := self._recorder) is None:
            return
        check = recorder.check(report.nodeid)
        section = self._section_of[report.nodeid]
        section.verdicts.append(check.verdict)
        if section.ended and section.began is not None:
            section.seconds = time.monotonic() - section.began
        self._number += 1
        if self._live is None:
            place = f"[{self._number:>{len(str(len(self._titles)))}}/{len(self._titles)}]"
            self.console.print(
                f"  {place} {WORDS[check.verdict]:6} {check.seconds:6.2f} s  {check.title}", markup=False
            )
        if check.verdict in findings.ORDER:
            for line in summary.shortfall(findings.shortfall(as_data(check))):
                self.console.print(Text(line.text, style=COLOURS[check.verdict] if line.colour else ""))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        try:
            return (yield)
        finally:
            self._stop()

    @pytest.hookimpl(wrapper=True)
    def pytest_terminal_summary(self) -> Generator[None, None, None]:
        errors = self.stats.get("error", [])
        self.stats["error"] = [report for report in errors if isinstance(report, pytest.CollectReport)]
        self.summary_errors()  # of files that could not be read as checks; the others were shown
        return (yield)

    def summary_stats(self) -> None:
        """Print the outcome in a sentence."""
        recorder = self._recorder
        if recorder is None or not self._titles:
            return
        document = recorder.document()
        rest = findings.remainder(document)
        self.console.print(
            Text(
                f"{findings.headline(document)}{f'; {rest}' if rest else ''}."
                f" It took {duration(time.monotonic() - self._began)}.",
                style=f"bold {COLOURS[document['verdict']]}",
            )
        )

    def _report_keyboardinterrupt(self) -> None:
        """Say in a line why the run ended early."""
        self._stop()
        memo = self._keyboardinterrupt_memo
        said = memo.reprcrash.message if memo and memo.reprcrash else "interrupted"
        self.console.print(
            Text(said.removeprefix("_pytest.outcomes.Exit: ") or "interrupted", style="bold red")
        )

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2), expand=True)
        widths = (1, max(map(len, self._sections)), len("100/100"), len("10 min 10 s"))
        for width, side in zip(widths, ("left", "left", "right", "right"), strict=True):
            table.add_column(no_wrap=True, min_width=width, justify=side)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for section in self._sections.values():
            done = len(section.verdicts)
            count = f"{done}/{section.total}"
            if section.began is None:
                table.add_row(" ", Text(section.name, style="dim"), Text(count, style="dim"), "", "")
                continue
            colour = COLOURS[section.verdict]
            mark = Text(MARKS[section.verdict], style=colour) if section.ended else self._spinner
            wrong = [f"{section.verdicts.count(name)} {WORDS[name]}" for name in GRAVEST[:4]]
            said = ", ".join(text for text in wrong if not text.startswith("0 "))
            note = (
                Text(said, style=colour) if section.ended or not self._now else Text(self._now, style="dim")
            )
            table.add_row(mark, section.name, count, duration(section.elapsed), note)
        return table
