"""``python -m verify``: run the checks, read a report again, compare two."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

COMMANDS = ("run", "report", "compare")
CHECKS = Path(__file__).parent
COULD_NOT_JUDGE = 2
WIDTH_OF_FILES = 150  # of tables that go into a file or a pipe
# pytest's own statuses beyond these are about the run and not about the estate.
JUDGED = (0, 1)
DESCRIPTION = """\
Verify a deployment: is it up, is it as it should be, and how fast is it?

  run      ask the estate of an inventory, and write a report
  report   make the page of a report.json again
  compare  say what became slower or broke between two reports

Exit status: 0 all held, 1 something fell short, 2 could not run or judge."""


def main(arguments: Sequence[str]) -> int:
    """Return the exit status of a command line.

    Args:
        arguments: without the program's name. Options without a command are those of ``run``.
    """
    arguments = list(arguments)
    if arguments and arguments[0].startswith("-") and arguments[0] not in ("-h", "--help"):
        arguments.insert(0, "run")
    # What follows run is pytest's to understand.
    if arguments[:1] == ["run"] and not {"-h", "--help"} & set(arguments):
        return run(arguments[1:])
    parser = argparse.ArgumentParser(
        prog="python -m verify",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="{run,report,compare}")
    _add_run(commands, described=arguments[:1] == ["run"])
    _add_report(commands)
    _add_compare(commands)
    given = parser.parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = given.function
    return command(given)


def run(arguments: Sequence[str]) -> int:
    """Run the checks, with progress on the terminal.

    Args:
        arguments: options of the checks and of pytest.
    """
    from verify.reporting.progress import Progress

    # A descriptor of its own, since pytest takes standard output away while a check runs.
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1) as stream:
        status = int(pytest.main([str(CHECKS), *arguments], plugins=[Progress(stream)]))
    return status if status in JUDGED else COULD_NOT_JUDGE


def report(given: argparse.Namespace) -> int:
    """Make the page of a report again, and say on the terminal what it says."""
    from verify.reporting import stored

    try:
        found = stored.read(given.report)
    except stored.StoredReportError as error:
        return _refuse(str(error))
    from verify.reporting import findings, render, summary

    folder = given.report if given.report.is_dir() else given.report.parent
    page = given.html or folder / "report.html"
    if not _write(page, render.page(found, folder)):
        return COULD_NOT_JUDGE
    console = Console(highlight=False, soft_wrap=True)
    for line in summary.lines(found):
        console.print(Text(line.text, style=line.colour))
    console.print(f"mode: {findings.mode(found)}", markup=False)
    rest = findings.remainder(found)
    console.print(f"verdict: {findings.WORDS[found['verdict']]}: {findings.headline(found)}", end="")
    console.print(f"; {rest}" if rest else "")
    console.print(f"report: {page}", markup=False)
    return 0


def compare(given: argparse.Namespace) -> int:
    """Compare two reports."""
    from verify.reporting import stored

    try:
        before, after = stored.read(given.before), stored.read(given.after)
    except stored.StoredReportError as error:
        return _refuse(str(error))
    from verify.reporting import compare as comparing
    from verify.reporting import compare_view

    found = comparing.compare(before, after, given.tolerance / 100)
    names = (str(given.before), str(given.after))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH_OF_FILES
    compare_view.show(found, names, console)
    if given.html and not _write(given.html, compare_view.page(found, names)):
        return COULD_NOT_JUDGE
    return comparing.exit_status(found)


def _add_run(commands: Any, *, described: bool) -> None:
    """Add ``run``; its options, for its help, are read from where pytest gets them, which takes a while."""
    parser = commands.add_parser(
        "run",
        help="ask the estate of an inventory, and write a report",
        usage="python -m verify run --inventory PATH [options] [pytest's options, such as -k, -m, -x]",
        epilog="Any other option goes to pytest. The same as: pytest verify --inventory PATH",
        allow_abbrev=False,
    )
    if described:
        from verify.conftest import pytest_addoption

        pytest_addoption(_OptionsOf(parser))  # type: ignore[arg-type]


class _OptionsOf:
    """Lets the function that tells pytest the options tell them to argparse, for the help."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.addoption = parser.add_argument

    def getgroup(self, _: str) -> "_OptionsOf":
        return self


def _add_report(commands: Any) -> None:
    parser = commands.add_parser(
        "report",
        help="make the page of a report.json again",
        allow_abbrev=False,
    )
    parser.add_argument("report", type=Path, metavar="REPORT", help="a report.json, or the folder it is in")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="where the page goes (default: report.html beside it)"
    )
    parser.set_defaults(function=report)


def _add_compare(commands: Any) -> None:
    parser = commands.add_parser(
        "compare",
        help="say what became slower or broke between two reports",
        description="A change of p95 counts if its 95 %% confidence interval leaves out 1 and it is above"
        " --tolerance.",
        epilog="Exit status: 0 nothing became worse, 1 something did, 2 the reports can't be compared.",
        allow_abbrev=False,
    )
    parser.add_argument("before", type=Path, metavar="A", help="a report.json or its folder: what was")
    parser.add_argument("after", type=Path, metavar="B", help="a report.json or its folder: what is")
    parser.add_argument(
        "--tolerance",
        type=_percent,
        default=10.0,
        metavar="PERCENT",
        help="changes up to this don't count (default: 10)",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with a chart, too")
    parser.set_defaults(function=compare)


def _percent(text: str) -> float:
    value = float(text.removesuffix("%"))
    if not 0 <= value < 1000:
        raise argparse.ArgumentTypeError(f"{text}: give a percentage from 0 to 1000")
    return value


def _write(file: Path, text: str) -> bool:
    """Write a page; return whether that was possible, and say why not."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        _refuse(f"{file} can't be written: {error.strerror}. Choose another place by --html FILE")
        return False
    return True


def _refuse(reason: str) -> int:
    print(f"verify: {reason}", file=sys.stderr)
    return COULD_NOT_JUDGE
