"""What verify recommends is earned: each condition is provoked, seen, mended as advised, measured again."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.harness import hosts, playbook
from tests.harness.deadline import until
from tests.harness.stack import Target
from tests.harness.verifying import Verified, verify

pytestmark = [pytest.mark.hosts, pytest.mark.rotates("minutes")]

Advice = Mapping[str, Any]

# Everything that the rules about PostgreSQL and dbfilter warn of at once; the index and the transaction that
# is forgotten come on top.
WRONG: dict[str, Any] = {
    "postgresql_settings": {"work_mem": "64kB", "shared_buffers": "1MB", "max_wal_size": "32MB"},
    # What is idle for longer than Odoo lets a request take is no request.
    "odoo_settings": {"dbfilter": "^pos$", "limit_time_real": 60},
}
EXPECTED = {
    "work_mem": "postgresql_settings.work_mem",
    "cache": "postgresql_settings.shared_buffers",
    "checkpoints": "postgresql_settings.max_wal_size",
    "missing_index": "index of pos_order_line.order_id",
    "idle_in_transaction": "postgresql_settings.idle_in_transaction_session_timeout",
    "dbfilter": "odoo_settings.dbfilter",
}
# The figure that shows each, and whether less of it is better.
FIGURES = {
    "work_mem": ("files of sorts and hashes, a thousand transactions", True),
    "cache": ("pages found in shared_buffers", False),
    "missing_index": ("pos_order_line: rows read from end to end", True),
    "checkpoints": ("checkpoints that the WAL forced", True),
    "idle_in_transaction": ("idle with a transaction open, longest", True),
    "dbfilter": ("transactions in database postgres, a call", True),
}
PSQL = "cd / && runuser -u postgres -- psql -XAtq -d pos"
SQL = f"{PSQL} -v ON_ERROR_STOP=1"
# A busy day, from counters that begin anew: 200,000 lines are rung up, looked up by their order, and sorted.
DAY = f"""
{SQL} <<'END' >/dev/null
SELECT pg_stat_reset(), pg_stat_reset_shared('bgwriter'), pg_stat_reset_shared('wal');
SET client_min_messages = warning;
SET session_replication_role = replica;
TRUNCATE pos_order_line CASCADE;
INSERT INTO pos_order_line (order_id, product_id, name, qty, price_unit, price_subtotal, price_subtotal_incl)
  SELECT n / 10, 1, 'line ' || md5(n::text), 1, n % 97, n % 97, n % 97 FROM generate_series(1, 200000) n;
ANALYZE pos_order_line;
SELECT format('SELECT sum(qty) FROM pos_order_line WHERE order_id = %s', 199 * n)
  FROM generate_series(1, 100) n \\gexec
SELECT 'SELECT count(*) FROM (SELECT name FROM pos_order_line WHERE id % 5 = 0 ORDER BY name OFFSET 0) sorted'
  FROM generate_series(1, 10) \\gexec
END
"""
FORGET = f"""
systemctl stop forgotten.service 2>/dev/null || true
systemd-run --quiet --unit=forgotten sh -c \
  "(echo 'BEGIN; SELECT 1;'; sleep 900) | (export PGAPPNAME=forgotten; {PSQL})"
"""
FORGOTTEN_FOR = f"""
{SQL} -c "SELECT coalesce(max(extract(epoch FROM now() - state_change)), 0)::int FROM pg_stat_activity
           WHERE application_name = 'forgotten' AND state = 'idle in transaction'"
"""
LONG_SECONDS = 62


def write(target: Target, variables: Mapping[str, Any]) -> None:
    """Lay variables over those of the host's inventory."""
    (target.inventory / "group_vars" / "all" / "zz-advice.yml").write_text(yaml.safe_dump(dict(variables)))


def deploy(target: Target, tags: str) -> None:
    done = playbook.run(target.inventory, "--tags", tags)
    assert done.status == 0, done.output[-4000:]


def advised(found: Verified) -> dict[str, Advice]:
    """Return a report's advice by rule."""
    return {advice["rule"]: advice for check in found.report["checks"] for advice in check["advice"]}


def figure(found: Verified, name: str) -> float:
    """Return a figure of a report by its name."""
    (value,) = {
        measure["value"]
        for check in found.report["checks"]
        for measure in check["measures"]
        if measure["name"] == name
    }
    return float(value)


def followed(variables: Mapping[str, Any], advice: Advice) -> dict[str, Any]:
    """Return an inventory's variables with what was advised, written as it was proposed."""
    changed = copy.deepcopy(dict(variables))
    name, _, part = advice["variable"].partition(".")
    folder, key = (changed.setdefault(name, {}), part) if part else (changed, name)
    if "take it out" in advice["proposed"]:
        del folder[key]
    else:
        folder[key] = int(advice["proposed"]) if advice["proposed"].isdigit() else advice["proposed"]
    return changed


def test_settings_are_advised_and_the_advice_helps(clone_of: Callable[[str], Target], results: Path) -> None:
    target = clone_of("untuned")

    def looked(name: str) -> Verified:
        target.shell(DAY)
        options = ("--section", "performance", "--read-only", "-k", "tuning")
        return verify(target.inventory, results / name, *options)

    write(target, WRONG)
    deploy(target, "postgresql,odoo")
    target.shell(FORGET)
    target.shell(f"{SQL} -c 'DROP INDEX pos_order_line_order_id_index'")
    until(
        lambda: int(target.shell(FORGOTTEN_FOR)) >= LONG_SECONDS, 2 * LONG_SECONDS, "a long idle transaction"
    )
    before = looked("advice-before")
    assert before.status == 1, before.output[-4000:]
    advice = advised(before)
    assert {rule: found["variable"] for rule, found in advice.items()} == EXPECTED
    assert set(before.not_passed()) == {
        f"performance/test_tuning.py::{check}"
        for check in (
            *(f"test_rule[untuned-{rule}]" for rule in EXPECTED if rule != "dbfilter"),
            "test_requests[untuned-untuned-dbfilter]",
        )
    }

    variables: dict[str, Any] = WRONG
    for rule, found in advice.items():
        if rule == "missing_index":
            command = found["proposed"].removeprefix("what this makes: ").partition(";")[0]
            target.shell(f"{SQL} -c '{command}'")
        else:
            variables = followed(variables, found)
    write(target, variables)
    deploy(target, "postgresql")  # restarts it, and ends the forgotten transaction
    target.shell(FORGET)
    deploy(target, "odoo")
    until(lambda: int(target.shell(FORGOTTEN_FOR)) == 0, 2 * LONG_SECONDS, "the end of the idle transaction")
    after = looked("advice-after")
    assert not advised(after), after.output[-4000:]
    assert after.status == 0, after.output[-4000:]
    for name, less_is_better in FIGURES.values():
        was, now = figure(before, name), figure(after, name)
        assert (now < was) if less_is_better else (now > was), f"{name}: {was} before, {now} after"


def test_a_slow_disk_is_advised_and_another_one_helps(
    clone_of: Callable[[str], Target], results: Path
) -> None:
    target = clone_of("slow-disk")
    wal = "/var/lib/postgresql/14/main/pg_wal"
    move = """
        systemctl stop postgresql@14-main.service
        cp -a "$(readlink -f {wal})" {folder}/pg_wal
        rm -rf {wal}
        ln -sfn {folder}/pg_wal {wal}
        systemctl start postgresql@14-main.service
    """

    def looked(name: str) -> Verified:
        options = ("--section", "performance", "-k", "tuning and commits")
        return verify(target.inventory, results / name, *options)

    hosts.call(target.run, "disk", target.host, "/srv/slow", "400M")
    target.shell(move.format(wal=wal, folder="/srv/slow"))
    hosts.call(target.run, "throttle", target.host, "/srv/slow", "10")
    before = looked("disk-before")
    assert before.status == 1, before.output[-4000:]
    (advice,) = advised(before).values()
    assert (advice["rule"], advice["variable"]) == ("slow_disk", "disk of /srv/slow/pg_wal")
    assert "synchronous_commit stays on" in advice["reason"]
    target.shell("install -d -o postgres -g postgres /srv/fast")
    target.shell(move.format(wal=wal, folder="/srv/fast"))
    after = looked("disk-after")
    assert not advised(after), after.output[-4000:]
    name = "commit of next to nothing, median"
    assert figure(after, name) < figure(before, name) / 5


# Short steps, and other work on the machine is no matter: it is about which resource is named, and not about
# the rate to three digits.
LOAD: dict[str, Any] = {
    "odoo_max_cron_threads": 0,
    "verify_load_step_seconds": 4,
    "verify_load_objectives": {"p95_ms": 500, "errors": 0.01, "achieved": 0.95},
    "verify_load_driver_lag_ms": 5000,
    "verify_load_foreign_cpu": 1,
}
ONE_STEP = 5
SEVERAL_STEPS = 16


def test_workers_and_pool_are_advised_under_load_and_the_advice_helps(
    clone_of: Callable[[str], Target], results: Path
) -> None:
    target = clone_of("starved")

    def looked(name: str, variables: Mapping[str, Any], rate: float, seconds: int) -> Verified:
        load = {"verify_load_base_rate": rate, "verify_load_search_seconds": seconds}
        write(target, {**LOAD, **variables, **load})
        deploy(target, "pgbouncer,odoo")
        return verify(target.inventory, results / name, "--section", "load", "-k", "test_knee")

    def run_of(found: Verified) -> Mapping[str, Any]:
        (check,) = found.report["checks"]
        assert check["load_runs"], check["reason"]
        load_run: Mapping[str, Any] = check["load_runs"][0]
        return load_run

    one_at_a_time = {"pos_api_workers": 1, "pos_api_threads": 1}
    starved = looked("workers-before", one_at_a_time, 40, SEVERAL_STEPS)
    advice = advised(starved)
    assert set(advice) == {"workers"}, run_of(starved)
    assert advice["workers"]["variable"] == "pos_api_workers"
    broken = min(
        (step for step in run_of(starved)["steps"] if not step["held"]), key=lambda one: one["offered"]
    )

    narrow: dict[str, Any] = {"pgbouncer_settings": {"default_pool_size": 1, "reserve_pool_size": 0}}
    narrow["pgbouncer_settings"]["query_wait_timeout"] = 3  # what waits for each other gives up soon
    waiting = looked("pool-before", narrow, 30, ONE_STEP)
    advice |= advised(waiting)
    assert set(advised(waiting)) == {"pool"}, run_of(waiting)
    assert advice["pool"]["variable"] == "pgbouncer_settings.default_pool_size"
    assert run_of(waiting)["knee"] is None

    mended = followed(followed(narrow, advice["pool"]), advice["workers"])
    after = looked("load-after", mended, broken["offered"], ONE_STEP)
    assert not advised(after), run_of(after)
    (step,) = run_of(after)["steps"]
    assert step["held"], step["reason"]
    assert step["p95"] < broken["p95"]
