"""PostgreSQL as its clients meet it."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from verify.clients.database import connect, superuser_rows, value
from verify.estate.machines import Machine
from verify.measure.timing import milliseconds

CONCERN = "PostgreSQL"

pytestmark = pytest.mark.explained_by("postgresql")


def test_application_round_trip(direct: dict[str, Any], database: str, measure: Callable[..., None]) -> None:
    """PostgreSQL answers the application's user."""
    with closing(connect(direct, database)) as client:
        assert value(client, "SELECT current_user") == direct["user"]
        measure("SELECT 1, direct, median", milliseconds(lambda: value(client, "SELECT 1")), "ms")


def test_version(postgresql_host: Machine, measure: Callable[..., None]) -> None:
    """The server that runs is the wanted major version."""
    (row,) = superuser_rows(postgresql_host, "SELECT current_setting('server_version') AS version")
    measure("version", row["version"])
    assert int(row["version"].split(".")[0]) == int(postgresql_host.variables["postgresql_version"]), (
        "the cluster that answers is of another major version than postgresql_version"
    )
