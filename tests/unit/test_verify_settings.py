"""Wanted settings against the rows of pg_settings."""

import pytest

from verify.estate.settings import agrees, written


@pytest.mark.parametrize(
    ("wanted", "setting", "kind", "unit", "same"),
    [
        ("2GB", "262144", "integer", "8kB", True),
        ("2GB", "262143", "integer", "8kB", False),
        ("262144", "262144", "integer", "8kB", True),
        ("1024MB", "1024", "integer", "MB", True),
        ("64MB", "65536", "integer", "kB", True),
        ("1s", "1000", "integer", "ms", True),
        ("1h", "3600000", "integer", "ms", True),
        ("60", "60", "integer", "s", True),
        ("1min", "60", "integer", "s", True),
        ("1min", "1", "integer", "s", False),
        ("1.1", "1.1", "real", None, True),
        ("4", "4.0", "real", None, True),
        ("on", "on", "bool", None, True),
        ("true", "on", "bool", None, True),
        ("off", "on", "bool", None, False),
        ("nonsense", "on", "bool", None, False),
        ("nonsense", "0", "integer", "ms", False),
        ("scram-sha-256", "scram-sha-256", "enum", None, True),
        ("md5", "scram-sha-256", "enum", None, False),
    ],
)
def test_agreement(wanted: str, setting: str, kind: str, unit: str | None, same: bool) -> None:
    assert agrees(wanted, setting, kind, unit) is same


def test_values_are_written_as_the_role_writes_them() -> None:
    assert written(True) == "on"
    assert written(["localhost", "10.0.0.1"]) == "localhost, 10.0.0.1"
    assert written(100) == "100"
