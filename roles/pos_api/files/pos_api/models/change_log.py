"""Logs of changes: they tell whether anything has changed that something was made of, by whatever program.

There is one of what the answers of the catalogue are made of (:data:`CATALOGUE`), and one of who may call and
who that is (:data:`CALLERS`). Statement triggers on the tables that are read put a row into the log's table,
once in each transaction that writes any of them. They fire for the ORM as for raw SQL, for COPY, TRUNCATE and
the deletions of foreign keys, and as ENABLE ALWAYS triggers also where session_replication_role is
``replica`` (PostgreSQL 14 manual, CREATE TRIGGER and ALTER TABLE). Only an apply worker of logical
replication fires no statement triggers; nothing writes to Odoo's database in that way. What ALTER TABLE does
to rows is told by Odoo's signalling of a changed registry. Whoever switches triggers off to write (pg_restore
--disable-triggers) has to start Odoo and the API's server anew afterwards.

The version of what a snapshot sees is the sum of the marks of the rows that it sees, and a mark is a random
number above zero. Two states cannot have one version:

- The row of a change is written in the transaction of the change, so a snapshot sees both or neither,
  whatever the order in which numbers were drawn and transactions are committed; a rolled back transaction
  leaves no row. A rolled back savepoint takes its row with it and also the flag that the transaction has one,
  since a setting made by SET LOCAL ends with its savepoint; what is written later adds a row again.
- Commits become visible one after the other, so what one snapshot sees of the changes is part of what any
  later one sees. A later sum has every summand of an earlier one, and a further positive one for each change
  between them: the version only ever grows, and it grows with each commit.
- Shortening puts one row with the sum in the place of many, in one statement. A snapshot sees the many or the
  one, and the version stays as it is, so nothing expires by it and rows need not have any age.
- A database that is restored and goes on otherwise gets other marks, so that it does not come by the versions
  that a process may still remember.
"""

import logging
from dataclasses import dataclass, field

import psycopg2
from odoo import api, models
from psycopg2 import errorcodes

from ..lean import compiler
from ..lean.readable import NotCompilable

MARK = "1 + floor(random() * 2147483646)::bigint"
FEW = 100  # rows that are not worth shortening
# INSERT (4), DELETE (8), UPDATE (16), TRUNCATE (32); neither for each row (1) nor BEFORE (2): pg_trigger.h
SHAPE = 4 | 8 | 16 | 32
LOCK_WAIT = "5s"  # how long a trigger waits for transactions that write its table; others wait behind it
BUSY = (errorcodes.LOCK_NOT_AVAILABLE, errorcodes.DEADLOCK_DETECTED)


@dataclass(frozen=True)
class Log:
    """A log of changes.

    Attributes:
        table: its table, and the name of its triggers.
        function: what the triggers run.
        flag: setting that tells a transaction that it has its row.
        sources: functions from an environment to the tables whose changes are logged.
    """

    table: str
    function: str
    flag: str
    sources: list = field(default_factory=list)

    @property
    def version(self):
        """SQL of the version of what the statement's snapshot sees, as text."""
        return f"(SELECT coalesce(sum(mark), 0)::text FROM {self.table})"

    @property
    def changed_here(self):
        """SQL of whether the statement's own transaction has changed a logged table."""
        return f"(current_setting('{self.flag}', true) = txid_current_if_assigned()::text) IS TRUE"


CATALOGUE = Log("pos_api_change", "pos_api_note_change", "pos_api.noted", [compiler.tables])
CALLERS = Log("pos_api_caller_change", "pos_api_note_caller_change", "pos_api.noted_caller")
LOGS = (CATALOGUE, CALLERS)

_logger = logging.getLogger(__name__)


def create(cr, log):
    """Create a log's table and the function of its triggers, or bring the function up to date."""
    cr.execute("SELECT quote_ident(current_schema())")
    (schema,) = cr.fetchone()
    cr.execute(f"CREATE TABLE IF NOT EXISTS {log.table} (mark bigint NOT NULL)")
    # vacuumed early: the sum goes through rows that are dead as well
    cr.execute(
        f"ALTER TABLE {log.table} SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500)"
    )
    # SECURITY DEFINER: whoever may write a table that is read need have no right to this one. The flag is the
    # number of the transaction, so that no value left in a session of a pooler can be taken for it.
    cr.execute(
        f"""
        CREATE OR REPLACE FUNCTION {log.function}() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
        DECLARE
            this text := txid_current();
        BEGIN
            IF current_setting('{log.flag}', true) IS DISTINCT FROM this THEN
                INSERT INTO {schema}.{log.table} (mark) VALUES ({MARK});
                PERFORM set_config('{log.flag}', this, true);
            END IF;
            RETURN NULL;
        END
        $function$
        """
    )


def traced(cr, log=CATALOGUE):
    """Return the set of tables whose changes a log tells of: each has its trigger, for every kind of writing
    and every session."""
    cr.execute(
        """
        SELECT c.relname
          FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
         WHERE t.tgname = %s AND t.tgtype = %s AND t.tgenabled = 'A' AND t.tgfoid = to_regproc(%s)
           AND c.relnamespace = current_schema()::regnamespace AND to_regclass(%s) IS NOT NULL
        """,
        (log.table, SHAPE, log.function, log.table),
    )
    return {name for (name,) in cr.fetchall()}


def _marked(cr, log):
    """Return the set of tables that have a trigger of this name, whatever its state."""
    cr.execute(
        "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE t.tgname = %s AND c.relnamespace = current_schema()::regnamespace",
        (log.table,),
    )
    return {name for (name,) in cr.fetchall()}


def behind(cr, names):
    """Return the set of tables that some tables and views are made of.

    Args:
        cr: cursor.
        names: of tables and views in the current schema.

    Raises:
        ValueError: a name is that of neither, or a view is made of something whose changes cannot be logged.
    """
    cr.execute(
        """
        WITH RECURSIVE made_of (oid) AS (
            SELECT oid FROM pg_class
             WHERE relname = ANY(%(names)s) AND relnamespace = current_schema()::regnamespace
            UNION
            SELECT d.refobjid
              FROM made_of m
              JOIN pg_class v ON v.oid = m.oid AND v.relkind = 'v'
              JOIN pg_rewrite r ON r.ev_class = v.oid
              JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                              AND d.refclassid = 'pg_class'::regclass
        )
        SELECT c.relname, c.relkind, c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
          FROM made_of JOIN pg_class c ON c.oid = made_of.oid
        """,
        {"names": list(names)},
    )
    found = cr.fetchall()
    unusable = set(names) - {name for name, _kind, _table in found}
    unusable |= {name for name, kind, table in found if not table and kind != "v"}
    if unusable:
        raise ValueError(
            f"{', '.join(sorted(unusable))}: no table of this schema, nor a view of such tables."
        )
    return {name for name, _kind, table in found if table}


def _add(cr, log, table):
    """Create a log's trigger of a table, which may have got it since this transaction's snapshot."""
    try:
        with cr.savepoint(flush=False):
            cr.execute(
                f'CREATE TRIGGER {log.table} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON "{table}"'
                f" FOR EACH STATEMENT EXECUTE FUNCTION {log.function}()",
                log_exceptions=False,
            )
    except psycopg2.errors.DuplicateObject:
        pass  # another worker's, committed while this one waited for the table
    cr.execute(f'ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER {log.table}')


def trace(cr, tables, log=CATALOGUE):
    """Log the changes of exactly these tables.

    Creating a trigger waits for the transactions that are writing its table, so none of them goes unlogged.
    Nothing is locked where every table has its trigger.

    Args:
        cr: cursor; the triggers count from its commit on.
        tables: names of tables and views in the current schema; of a view, the tables it is made of.
        log: :class:`Log` that tells of them.

    Raises:
        ValueError: see :func:`behind`.
        psycopg2.OperationalError: a table is written for too long (see :data:`BUSY`).
    """
    tables, marked = behind(cr, tables), _marked(cr, log)
    missing = tables - traced(cr, log)
    dropped = marked & missing | marked - tables
    if not missing and not dropped:
        return
    cr.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
    for table in sorted(dropped):
        cr.execute(f'DROP TRIGGER IF EXISTS {log.table} ON "{table}"')
    for table in sorted(missing):
        _add(cr, log, table)
    cr.execute("SET LOCAL lock_timeout TO DEFAULT")
    # What was written while a table was not traced counts as a change too.
    cr.execute(f"INSERT INTO {log.table} (mark) VALUES ({MARK})")


def stop_tracing(cr, _registry):
    """Take the triggers and the logs away."""
    for log in LOGS:
        cr.execute(f"DROP FUNCTION IF EXISTS {log.function}() CASCADE")
        cr.execute(f"DROP TABLE IF EXISTS {log.table}")


class ChangeLog(models.AbstractModel):
    _name = "pos.api.change.log"
    _description = "POS API log of changes"

    def init(self):
        for log in LOGS:
            create(self.env.cr, log)
        self.pool.pos_api_upgraded = True

    def _register_hook(self):
        """Trace what is read. It runs in every process that has loaded the registry, so what a module adds to
        the lists is traced by the process that installs it, before others hear of it."""
        super()._register_hook()
        for log in LOGS:
            self._trace(log)

    def _trace(self, log):
        cr = self.env.cr
        cr.execute("SELECT to_regproc(%s) IS NOT NULL", (log.function,))
        if not cr.fetchone()[0]:
            return  # the module's code is newer than the database, which has to be upgraded
        try:
            tables = behind(cr, set().union(*(source(self.env) for source in log.sources)))
        except (NotCompilable, ValueError) as reason:
            _logger.warning("POS API: no answers are kept: %s", reason)
            return
        if log is CALLERS or not getattr(self.pool, "pos_api_upgraded", False):
            # A host that is upgraded later must not drop what others have added; and a server that still runs
            # goes by the log of callers until it hears of an upgrade.
            tables |= traced(cr, log)
        try:
            with cr.savepoint(flush=False):
                trace(cr, tables, log)
        except psycopg2.OperationalError as error:
            if error.pgcode not in BUSY:
                raise
            _logger.warning(
                "POS API: a table is being written for too long; its changes are not logged, and nothing that"
                " is made of it is kept, until the registry is loaded again: %s",
                error,
            )

    @api.model
    def _shorten(self):
        """Put one row in the place of all that are committed, where they have become many (ir.cron).

        On 2 cores the version takes 0.04 ms of 1,000 rows, 0.1 ms of 3,000 and 0.3 ms of 10,000, so that in a
        minute 50 transactions a second may be logged before it takes as long as the rest of a call's check.
        """
        for log in LOGS:
            self.env.cr.execute(
                f"""
                WITH merged AS (
                    DELETE FROM {log.table} WHERE (SELECT count(*) FROM {log.table}) > %s RETURNING mark
                )
                INSERT INTO {log.table} (mark) SELECT sum(mark) FROM merged HAVING count(*) > 0
                """,
                (FEW,),
            )
