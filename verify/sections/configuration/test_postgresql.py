"""PostgreSQL as its clients meet it."""

from typing import Any

import pytest

from verify.clients.database import superuser_rows
from verify.estate.machines import Machine
from verify.estate.settings import agrees, written

CONCERN = "PostgreSQL"


pytestmark = pytest.mark.explained_by("postgresql")


# reset_val is what a session starts with; setting is 0 for what a unix socket hasn't, such as keepalives.
SETTINGS = "SELECT name, reset_val AS setting, vartype, unit, pending_restart FROM pg_settings"


def _rows(machine: Machine, query: str) -> list[dict[str, Any]]:
    return superuser_rows(machine.shell, machine.variables["postgresql_port"], query)


def test_settings_in_effect(postgresql_host: Machine) -> None:
    """Every wanted setting is in effect."""
    wanted = postgresql_host.variables["__postgresql_effective_settings"]
    assert wanted, "the role describes no settings"
    live = {row["name"]: row for row in _rows(postgresql_host, SETTINGS)}
    different = []
    for name, wish in wanted.items():
        row = live.get(name)
        if row is None:
            different.append(f"{name}: wanted {wish}, unknown to the server")
        elif not agrees(written(wish), row["setting"], row["vartype"], row["unit"]):
            different.append(
                f"{name}: wanted {written(wish)}, in effect {row['setting']} {row['unit'] or ''}"
            )
    assert not different, "run site.yml, or look for what overrides conf.d (ALTER SYSTEM, a later file)"


def test_no_restart_pending(postgresql_host: Machine) -> None:
    """No changed setting waits for a restart."""
    pending = [row["name"] for row in _rows(postgresql_host, SETTINGS) if row["pending_restart"]]
    assert pending == [], "set postgresql_restart_allowed: true and run site.yml, or restart the cluster"
