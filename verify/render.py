"""The report as one self-contained HTML page."""

import base64
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

WORDS = {
    "passed": "passed",
    "failed": "FAILED",
    "error": "could not be judged",
    "not_run": "not run",
    "incomplete": "INCOMPLETE",
}


def page(report: dict[str, Any], folder: Path) -> str:
    """Return the page.

    Args:
        report: document as `verify.report.build` makes it.
        folder: the report's folder; screenshots are read from it and become part of the page.
    """
    environment = Environment(
        loader=PackageLoader("verify", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    concerns = [
        (name, list(checks)) for name, checks in groupby(report["checks"], lambda check: check["concern"])
    ]

    def picture(path: str) -> str:
        return "data:image/png;base64," + base64.b64encode((folder / path).read_bytes()).decode()

    return environment.get_template("report.html.j2").render(
        report=report, concerns=concerns, words=WORDS, picture=picture
    )
