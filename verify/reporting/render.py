"""The report as one self-contained HTML page."""

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

WORDS = {
    "passed": "passed",
    "invalid": "INVALID",
    "failed": "FAILED",
    "error": "could not be judged",
    "not_run": "not run",
    "incomplete": "INCOMPLETE",
}


def page(report: dict[str, Any], folder: Path) -> str:
    """Return the page.

    Args:
        report: document as `verify.reporting.document.build` makes it.
        folder: the report's folder; screenshots are read from it and become part of the page.
    """
    environment = Environment(
        loader=PackageLoader("verify", "reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    concerns: dict[str, list[dict[str, Any]]] = {}
    for check in report["checks"]:
        concerns.setdefault(check["concern"], []).append(check)

    def picture(path: str) -> str:
        return "data:image/png;base64," + base64.b64encode((folder / path).read_bytes()).decode()

    return environment.get_template("report.html.j2").render(
        report=report, concerns=concerns.items(), words=WORDS, picture=picture
    )
