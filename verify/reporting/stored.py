"""Reads reports that verify wrote."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from verify.reporting.document import SCHEMA_VERSION

NAME = "report.json"
SCHEMA = Path(__file__).with_name("report.schema.json")


class StoredReportError(Exception):
    """A file is no report that this version reads; the message names it and the way out."""


def read(path: Path) -> dict[str, Any]:
    """Return a report.

    Args:
        path: a report.json, or the folder that verify put it into.

    Raises:
        StoredReportError: there is none, it can't be read, or it does not fit this version's schema.
    """
    file = path / NAME if path.is_dir() else path
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoredReportError(
            f"{file}: no such file. Give a report.json that verify wrote, or its folder"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StoredReportError(f"{file} can't be read: {error}") from error
    except json.JSONDecodeError as error:
        raise StoredReportError(
            f"{file} is not JSON ({error}). It was cut short or is another file: verify again"
        ) from error
    _check_version(file, report)
    _check_shape(file, report)
    return dict(report)


def _check_version(file: Path, report: Any) -> None:
    version = report.get("schema_version") if isinstance(report, dict) else None
    if version == SCHEMA_VERSION:
        return
    if version is None:
        raise StoredReportError(f"{file} is JSON, but no report of verify: it has no schema_version")
    age = "an older" if isinstance(version, int) and version < SCHEMA_VERSION else "another"
    raise StoredReportError(
        f"{file} has schema version {version} and comes from {age} version of verify; this one reads version"
        f" {SCHEMA_VERSION}. Verify again with this version, or read it with the version that wrote it"
    )


def _check_shape(file: Path, report: dict[str, Any]) -> None:
    problem = jsonschema.exceptions.best_match(_validator().iter_errors(report))
    if problem is not None:
        place = problem.json_path.removeprefix("$").lstrip(".") or "its top"
        raise StoredReportError(
            f"{file} does not fit schema version {SCHEMA_VERSION} at {place}: {problem.message[:300]}."
            " It was changed after it was written: verify again"
        )


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
