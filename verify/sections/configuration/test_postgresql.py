"""PostgreSQL's settings in effect, and what its databases need to be safe and fast."""

from collections.abc import Callable

import pytest

from verify.clients.database import superuser_rows
from verify.estate.machines import Machine
from verify.estate.settings import agrees, written

CONCERN = "PostgreSQL"

pytestmark = pytest.mark.explained_by("postgresql")

# reset_val is what a session starts with; setting is 0 for what a unix socket hasn't, such as keepalives.
SETTINGS = "SELECT name, reset_val AS setting, vartype, unit, pending_restart FROM pg_settings"

# Columns that Odoo's registry has an index for, and whether a valid index leads with it.
INDEXES = """
    SELECT f.model || '.' || f.name AS column,
           EXISTS (SELECT 1 FROM pg_index i
                    WHERE i.indrelid = t.oid AND i.indkey[0] = a.attnum AND i.indisvalid) AS indexed
      FROM ir_model_fields f
      JOIN pg_class t ON t.relname = replace(f.model, '.', '_') AND t.relkind = 'r'
                     AND t.relnamespace = 'public'::regnamespace
      JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = f.name AND NOT a.attisdropped
     WHERE f.index AND f.store
"""
UNIQUE = """
    SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indisunique AND indisvalid
"""
# The triggers by which the API learns that what it keeps of its catalogue and its callers is no longer right.
LOGGED = """
    SELECT t.tgname || ' of ' || c.relname AS name, t.tgenabled = 'A' AS enabled
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
     WHERE t.tgname IN ('pos_api_change', 'pos_api_caller_change')
"""
ALWAYS_LOGGED = {
    "pos_api_caller_change of ir_model_data",
    "pos_api_caller_change of pos_api_token_family",
    "pos_api_caller_change of res_company_users_rel",
    "pos_api_caller_change of res_groups_users_rel",
    "pos_api_caller_change of res_users",
    "pos_api_change of pos_category",
    "pos_api_change of product_product",
    "pos_api_change of product_template",
}
UNIQUE_KEYS = ("pos_api_idempotency_key_key_unique", "pos_api_refresh_token_digest_unique")


def test_settings_in_effect(postgresql_host: Machine) -> None:
    """Every wanted setting is in effect."""
    wanted = postgresql_host.variables["__postgresql_effective_settings"]
    assert wanted, "the role describes no settings"
    live = {row["name"]: row for row in superuser_rows(postgresql_host, SETTINGS)}
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
    pending = [row["name"] for row in superuser_rows(postgresql_host, SETTINGS) if row["pending_restart"]]
    assert pending == [], "set postgresql_restart_allowed: true and run site.yml, or restart the cluster"


def test_a_commit_is_kept(postgresql_host: Machine) -> None:
    """What was committed survives a crash: it is on disk, in whole pages."""
    live = {row["name"]: row["setting"] for row in superuser_rows(postgresql_host, SETTINGS)}
    lost = {name: live[name] for name in ("fsync", "full_page_writes") if live[name] != "on"}
    if live["synchronous_commit"] == "off":
        lost["synchronous_commit"] = "off"
    assert lost == {}, "take these out of postgresql_settings, or ALTER SYSTEM RESET them: sales can be lost"


def test_damage_is_noticed(postgresql_host: Machine) -> None:
    """Pages carry checksums, and none has failed."""
    live = {row["name"]: row["setting"] for row in superuser_rows(postgresql_host, SETTINGS)}
    assert live["data_checksums"] == "on", "stop the cluster and run pg_checksums --enable"
    failed = superuser_rows(
        postgresql_host, "SELECT datname FROM pg_stat_database WHERE checksum_failures > 0"
    )
    assert failed == [], "these databases have damaged pages: restore them from a backup"


def test_autovacuum(postgresql_host: Machine, database: str) -> None:
    """Tables are vacuumed and analysed by themselves, every one."""
    live = {row["name"]: row["setting"] for row in superuser_rows(postgresql_host, SETTINGS)}
    off = [name for name in ("autovacuum", "track_counts") if live[name] != "on"]
    assert off == [], "take these out of postgresql_settings, or ALTER SYSTEM RESET them"
    excepted = superuser_rows(
        postgresql_host,
        "SELECT oid::regclass::text AS name FROM pg_class"
        " WHERE reloptions::text ~ 'autovacuum_enabled=(false|off)'",
        database,
    )
    assert excepted == [], "ALTER TABLE ... RESET (autovacuum_enabled) on these"


def test_indexes(postgresql_host: Machine, database: str, measure: Callable[..., None]) -> None:
    """Every column that Odoo's models want an index for has a usable one."""
    rows = superuser_rows(postgresql_host, INDEXES, database)
    measure("columns with an index", sum(row["indexed"] for row in rows))
    missing = [row["column"] for row in rows if not row["indexed"]]
    assert rows, "Odoo's models want no index: is this its database?"
    assert not missing, f"odoo -u the modules of these, or CREATE INDEX them: {missing}"
    unusable = superuser_rows(
        postgresql_host,
        "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT (indisvalid AND indisready)",
        database,
    )
    assert unusable == [], "REINDEX INDEX CONCURRENTLY these"


def test_unique_keys(postgresql_host: Machine, database: str) -> None:
    """The keys that keep a sale from being booked twice, and a token from being used twice, are unique."""
    rows = superuser_rows(postgresql_host, UNIQUE, database)
    found = {row["name"] for row in rows}
    missing = [name for name in UNIQUE_KEYS if name not in found]
    assert not missing, f"odoo -u pos_api makes these indexes: {missing}"


def test_timezone(postgresql_host: Machine) -> None:
    """Server and log use one time zone, as the host does."""
    live = {row["name"]: row["setting"] for row in superuser_rows(postgresql_host, SETTINGS)}
    assert live["TimeZone"] == live["log_timezone"], "set timezone and log_timezone in postgresql_settings"
    wanted = postgresql_host.variables.get("base_timezone")
    if wanted:
        assert postgresql_host.shell.text("/etc/timezone") == wanted, (
            "base_timezone: run site.yml --tags base"
        )


def test_changes_are_logged(postgresql_host: Machine, database: str) -> None:
    """Every change of what the API keeps in memory is logged, whatever program makes it."""
    enabled = {row["name"]: row["enabled"] for row in superuser_rows(postgresql_host, LOGGED, database)}
    wrong = sorted(ALWAYS_LOGGED - enabled.keys()) + sorted(name for name in enabled if not enabled[name])
    assert wrong == [], "the API may go by what is no longer so: restart Odoo, which adds the triggers"
