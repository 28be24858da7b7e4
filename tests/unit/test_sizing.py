"""The sizing calculation: its numbers fit each other, follow explicit values, and bad input is named."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

_path = Path(__file__).resolve().parents[2] / "plugins" / "filter" / "sizing.py"
_spec = importlib.util.spec_from_file_location("sizing", _path)
assert _spec is not None and _spec.loader is not None
sizing = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sizing)


def host(memory_mb: int = 8192, cores: int = 4, **variables: Any) -> dict[str, Any]:
    """Variables of a host with gathered facts."""
    return {"ansible_facts": {"memtotal_mb": memory_mb, "processor_vcpus": cores}, **variables}


ONE_DB = {"odoo": ["db"], "postgresql": ["db"]}
ONE = {"odoo": ["till"], "postgresql": ["till"], "pgbouncer": ["till"]}
SPLIT = {"odoo": ["app1", "app2"], "postgresql": ["db"], "pgbouncer": ["pool1", "pool2"]}


def split_hosts(**of_pool1: Any) -> dict[str, dict[str, Any]]:
    return {
        "app1": host(),
        "app2": host(),
        "db": host(16384, 8),
        "pool1": host(2048, 2, **of_pool1),
        "pool2": host(2048, 2),
    }


@pytest.mark.parametrize(
    ("memory_mb", "cores", "workers"),
    [(8192, 2, 5), (8192, 4, 7), (2048, 4, 1), (512, 1, 1), (65536, 16, 33)],
)
def test_workers_are_limited_by_cores_and_by_memory(memory_mb: int, cores: int, workers: int) -> None:
    assert sizing.sizing({"till": host(memory_mb, cores)}, ONE, "till")["odoo"]["workers"] == workers


@pytest.mark.parametrize(
    ("memory_mb", "cores", "workers"), [(8192, 2, 2), (8192, 4, 4), (4096, 4, 2), (2048, 4, 1), (512, 1, 1)]
)
def test_the_api_has_a_worker_for_each_core_that_memory_is_left_for(
    memory_mb: int, cores: int, workers: int
) -> None:
    sized = sizing.sizing({"till": host(memory_mb, cores)}, ONE, "till")["pos_api"]
    assert sized["workers"] == workers
    assert sized["memory_mb"] == sizing.API_MASTER_MB + workers * sizing.API_WORKER_MB
    assert sizing.API_WORKER_MB < sized["worker_max_mb"] < sized["max_mb"]


def test_the_api_of_a_host_is_sized_by_that_host_alone() -> None:
    for name, groups, hostvars in (("till", ONE, {"till": host()}), ("app1", SPLIT, split_hosts())):
        here = {group: [one for one in groups[group] if one == name] for group in ("odoo", "postgresql")}
        without_facts = {other: {} for other in hostvars} | {name: hostvars[name]}
        whole = sizing.sizing(hostvars, groups, name)["pos_api"]
        assert sizing.sizing(without_facts, here, name)["pos_api"] == whole


@pytest.mark.parametrize("off", [{"pos_api_server": "odoo"}, {"odoo_series": "14.0"}])
def test_without_a_server_of_its_own_the_api_takes_nothing_from_odoo(off: dict[str, str]) -> None:
    sized = sizing.sizing({"till": host(8192, 4, **off)}, ONE, "till")
    assert set(sized["pos_api"].values()) == {0} and sized["nginx"]["api_max_connections"] == 0
    assert sized["odoo"]["workers"] == 9
    assert sized["pgbouncer"]["session_pool_size"] == 9 + sizing.SESSION_SPARE, (
        "Odoo's workers read by it then"
    )


def test_every_thread_of_the_api_has_its_connections() -> None:
    few, many = (
        sizing.sizing({"till": host(odoo_workers=5, pos_api_workers=2, pos_api_threads=threads)}, ONE, "till")
        for threads in (1, 4)
    )
    grown = {name: value - few["pgbouncer"][name] for name, value in many["pgbouncer"].items()}
    assert grown["default_pool_size"] == 2 * 3 * (sizing.HTTP_CURSORS - 1)
    assert grown["postgres_pool_size"] == 2 * 3
    assert grown["session_pool_size"] == 2 * 3 + 3, "also those of a worker that is replaced"
    assert many["nginx"]["api_max_connections"] == 4 * few["nginx"]["api_max_connections"]
    needed = [one["postgresql"]["connections_needed"] for one in (few, many)]
    assert needed[1] - needed[0] >= 3 * 2 * 3


def test_clients_of_the_session_pool_do_not_crowd_out_the_others() -> None:
    pooler = sizing.sizing({"till": host(odoo_workers=5, pos_api_workers=2)}, ONE, "till")["pgbouncer"]
    processes = 5 + 2 + 2 + 2
    assert pooler["max_client_conn"] >= processes * sizing.DB_MAXCONN + 2 * pooler["session_pool_size"]


@pytest.mark.parametrize("memory_mb", [2048, 4096, 24105, 131072])
@pytest.mark.parametrize("cores", [1, 2, 8, 64])
def test_what_is_computed_has_no_problems(memory_mb: int, cores: int) -> None:
    hostvars = {"till": host(memory_mb, cores)}
    sized = sizing.sizing(hostvars, ONE, "till")
    effective = {f"pgbouncer_{name}": value for name, value in sized["pgbouncer"].items()}
    effective["max_connections"] = sized["postgresql"]["max_connections"]
    for name in ("workers", "max_cron_threads"):
        effective[f"odoo_{name}"] = sized["odoo"][name]
    assert sizing.sizing_problems(hostvars, ONE, "till", effective) == []


def test_pool_cannot_be_exhausted_by_processes_that_wait_for_their_last_cursor() -> None:
    fixed = {"odoo_workers": 5, "odoo_max_cron_threads": 2, "pos_api_workers": 2, "pos_api_threads": 3}
    sized = sizing.sizing({"till": host(**fixed)}, ONE, "till")
    held = (
        (5 + 2 * 3) * (sizing.HTTP_CURSORS - 1) + 2 * (sizing.CRON_CURSORS - 1) + sizing.LONGPOLLING_CURSORS
    )
    assert sized["pgbouncer"]["default_pool_size"] == held + 1


def test_postgres_entry_holds_all_listeners_and_a_notify_of_every_worker() -> None:
    sized = sizing.sizing({"till": host(odoo_workers=5, odoo_max_cron_threads=2)}, ONE, "till")
    threads = sized["pos_api"]["workers"] * sized["pos_api"]["threads"]
    assert sized["pgbouncer"]["postgres_pool_size"] >= (2 + 1) + (5 + threads + 2)


def test_max_connections_covers_every_pooler_and_every_odoo_host() -> None:
    hostvars = split_hosts(pgbouncer_default_pool_size=200)
    sized = sizing.sizing(hostvars, SPLIT, "db")["postgresql"]
    first, second = (sizing.sizing(hostvars, SPLIT, name)["pgbouncer"] for name in SPLIT["pgbouncer"])
    assert first["default_pool_size"] == 200 and second["default_pool_size"] < 200
    pooled = sizing.server_connections(first) + sizing.server_connections(second)
    assert sized["max_connections"] >= pooled + 2 * sizing.DIRECT_CURSORS + sizing.SUPERUSER_RESERVED


def test_a_shared_host_divides_its_memory_and_a_lone_one_does_not() -> None:
    shared = sizing.sizing({"till": host(8192)}, ONE, "till")
    alone = sizing.sizing(split_hosts(), SPLIT, "app1")
    assert shared["odoo"]["memory_budget_mb"] + shared["postgresql"]["memory_budget_mb"] <= 8192 - 819
    assert alone["odoo"]["memory_budget_mb"] == 8192 - 819


def test_explicit_memory_needs_no_fact_and_leaves_the_rest_to_the_other() -> None:
    both = {"ansible_facts": {"processor_vcpus": 2}, "odoo_memory_mb": "3000", "postgresql_memory_mb": 1000}
    sized = sizing.sizing({"till": both}, ONE, "till")
    assert (sized["odoo"]["memory_budget_mb"], sized["postgresql"]["memory_budget_mb"]) == (3000, 1000)
    one = sizing.sizing({"till": host(8192, postgresql_memory_mb=1000)}, ONE, "till")
    assert one["odoo"]["memory_budget_mb"] == 8192 - 819 - 1000


def test_a_role_alone_takes_its_own_host() -> None:
    sized = sizing.sizing({"db": host(4096, 2)}, {"all": ["db"]}, "db")
    assert sized["postgresql"]["max_connections"] >= sizing.POSTGRESQL_DEFAULT_MAX_CONNECTIONS
    assert sized["pgbouncer"]["default_pool_size"] > 0


def test_shared_buffers_stay_within_the_manuals_bounds() -> None:
    for memory_mb in (1024, 8192, 262144):
        sized = sizing.sizing({"db": host(memory_mb)}, ONE_DB, "db")["postgresql"]
        assert 128 <= sized["shared_buffers_mb"] <= 16384
        assert sized["shared_buffers_mb"] <= 0.4 * memory_mb


@pytest.mark.parametrize("value", ["many", 0, -1, 2.5, True])
def test_a_bad_value_is_named_with_its_host(value: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"odoo_workers is .* on host till"):
        sizing.sizing({"till": host(odoo_workers=value)}, ONE, "till")


def test_a_missing_fact_says_what_to_set() -> None:
    with pytest.raises(AnsibleFilterError, match=r"memtotal_mb of host till .* odoo_memory_mb"):
        sizing.sizing({"till": {}}, ONE, "till")


@pytest.mark.parametrize(
    ("effective", "named"),
    [
        ({"max_connections": 40}, "postgresql_settings.max_connections (40)"),
        ({"pgbouncer_default_pool_size": 3}, "pgbouncer_default_pool_size (3)"),
        (
            {"pgbouncer_default_pool_size": 50, "pgbouncer_postgres_pool_size": 2},
            "pgbouncer_postgres_pool_size (2)",
        ),
        (
            {"pgbouncer_default_pool_size": 50, "pgbouncer_max_client_conn": 20},
            "pgbouncer_max_client_conn (20)",
        ),
        (
            {"pgbouncer_default_pool_size": 50, "pgbouncer_session_pool_size": 2},
            "pgbouncer_session_pool_size (2)",
        ),
        ({"pgbouncer_default_pool_size": 50, "pgbouncer_limit_nofile": 100}, "pgbouncer_limit_nofile (100)"),
        ({"odoo_workers": 500}, "odoo_workers (500)"),
    ],
)
def test_values_that_do_not_fit_are_named(effective: dict[str, int], named: str) -> None:
    problems = sizing.sizing_problems({"till": host()}, ONE, "till", effective)
    assert len(problems) == 1 and problems[0].startswith(f"on till, {named}")


def test_more_databases_need_more_connections() -> None:
    one, three = (
        sizing.sizing({"till": host(pgbouncer_databases=[{"name": name} for name in names])}, ONE, "till")
        for names in (["pos"], ["pos", "shop", "stock"])
    )
    pool = one["pgbouncer"]["default_pool_size"] + one["pgbouncer"]["reserve_pool_size"]
    grown = three["postgresql"]["connections_needed"] - one["postgresql"]["connections_needed"]
    assert grown == 2 * (pool + sizing.LOOKUP_CONNECTIONS)


def test_a_pooler_without_an_entry_in_session_mode_needs_no_connections_for_one() -> None:
    none, one = (
        sizing.sizing({"till": host(pgbouncer_session_databases=names)}, ONE, "till")
        for names in ([], ["pos"])
    )
    assert one == sizing.sizing({"till": host()}, ONE, "till"), "Odoo's database has one unless told"
    saved = one["postgresql"]["connections_needed"] - none["postgresql"]["connections_needed"]
    assert saved == one["pgbouncer"]["session_pool_size"] + sizing.LOOKUP_CONNECTIONS


def test_more_memory_for_answers_is_part_of_the_plan() -> None:
    usual, more = (
        sizing.sizing({"till": host(pos_api_workers=2, **given)}, ONE, "till")["pos_api"]
        for given in ({}, {"pos_api_cache_size": 96 * sizing.MIB})
    )
    assert more["memory_mb"] == usual["memory_mb"] + 2 * 64
    assert more["worker_max_mb"] > usual["worker_max_mb"] + 64


def test_a_database_host_without_odoo_keeps_its_memory() -> None:
    sized = sizing.sizing({"db": host(8192)}, {"postgresql": ["db"]}, "db")
    assert sized["postgresql"]["memory_budget_mb"] == 8192 - 819


def test_too_little_memory_is_refused() -> None:
    problems = sizing.sizing_problems(
        {"till": host(512, 1)}, ONE, "till", {"max_connections": 100, "odoo_workers": 2}
    )
    assert any("postgresql_memory_mb" in problem for problem in problems)
    assert any("odoo_memory_mb" in problem for problem in problems)


@pytest.mark.parametrize("given", [{"odoo_workers": 1}, {"odoo_max_cron_threads": 1}, {"pos_api_workers": 1}])
def test_a_small_host_may_be_given_what_it_has(given: dict[str, int]) -> None:
    hostvars = {"till": host(1024, 1, **given)}
    effective = {"odoo_workers": 1, "odoo_max_cron_threads": 2, **given}
    assert sizing.sizing_problems(hostvars, ONE, "till", effective) == []


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"odoo_max_cron_threads": 40}, "odoo_max_cron_threads (40)"),
        ({"pos_api_workers": 40}, "40 pos_api_workers"),
        ({"pos_api_cache_size": 1 << 30}, "pos_api_cache_size"),
    ],
)
def test_what_needs_more_memory_than_there_is_is_named(given: dict[str, int], named: str) -> None:
    hostvars = {"till": host(2048, 1, **given)}
    effective = {"odoo_workers": 1, "odoo_max_cron_threads": given.get("odoo_max_cron_threads", 2)}
    (problem,) = sizing.sizing_problems(hostvars, ONE, "till", effective)
    assert named in problem and "Odoo may plan with" in problem


def test_every_thread_finds_its_connections_in_its_own_process() -> None:
    least = 8 * (sizing.HTTP_CURSORS + 1)
    refusal = f"odoo_db_maxconn is {least - 1} .* 8 pos_api_threads .* least {least}"
    with pytest.raises(AnsibleFilterError, match=refusal):
        sizing.sizing({"till": host(pos_api_threads=8, odoo_db_maxconn=least - 1)}, ONE, "till")
    many = sizing.sizing({"till": host(pos_api_threads=20)}, ONE, "till")
    assert many["odoo"]["db_maxconn"] == 20 * (sizing.HTTP_CURSORS + 1)


def test_an_estate_without_odoo_is_not_measured_by_odoos_needs() -> None:
    effective = {"pgbouncer_default_pool_size": 3, "pgbouncer_max_client_conn": 20, "max_connections": 20}
    assert sizing.sizing_problems({"db": host()}, {"postgresql": ["db"]}, "db", effective) == []
