"""Killed services and rebooted hosts come back and sell, unattended and in time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.conftest import Deployed
from tests.harness import hosts
from tests.harness.deadline import until
from tests.harness.selling import Shop, open_shop
from tests.harness.stack import Target

pytestmark = pytest.mark.hosts
AFTER_KILL_SECONDS = 10
AFTER_BOOT_SECONDS = 60
MAIN_PIDS = {
    "postgresql": "head -n 1 /var/lib/postgresql/14/main/postmaster.pid",
    "pgbouncer": "systemctl show --property=MainPID --value pgbouncer",
    "odoo": "systemctl show --property=MainPID --value odoo",
    "odoo-api": "systemctl show --property=MainPID --value odoo-api",
}

# PgBouncer refuses the first client that comes anew after PostgreSQL refused PgBouncer's own log-ins;
# that client need not be the next sale.
NEW_CONNECTION = """
cd / && runuser -u odoo -- /opt/odoo/bin/odoo-python - <<'END'
from odoo import sql_db
from odoo.tools import config

config.parse_config(["--config", "/etc/odoo/odoo.conf"])
with sql_db.db_connect("pos").cursor() as cr:
    cr.execute("SELECT 'connected'")
    print(*cr.fetchone())
END
"""


def connects_anew(target: Target) -> bool:
    """Return whether a new process of Odoo's gets a connection through the pooler."""
    return target.shell(NEW_CONNECTION).split()[-1] == "connected"


@pytest.fixture
def shop(deployed: Deployed) -> Iterator[Shop]:
    """An open till on the deployed host."""
    with open_shop(deployed) as shop:
        yield shop


@pytest.mark.parametrize("service", MAIN_PIDS)
def test_a_killed_service_sells_again(deployed: Deployed, shop: Shop, service: str) -> None:
    def main_pid() -> str:
        return deployed.shell(MAIN_PIDS[service]).strip()

    last = shop.sell()
    # Three times in a row: a start limit would stop the service for good at one of them.
    for _ in range(3):
        killed = main_pid()
        deployed.shell(f"kill -9 {killed}")
        # A new process must be there too: for a moment PostgreSQL's backends outlive their postmaster.
        taken = until(
            lambda killed=killed: main_pid() not in ("", "0", killed) and shop.sell() > last,
            AFTER_KILL_SECONDS,
            f"a sale after {service} was killed",
        )
        print(f"{service} killed: selling after {taken:.1f} s")
        until(
            lambda: connects_anew(deployed),
            AFTER_KILL_SECONDS,
            f"a new connection after {service} was killed",
        )


@pytest.mark.parametrize("how", ["reboot", "power cut"])
def test_a_rebooted_host_sells_again(deployed: Deployed, shop: Shop, how: str) -> None:
    last = shop.sell()
    hosts.call(deployed.run, "stop" if how == "reboot" else "kill", deployed.host)
    booted = time.monotonic()
    hosts.call(deployed.run, "start", deployed.host)
    left = AFTER_BOOT_SECONDS - (time.monotonic() - booted)
    until(lambda: shop.sell() > last, left, f"a sale after a {how}")
    until(lambda: connects_anew(deployed), AFTER_KILL_SECONDS, f"a new connection after a {how}")
    print(f"{how}: selling {time.monotonic() - booted:.1f} s after the boot began")
    assert deployed.shell("systemctl is-system-running").strip() == "running"
