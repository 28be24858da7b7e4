"""On an estate that does not say otherwise, verify changes nothing and stays under its cap."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.harness import playbook
from tests.harness.deadline import until
from tests.harness.selling import open_shop
from tests.harness.stack import Target
from tests.harness.verifying import verify
from verify.clients import odoo_rpc

pytestmark = pytest.mark.hosts

CAP = 20
LOG = "/var/log/nginx/odoo.access.log"
# What writes by itself would hide what verify writes: Odoo's scheduled jobs, and the vacuum launcher.
VARIABLES = {
    "verify_writes": False,
    "verify_read_only_rate": CAP,
    "verify_load_foreign_cpu": 1,  # what else the machine does is not what this is about
    "odoo_max_cron_threads": 0,
    "postgresql_settings": {"autovacuum_naptime": "1d"},
}
# Rows of every table, and the next transaction id of the whole cluster: nothing can be written without one.
STATE = r"""
cd / && runuser -u postgres -- psql -XAtq -d pos <<'END'
SELECT json_build_object(
  'next_transaction', (SELECT pg_snapshot_xmax(pg_current_snapshot())::text),
  'rows', (SELECT json_object_agg(c.oid::regclass::text,
                                  (xpath('/row/n/text()', query_to_xml(
                                     format('SELECT count(*) AS n FROM %s', c.oid::regclass), false, true, ''
                                   )))[1]::text)
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind = 'r' AND n.nspname NOT IN ('information_schema', 'pg_catalog')));
END
"""


def state(target: Target) -> dict[str, Any]:
    """Return the rows of each table and the cluster's next transaction id."""
    found: dict[str, Any] = json.loads(target.shell(STATE))
    return found


def warm(target: Target) -> None:
    """Ask for the pages whose compiled assets Odoo stores when it is asked first, by whomever."""
    page = "curl --silent --fail --insecure --output /dev/null https://127.0.0.1/web/login"
    until(lambda: target.shell(f"{page} && echo yes || true").strip() == "yes", 60, "the login page")
    target.shell(
        r"""
        for path in $(curl -sk https://127.0.0.1/web/login | grep -oE '/web/assets/[^"]+'); do
          curl -sk -o /dev/null "https://127.0.0.1$path"
        done
        """
    )


def sell_something(target: Target) -> None:
    """Leave a product, an order and a closed session behind, as a shop has them."""
    with open_shop(target) as shop:
        shop.sell()
        goods = {"name": "Bread", "available_in_pos": True, "list_price": 2.5}
        odoo_rpc.call(shop.odoo, "product.template", "create", goods)


def test_a_read_only_run_writes_nothing_and_keeps_its_cap(
    clone_of: Callable[[str], Target], results: Path
) -> None:
    target = clone_of("untouched")
    sell_something(target)
    (target.inventory / "group_vars" / "all" / "quiet.yml").write_text(yaml.safe_dump(VARIABLES))
    tags = ("--tags", "postgresql,pgbouncer,odoo,verify")
    done = playbook.run(target.inventory, *tags, log=results / "untouched.log")
    assert done.status == 0, done.output[-4000:]
    warm(target)
    before = state(target)
    target.shell(f"truncate -s 0 {LOG}")
    run = verify(target.inventory, results / "untouched-report")
    assert run.status == 0, run.output[-6000:]
    after = state(target)
    assert {name: count for name, count in after["rows"].items() if count != before["rows"][name]} == {}
    assert after["next_transaction"] == before["next_transaction"], "a read-only run has written"
    report = run.report
    assert (report["mode"], report["cap"], report["verdict"]) == ("read-only", CAP, "passed")
    assert report["counts"]["writing_left_out"] > 0
    assert {"services", "configuration", "endpoints", "security", "performance"} <= set(report["sections"])
    seconds = Counter(
        line.split("[", 1)[1].split("]", 1)[0] for line in target.shell(f"cat {LOG}").splitlines()
    )
    assert sum(seconds.values()) > 100, "hardly anything was asked"
    # A second of the log may hold the end of an answer that was asked for in the second before.
    assert max(seconds.values()) <= CAP + 1, seconds.most_common(3)


def test_one_of_the_two_permissions_is_not_enough(clone_of: Callable[[str], Target], results: Path) -> None:
    target = clone_of("half-allowed")
    target.shell(
        "cd / && runuser -u postgres -- psql -Xq -d pos"
        " -c \"DELETE FROM ir_config_parameter WHERE key = 'tillstack.verify_writes'\""
    )
    run = verify(target.inventory, results / "half-allowed-report", "--section", "configuration")
    assert (run.status, run.report["mode"]) == (0, "read-only"), run.output[-4000:]
