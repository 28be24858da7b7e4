"""What was committed is what the next read shows, on whichever worker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.shop import Shop
from tests.harness import hosts

pytestmark = pytest.mark.hosts

READS = 5000  # before the upgrade of a module, and as many after it
UPGRADE = (
    "cd /var/lib/odoo && runuser -u odoo -- /opt/odoo/bin/odoo server --config /etc/odoo/odoo.conf --no-http"
    " --update pos_api --stop-after-init"
)
PROGRAM = Path(__file__).with_name("fresh_on_host.py")


def read_after_writes(shop: Shop, token: str, seed: int) -> dict[str, Any]:
    """Write and read on the host, and return how many reads there were and which were stale."""
    given = json.dumps({"token": token, "url": "https://127.0.0.1", "reads": READS, "seed": seed})
    place = "/var/lib/odoo/fresh_on_host.py"
    shop.target.shell(f"cat > {place} <<'END'\n{PROGRAM.read_text()}\nEND\nchmod 644 {place}")
    said = hosts.send(
        shop.target.run,
        shop.target.host,
        f"sudo runuser -u odoo -- /opt/odoo/bin/odoo-python {place}",
        given,
        timeout=600,
    )
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def test_no_read_after_a_commit_is_stale(shop: Shop) -> None:
    """10,000 reads right after commits by the ORM and by SQL, after rollbacks, deletions and an upgrade."""
    caller = shop.caller("anna")
    for seed in (1, 2):
        caller.forget()
        caller.get("listProducts")
        found = read_after_writes(shop, caller.tokens["access_token"], seed)
        assert found["reads"] >= READS and found["stale"] == [], found
        if seed == 1:
            shop.target.shell(UPGRADE)
