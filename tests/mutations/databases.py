"""Faults of PostgreSQL and the pooler."""

from __future__ import annotations

from tests.mutations.case import Mutation

POSTGRESQL = "configuration/test_postgresql.py"
POOLER = "configuration/test_pgbouncer.py"
CLIENTS = "services/test_pgbouncer.py"
ROLES = "security/test_postgresql.py"


def _setting(name: str, setting: str, value: str, check: str, text: str = "") -> Mutation:
    """Return the mutation of a setting that a reload brings into effect."""
    return Mutation(
        name,
        "postgresql settings",
        "configuration",
        {f"{POSTGRESQL}::{check}": text or setting},
        f"sql \"ALTER SYSTEM SET {setting} = '{value}'\" && reload_postgresql",
        f'sql "ALTER SYSTEM RESET {setting}" && reload_postgresql',
    )


def _statement(name: str, section: str, check: str, text: str, apply: str, undo: str) -> Mutation:
    """Return a mutation by one SQL statement in the application's database."""
    return Mutation(name, "database", section, {check: text}, f'sql "{apply}"', f'sql "{undo}"')


CASES = (
    _setting("mutation-fsync-off", "fsync", "off", "test_a_commit_is_kept"),
    _setting("mutation-autovacuum-off", "autovacuum", "off", "test_autovacuum"),
    _setting("mutation-setting-overridden", "work_mem", "64kB", "test_settings_in_effect"),
    Mutation(
        "mutation-restart-pending",
        "postgresql settings",
        "configuration",
        {f"{POSTGRESQL}::test_no_restart_pending": "max_locks_per_transaction"},
        'sql "ALTER SYSTEM SET max_locks_per_transaction = 128"; reload_postgresql',
        'sql "ALTER SYSTEM RESET max_locks_per_transaction"; systemctl restart postgresql@14-main; ready',
    ),
    _setting("mutation-log-in-another-zone", "log_timezone", "America/Lima", "test_timezone", "America/Lima"),
    _statement(
        "mutation-index-dropped",
        "configuration",
        f"{POSTGRESQL}::test_indexes",
        "pos.order.session_id",
        "DROP INDEX pos_order_session_id_index",
        "CREATE INDEX pos_order_session_id_index ON pos_order (session_id)",
    ),
    _statement(
        "mutation-sales-not-unique",
        "configuration",
        f"{POSTGRESQL}::test_unique_keys",
        "pos_api_idempotency_key_key_unique",
        "ALTER TABLE pos_api_idempotency_key DROP CONSTRAINT pos_api_idempotency_key_key_unique",
        "ALTER TABLE pos_api_idempotency_key ADD CONSTRAINT pos_api_idempotency_key_key_unique"
        " UNIQUE (user_id, operation, key)",
    ),
    _statement(
        "mutation-changes-not-logged",
        "configuration",
        f"{POSTGRESQL}::test_changes_are_logged",
        "product_template",
        # where the function is known, the next process of Odoo's puts the trigger back
        "ALTER FUNCTION pos_api_note_change() RENAME TO mutation_note_change;"
        " ALTER TABLE product_template DISABLE TRIGGER pos_api_change",
        "ALTER FUNCTION mutation_note_change() RENAME TO pos_api_note_change;"
        " ALTER TABLE product_template ENABLE ALWAYS TRIGGER pos_api_change",
    ),
    _statement(
        "mutation-callers-not-logged",
        "configuration",
        f"{POSTGRESQL}::test_changes_are_logged",
        "res_groups_users_rel",
        "ALTER FUNCTION pos_api_note_caller_change() RENAME TO mutation_note_caller_change;"
        " DROP TRIGGER pos_api_caller_change ON res_groups_users_rel",
        "ALTER FUNCTION mutation_note_caller_change() RENAME TO pos_api_note_caller_change;"
        " CREATE TRIGGER pos_api_caller_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE"
        " ON res_groups_users_rel FOR EACH STATEMENT EXECUTE FUNCTION pos_api_note_caller_change();"
        " ALTER TABLE res_groups_users_rel ENABLE ALWAYS TRIGGER pos_api_caller_change",
    ),
    _statement(
        "mutation-weak-password-hash",
        "security",
        f"{ROLES}::test_passwords_are_scram",
        "mutation_md5",
        "SET password_encryption = 'md5'; CREATE ROLE mutation_md5 PASSWORD 'mutation'",
        "DROP ROLE mutation_md5",
    ),
    _statement(
        "mutation-second-superuser",
        "security",
        f"{ROLES}::test_superusers",
        "mutation_root",
        "CREATE ROLE mutation_root SUPERUSER",
        "DROP ROLE mutation_root",
    ),
    _statement(
        "mutation-application-makes-databases",
        "security",
        f"{ROLES}::test_application_user_is_unprivileged",
        "rolcreatedb",
        "ALTER ROLE odoo CREATEDB",
        "ALTER ROLE odoo NOCREATEDB",
    ),
    Mutation(
        "mutation-data-readable",
        "files",
        "security",
        {f"{ROLES}::test_file_modes": "/var/lib/postgresql/14/main"},
        "chmod o+rx /var/lib/postgresql/14/main",
        "chmod o-rx /var/lib/postgresql/14/main",
    ),
    _statement(
        "mutation-login-without-password",
        "security",
        f"{ROLES}::test_roles_without_a_password",
        "mutation_nobody",
        "CREATE ROLE mutation_nobody LOGIN",
        "DROP ROLE mutation_nobody",
    ),
    _statement(
        "mutation-everybody-makes-tables",
        "security",
        f"{ROLES}::test_public_creates_nothing",
        "public",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    ),
    _statement(
        "mutation-everybody-connects",
        "security",
        f"{ROLES}::test_public_connects_nowhere",
        "REVOKE CONNECT",
        "GRANT CONNECT ON DATABASE pos TO PUBLIC",
        "REVOKE CONNECT ON DATABASE pos FROM PUBLIC",
    ),
    Mutation(
        "mutation-trust",
        "pg_hba",
        "security",
        {f"{ROLES}::test_authentication_rules": "trust"},
        "keep /etc/postgresql/14/main/pg_hba.conf;"
        " echo 'host all all 127.0.0.2/32 trust' >>/etc/postgresql/14/main/pg_hba.conf; reload_postgresql",
        "put_back /etc/postgresql/14/main/pg_hba.conf; reload_postgresql",
    ),
    Mutation(
        "mutation-pooler-not-reloaded",
        "pooler",
        "configuration",
        {f"{POOLER}::test_file_is_loaded": "server_connect_timeout"},
        "change $POOLER 's/^server_connect_timeout = .*/server_connect_timeout = 7/'",
        "put_back $POOLER",
        clash="pooler",
    ),
    Mutation(
        "mutation-pools-too-large",
        "pooler",
        "configuration",
        {f"{POOLER}::test_pools_fit_the_server": "pgbouncer_default_pool_size"},
        "change $POOLER 's/^(postgres = .* max_db_connections=)[0-9]+/\\1500/'; reload_pooler",
        "put_back $POOLER; reload_pooler",
        clash="pooler",
    ),
    Mutation(
        "mutation-pooled-by-session",
        "pooler",
        "configuration",
        {
            f"{POOLER}::test_settings_in_effect": "pool_mode",
            f"{POOLER}::test_pool_modes": "pool_mode is session",
            f"{CLIENTS}::test_transaction_mode_shares_servers": "each client keeps a server",
            f"{CLIENTS}::test_transaction_mode_keeps_no_session": "",
        },
        "change $POOLER 's/^pool_mode = .*/pool_mode = session/;"
        " s/^(\\* = .*) pool_mode=transaction/\\1/'; systemctl restart pgbouncer; ready",
        "put_back $POOLER; systemctl restart pgbouncer; ready",
        alone=True,
        why="the setting is wrong, it is the one that matters, and both of its effects are seen by clients",
    ),
    Mutation(
        "mutation-notify-lost",
        "pooler",
        "configuration",
        {
            f"{POOLER}::test_pool_modes": "pool_mode transaction",
            f"{CLIENTS}::test_session_mode_keeps_the_server": "",
            f"{CLIENTS}::test_notify_arrives": "",
        },
        "change $POOLER 's/^(postgres = .*) pool_mode=session/\\1 pool_mode=transaction/';"
        " systemctl restart pgbouncer; restart_odoo",
        "put_back $POOLER; systemctl restart pgbouncer; restart_odoo",
        alone=True,
        why="the mode is wrong, which a client and a listener notice",
    ),
    Mutation(
        "mutation-session-entry-pooled-by-transaction",
        "pooler",
        "configuration",
        {
            f"{POOLER}::test_session_entry": "pool_mode transaction",
            f"{CLIENTS}::test_session_entry_keeps_prepared_statements": "",
        },
        "change $POOLER 's/^(pos_session = .*) pool_mode=session/\\1 pool_mode=transaction/'; reload_pooler",
        # What was prepared meanwhile stays in the server connections.
        "put_back $POOLER; reload_pooler; cd / && runuser -u pgbouncer --"
        " psql -Xq -h /run/pgbouncer -p 6432 -U pgbouncer -d pgbouncer -c 'RECONNECT pos_session'",
        clash="pooler",
        alone=True,
        why="the mode is wrong, which a client notices",
    ),
    Mutation(
        "mutation-pooler-stopped",
        "pooler",
        "configuration",
        {
            f"{POOLER}::*": "",
            "configuration/test_units.py::test_file_limits[pgbouncer]": "does not run",
            "services/*": "",
        },
        "systemctl stop pgbouncer",
        "systemctl start pgbouncer; ready",
        alone=True,
        why="nothing that needs the database works, and whatever asks the pooler itself has no answer",
    ),
)
