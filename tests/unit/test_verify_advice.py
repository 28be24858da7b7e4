"""The rules that recommend: each fires where figures fall short, says what to change, else keeps still."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from verify.advice import capacity, memory, sessions, tables, writing
from verify.advice.facts import MB, Commits, Counted, Database, Idle, Listings, Loaded, Table, Window
from verify.advice.gather import loaded_facts, pool_variable, risen
from verify.advice.rules import RULES, advise
from verify.measure.resources import Capacity, Usage

SETTINGS = {
    "work_mem": 7 * MB,
    "shared_buffers": 256 * MB,
    "max_wal_size": 1024 * MB,
    "checkpoint_timeout": 300.0,
    "checkpoint_completion_target": 0.9,
    "idle_in_transaction_session_timeout": 3600.0,
}
CALM = Counted(
    transactions=10_000, blocks_hit=1_000_000, blocks_read=5_000, timed=10, requested=30, wal_bytes=200 * MB
)


def database(rise: Counted = CALM, settings: dict[str, float] | None = None, **changes: Any) -> Database:
    """Return a database host without a fault, but for what is given."""
    facts = Database(
        host="db",
        window=Window("noon", 3600.0, rise),
        settings={**SETTINGS, **(settings or {})},
        overruled={},
        memory_mb=1024,
        size=500 * MB,
        available=8192 * MB,
        disk_free=100_000 * MB,
        longest_request=60.0,
        sessions=20,
    )
    return replace(facts, **changes)


LOADED = Loaded(
    limit="pool",
    used=Usage(cpu=0.3, workers_busy=5.0, queued=4.0, pool_active=2.0, pool_waiting=6.0),
    offered=20.0,
    odoo="app",
    pgbouncer="pooler",
    workers=5,
    cron_threads=2,
    odoo_hosts=1,
    odoo_memory_mb=8192,
    odoo_available=8192 * MB,
    pool=2,
    reserve=1,
    pool_variable="pgbouncer_default_pool_size",
    connections=60,
    max_connections=100,
    connections_follow=True,
)


def test_every_rule_has_a_name_of_its_own_and_says_what_holds() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES) >= 9
    assert all(rule.holds and not rule.holds.endswith(".") for rule in RULES)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.facts is Database], ids=lambda one: one.name)
def test_no_rule_fires_on_a_calm_host(rule: Any) -> None:
    finding = rule.look(database())
    assert finding.advice is None
    assert not finding.lacking
    assert finding.measures


@pytest.mark.parametrize("look", [memory.work_mem, memory.cache])
def test_too_few_transactions_are_no_verdict(look: Any) -> None:
    finding = look(database(replace(CALM, transactions=99, temp_files=50)))
    assert finding.advice is None
    assert "99 transactions since noon" in finding.lacking


def test_work_mem_is_proposed_from_the_size_of_the_spills() -> None:
    rise = replace(CALM, temp_files=200, temp_bytes=200 * 10 * MB)
    advice = memory.work_mem(database(rise)).advice
    assert advice and advice.variable == "postgresql_settings.work_mem"
    assert (advice.current, advice.proposed) == ("7MB", "32MB")
    assert "200 files of 10.0 MB" in advice.reason


def test_spills_of_a_report_now_and_then_are_no_reason() -> None:
    assert memory.work_mem(database(replace(CALM, temp_files=10, temp_bytes=10**9))).advice is None
    few = replace(CALM, transactions=200, temp_files=4, temp_bytes=10**9)
    assert memory.work_mem(database(few)).advice is None


def test_work_mem_asks_for_memory_where_there_is_none() -> None:
    rise = replace(CALM, temp_files=200, temp_bytes=200 * 100 * MB)
    advice = memory.work_mem(database(rise, available=256 * MB)).advice
    assert advice and advice.variable.startswith("memory of the host")
    assert "does not fit" in advice.reason


MISSES = replace(CALM, blocks_hit=900_000, blocks_read=300_000)


def test_a_larger_cache_is_proposed_by_the_variable_that_sizes_it() -> None:
    advice = memory.cache(database(MISSES)).advice
    assert advice and (advice.variable, advice.current) == ("postgresql_memory_mb", "1024")
    assert advice.proposed == str(4 * 576)  # 1.1 times the database, in steps of 64 MB
    overruled = memory.cache(database(MISSES, overruled={"shared_buffers": "256MB"})).advice
    assert overruled and overruled.variable == "postgresql_settings.shared_buffers"
    assert (overruled.current, overruled.proposed) == ("256MB", "576MB")


def test_the_first_reading_of_a_database_is_no_reason_for_a_cache() -> None:
    cold = replace(CALM, blocks_hit=100_000, blocks_read=60_000)  # 469 MB of 500
    assert memory.cache(database(cold)).advice is None


def test_a_cache_that_memory_does_not_hold_asks_for_memory() -> None:
    advice = memory.cache(database(MISSES, available=60 * MB)).advice
    assert advice and advice.variable.startswith("memory of the host")


LINES = Table("pos_order_line", 200_000, ("order_id",))


def test_a_missing_index_is_named_with_the_command_that_makes_it() -> None:
    rise = replace(CALM, scans={"pos_order_line": (20, 20 * 200_000), "res_partner": (90, 90 * 300)})
    finding = tables.missing_index(database(rise, tables=(LINES,)))
    advice = finding.advice
    assert advice and advice.variable == "index of pos_order_line.order_id"
    assert "CREATE INDEX CONCURRENTLY pos_order_line_order_id_index" in advice.proposed
    assert "20 times, 200000 rows each time" in advice.reason
    total, each = finding.measures
    assert (total.value, total.threshold) == (4_000_000, None)
    assert (each.value, each.threshold) == (200_000, 10_000)


def test_a_big_table_with_its_indexes_may_be_read_as_a_whole() -> None:
    rise = replace(CALM, scans={"pos_order_line": (20, 20 * 200_000)})
    finding = tables.missing_index(database(rise, tables=(replace(LINES, missing=()),)))
    assert finding.advice is None
    assert finding.measures[0].value == 4_000_000


def test_an_index_that_nobody_misses_is_no_reason() -> None:
    assert tables.missing_index(database(tables=(LINES,))).advice is None


def test_max_wal_size_is_proposed_from_the_wal_between_checkpoints() -> None:
    rise = replace(CALM, wal_bytes=60_000 * MB, requested=120, timed=3)
    advice = writing.checkpoints(database(rise)).advice
    assert advice and advice.variable == "postgresql_settings.max_wal_size"
    assert advice.proposed == "16384MB"  # 1.9 times the 5000 MB of five minutes
    assert "forced 111 checkpoints" in advice.reason


def test_checkpoints_that_commands_asked_for_are_not_the_wals() -> None:
    assert writing.checkpoints(database(replace(CALM, requested=500))).advice is None


def test_a_full_disk_bounds_the_wal() -> None:
    rise = replace(CALM, wal_bytes=60_000 * MB, requested=120, timed=3)
    advice = writing.checkpoints(database(rise, disk_free=4000 * MB)).advice
    assert advice and advice.proposed == "2024MB"
    assert "needs a larger one" in advice.reason


def test_a_slow_disk_is_named_and_commits_stay_safe() -> None:
    slow = Commits("db", "/var/lib/wal", "/dev/sdb1", (12.0, 25.0, 26.0), (0.01, 0.01, 0.02))
    advice = writing.slow_disk(slow).advice
    assert advice and "/var/lib/wal" in advice.variable and advice.current == "/dev/sdb1"
    assert "synchronous_commit stays on" in advice.reason
    assert writing.slow_disk(replace(slow, milliseconds=(0.2, 0.3, 99.0))).advice is None


def test_an_idle_transaction_is_ended_by_its_timeout() -> None:
    idle = (Idle("odoo report", 75.4), Idle("odoo", 3.0))
    advice = sessions.idle_in_transaction(database(idle=idle)).advice
    assert advice and advice.variable == "postgresql_settings.idle_in_transaction_session_timeout"
    assert (advice.current, advice.proposed) == ("3600s", "60s")
    assert "odoo report for 75 s" in advice.reason
    assert sessions.idle_in_transaction(database(idle=idle[1:])).advice is None


LISTED = Listings("app", "^pos$", ("pos",), 20, 21, 0.9, 8.0)


def test_dbfilter_is_taken_out_where_one_database_is_named() -> None:
    advice = sessions.dbfilter(LISTED).advice
    assert advice and advice.variable == "odoo_settings.dbfilter" and "take it out" in advice.proposed
    assert sessions.dbfilter(replace(LISTED, listings=1)).advice is None
    assert sessions.dbfilter(replace(LISTED, names=("pos", "shop"))).advice is None
    none = sessions.dbfilter(replace(LISTED, dbfilter=""))
    assert none.advice is None
    assert all(figure.threshold is None for figure in none.measures)


def test_a_pool_is_made_as_large_as_odoo_needs() -> None:
    (finding,) = advise(LOADED)
    advice = finding.advice
    assert advice and advice.variable == "pgbouncer_default_pool_size"
    assert (advice.host, advice.current, advice.proposed) == ("pooler", "2", "14")
    assert "6.0 clients waited" in advice.reason


def test_a_pool_that_postgresql_does_not_admit_names_both() -> None:
    fixed = replace(LOADED, connections=95, max_connections=100, connections_follow=False)
    advice = capacity.pool(fixed).advice
    assert advice and advice.variable.endswith("and postgresql_settings.max_connections")
    assert advice.proposed == "14 and 110"


def test_workers_are_proposed_as_cpus_and_memory_admit() -> None:
    starved = replace(LOADED, limit="workers", workers=1, used=replace(LOADED.used, workers_busy=1.0))
    advice = capacity.workers(starved).advice
    assert advice and (advice.variable, advice.current, advice.proposed) == ("odoo_workers", "1", "3")
    free = replace(starved, used=replace(starved.used, cpu=0.1))
    assert (found := capacity.workers(free).advice) and found.proposed == "5"  # as many as had work
    tight = replace(free, odoo_memory_mb=300 + 4 * 325)  # beside two cron workers
    assert (found := capacity.workers(tight).advice) and found.proposed == "2"
    full = replace(free, odoo_memory_mb=300 + 3 * 325)
    assert (found := capacity.workers(full).advice) and found.variable == "odoo_memory_mb"


def test_threads_are_proposed_where_the_api_has_a_server_of_its_own() -> None:
    busy = replace(LOADED.used, workers_busy=4.0, queued=1.0)
    starved = replace(LOADED, limit="workers", workers=4, api_workers=2, http_workers=4, used=busy, cores=2)
    advice = capacity.workers(starved).advice
    assert advice and (advice.variable, advice.current, advice.proposed) == ("pos_api_threads", "2", "3")
    flooded = replace(starved, used=replace(busy, queued=60.0))
    assert (found := capacity.workers(flooded).advice) and found.proposed == "4"  # a step at a time
    narrow = replace(starved, cores=4)
    assert (found := capacity.workers(narrow).advice)
    assert (found.variable, found.current, found.proposed) == ("pos_api_workers", "2", "4")
    assert capacity.least_pool(starved) == 1 + 4 + 4 + 2 * 2 + 4


def test_other_limits_are_no_matter_of_pools_or_workers() -> None:
    assert advise(replace(LOADED, limit="cpu")) == []


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"pgbouncer_databases": [{"name": "*"}]}, "pgbouncer_default_pool_size"),
        ({"pgbouncer_settings": {"default_pool_size": 2}}, "pgbouncer_settings.default_pool_size"),
        (
            {"pgbouncer_databases": [{"name": "*"}, {"name": "pos", "pool_size": 3}]},
            "pgbouncer_databases (pos): pool_size",
        ),
    ],
)
def test_the_variable_that_sizes_the_pool_is_named(variables: dict[str, Any], named: str) -> None:
    assert pool_variable(variables, "pos") == named


def test_counters_rise_from_the_first_reading_on() -> None:
    before = Counted(at=100.0, transactions=50, temp_files=1, scans={"a": (5, 50)})
    now = Counted(at=160.0, transactions=80, temp_files=4, scans={"a": (7, 90), "b": (1, 10)})
    window = risen(before, now, "this section began")
    assert (window.seconds, window.rise.transactions, window.rise.temp_files) == (60.0, 30, 3)
    assert window.rise.scans == {"a": (2, 40), "b": (1, 10)}


def machines(**of_pooler: Any) -> Any:
    """Return an estate of one host, as far as facts about load are taken from it."""
    variables = {
        "odoo_database": "pos",
        "odoo_max_cron_threads": 2,
        "odoo_memory_mb": 3072,
        "pgbouncer_databases": [{"name": "*"}],
        "pgbouncer_default_pool_size": 14,
        "pgbouncer_reserve_pool_size": 6,
        "pgbouncer_postgres_pool_size": 12,
        "pgbouncer_session_databases": ["pos"],
        "pgbouncer_session_pool_size": 9,
        "postgresql_settings": {},
        "__postgresql_effective_settings": {"max_connections": 100},
        **of_pooler,
    }
    shell = SimpleNamespace(output=lambda command: "1048576")
    machine = SimpleNamespace(name="pos", variables=variables, shell=shell)
    return SimpleNamespace(of_group=lambda group: [machine])


def test_facts_about_load_are_those_of_the_sizing() -> None:
    facts = loaded_facts(machines(), "pool", Usage(), 20.0, Capacity(workers=5, pool=20))
    assert facts
    assert (facts.pool, facts.reserve, facts.odoo_available) == (14, 6, 1024 * MB)
    assert facts.connections == 14 + 6 + 2 + 12 + 2 + 9 + 2 + 4 + 5 + 10
    assert facts.connections_follow


@pytest.mark.parametrize(
    "variables",
    [
        {"postgresql_settings": {"max_connections": 60}},
        {"pgbouncer_settings": {"default_pool_size": 14, "reserve_pool_size": 6}},
    ],
)
def test_max_connections_does_not_follow_what_overrules_the_sizing(variables: dict[str, Any]) -> None:
    facts = loaded_facts(machines(**variables), "pool", Usage(), 20.0, Capacity(workers=5, pool=20))
    assert facts and not facts.connections_follow
