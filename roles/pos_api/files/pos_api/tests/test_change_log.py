"""The log of changes, by real transactions on a table of the test's own."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from io import StringIO
from unittest.mock import Mock, patch

import psycopg2
from odoo import SUPERUSER_ID, api, registry
from odoo.tests import BaseCase, get_db_name, tagged
from odoo.tools import mute_logger

from ..lean import known
from ..lean.readable import NotCompilable
from ..models import change_log

PROBE, PART = "pos_api_probe", "pos_api_probe_part"


class ProbeCase(BaseCase):
    """A table of the test's own, whose changes are logged."""

    def setUp(self):
        super().setUp()
        self.registry = registry(get_db_name())
        with self.registry.cursor() as cr:
            self.before = change_log.traced(cr)
            cr.execute(f"CREATE TABLE {PROBE} (id serial PRIMARY KEY, name text)")
            cr.execute(
                f"CREATE TABLE {PART} (id serial PRIMARY KEY, whole int REFERENCES {PROBE} ON DELETE CASCADE)"
            )
            change_log.trace(cr, self.before | {PROBE})
        self.addCleanup(self.drop)

    def drop(self):
        with self.registry.cursor() as cr:
            cr.execute(f"DROP TABLE {PART}")
            cr.execute(f"DROP TABLE {PROBE}")
            change_log.trace(cr, self.before)

    def cursor(self):
        """Return a cursor that is closed, and so rolled back, at the end of the test at the latest."""
        cr = self.registry.cursor()
        self.addCleanup(cr.close)
        return cr

    def version(self):
        """Return the version of what is committed now."""
        with closing(self.registry.cursor()) as cr:
            cr.execute(f"SELECT {change_log.CATALOGUE.version}")
            return cr.fetchone()[0]

    def rows(self, cr):
        cr.execute("SELECT count(*) FROM pos_api_change")
        return cr.fetchone()[0]

    def add(self, cr):
        cr.execute(f"INSERT INTO {PROBE} (name) VALUES ('x') RETURNING id")
        return cr.fetchone()[0]

    def run_and_commit(self, statement):
        with self.registry.cursor() as cr:
            cr.execute(statement)

    def blocked(self, cr, function, *arguments):
        """Run a function in a thread until its cursor waits for another transaction.

        Returns:
            function that waits for its end, and raises what it has raised.
        """
        cr.execute("SELECT pg_backend_pid()")  # not the connection's own word, which is a pooler's
        (pid,) = cr.fetchone()
        executor = ThreadPoolExecutor(1)
        self.addCleanup(executor.shutdown, wait=False)
        running = executor.submit(function, *arguments)
        deadline, waiting = time.monotonic() + 60, False
        with closing(self.registry.cursor()) as looking:
            while not waiting:
                self.assertLess(time.monotonic(), deadline, "it waits for nobody")
                looking.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", (pid,))
                (waiting,) = looking.fetchone()
        return running.result


@tagged("post_install", "-at_install")
class TestChangeLog(ProbeCase):
    def test_every_way_of_writing(self):
        with self.registry.cursor() as cr:
            self.add(cr)
            change_log.trace(cr, self.before | {PROBE, PART})
        seen = [self.version()]
        for statement in (
            f"INSERT INTO {PROBE} (name) VALUES ('y')",
            f"UPDATE {PROBE} SET name = 'z'",
            f"INSERT INTO {PART} (whole) SELECT min(id) FROM {PROBE}",
            f"WITH gone AS (DELETE FROM {PART} RETURNING 1) SELECT count(*) FROM gone",
            f"DELETE FROM {PROBE} WHERE id = (SELECT min(id) FROM {PROBE})",
            f"INSERT INTO {PROBE} (id, name) VALUES (100, 'y') ON CONFLICT (id) DO UPDATE SET name = 'z'",
            f"TRUNCATE {PROBE} CASCADE",
        ):
            with self.subTest(statement=statement):
                self.run_and_commit(statement)
                self.assertNotIn(self.version(), seen)
                seen.append(self.version())
        with self.registry.cursor() as cr:
            cr._obj.copy_expert(f"COPY {PROBE} (name) FROM STDIN", StringIO("a\nb\n"))
        self.assertNotIn(self.version(), seen)

    def test_rows_that_a_foreign_key_deletes(self):
        with self.registry.cursor() as cr:
            whole = self.add(cr)
            cr.execute(f"INSERT INTO {PART} (whole) VALUES (%s)", (whole,))
            change_log.trace(cr, self.before | {PART})  # of the table with the key alone
        before = self.version()
        self.run_and_commit(f"DELETE FROM {PROBE}")
        self.assertNotEqual(self.version(), before)

    def test_reading_is_no_change(self):
        before = self.version()
        self.run_and_commit(f"SELECT * FROM {PROBE} FOR UPDATE")
        self.assertEqual(self.version(), before)

    def test_a_transaction_has_one_row(self):
        cr = self.cursor()
        before = self.rows(cr)
        for _ in range(3):
            self.add(cr)
        with cr.savepoint():
            self.add(cr)
        self.assertEqual(self.rows(cr), before + 1)
        cr.commit()
        self.add(cr)
        self.assertEqual(self.rows(cr), before + 2)

    def test_a_savepoint_takes_its_row_back_with_the_flag(self):
        before, cr = self.version(), self.cursor()
        rows = self.rows(cr)
        cr.execute("SAVEPOINT outer_one")
        cr.execute("SAVEPOINT inner_one")
        self.add(cr)
        cr.execute("RELEASE SAVEPOINT inner_one")
        cr.execute("ROLLBACK TO SAVEPOINT outer_one")
        self.assertEqual(self.rows(cr), rows)
        self.add(cr)
        self.assertEqual(self.rows(cr), rows + 1)
        cr.commit()
        self.assertNotEqual(self.version(), before)

    def test_a_rollback_is_no_change(self):
        before, cr = self.version(), self.cursor()
        self.add(cr)
        cr.rollback()
        self.assertEqual(self.version(), before)
        self.add(cr)  # on the same connection, whose setting must be gone
        cr.commit()
        self.assertNotEqual(self.version(), before)

    def test_commits_in_another_order_than_the_writes(self):
        first, second, reader = self.cursor(), self.cursor(), self.cursor()
        seen = [self.version()]
        reader.execute(f"SELECT {change_log.CATALOGUE.version}")
        self.add(first)
        self.add(second)
        self.assertEqual(self.version(), seen[0])
        for cr in (second, first):
            cr.commit()
            self.assertNotIn(self.version(), seen)
            seen.append(self.version())
        reader.execute(f"SELECT {change_log.CATALOGUE.version}")  # a snapshot keeps its own version
        self.assertEqual(reader.fetchone()[0], seen[0])

    def test_no_two_states_have_one_version(self):
        """Random transactions of several connections, rollbacks and shortenings: what is committed has one
        version, and anything else another one."""
        chance = random.Random(15)
        crs = [self.cursor() for _ in range(4)]
        pending, committed, versions = [0] * len(crs), 0, {}
        for _ in range(200):
            index = chance.randrange(len(crs))
            action = chance.choice(("write", "write", "commit", "rollback", "savepoint", "shorten"))
            if action == "write":
                self.add(crs[index])
                pending[index] = 1
            elif action == "commit":
                crs[index].commit()
                committed, pending[index] = committed + pending[index], 0
            elif action == "rollback":
                crs[index].rollback()
                pending[index] = 0
            elif action == "savepoint":
                crs[index].execute("SAVEPOINT one")
                self.add(crs[index])
                crs[index].execute("ROLLBACK TO SAVEPOINT one")
            else:
                self.shorten()
            self.assertEqual(self.version(), versions.setdefault(committed, self.version()))
        self.assertEqual(len(set(versions.values())), len(versions))
        self.assertGreater(len(versions), 10)
        self.assertEqual(sorted(versions.values(), key=int), [versions[key] for key in sorted(versions)])

    def shorten(self):
        with self.registry.cursor() as cr:
            few, change_log.FEW = change_log.FEW, 0
            try:
                api.Environment(cr, SUPERUSER_ID, {})["pos.api.change.log"]._shorten()
            finally:
                change_log.FEW = few

    def test_shortening_keeps_the_version_and_what_is_not_committed(self):
        reader, writer = self.cursor(), self.cursor()
        for _ in range(5):
            self.run_and_commit(f"INSERT INTO {PROBE} (name) VALUES ('x')")
        before = self.version()
        self.assertGreaterEqual(self.rows(reader), 5)
        reader.commit()
        reader.execute(f"SELECT {change_log.CATALOGUE.version}")
        self.add(writer)
        self.shorten()
        self.assertEqual(self.version(), before)
        reader.execute(f"SELECT {change_log.CATALOGUE.version}")  # of a snapshot from before
        self.assertEqual(reader.fetchone()[0], before)
        reader.commit()
        self.assertEqual(self.rows(reader), 1)
        writer.commit()
        self.assertNotEqual(self.version(), before)
        self.shorten()
        self.shorten()
        self.assertGreater(int(self.version()), int(before))

    @mute_logger("odoo.sql_db")
    def test_two_shorten_at_once(self):
        for _ in range(5):
            self.run_and_commit(f"INSERT INTO {PROBE} (name) VALUES ('x')")
        before, first, second = self.version(), self.cursor(), self.cursor()
        statement = (
            "WITH merged AS (DELETE FROM pos_api_change RETURNING mark)"
            " INSERT INTO pos_api_change (mark) SELECT sum(mark) FROM merged HAVING count(*) > 0"
        )
        first.execute(statement)
        finish = self.blocked(second, second.execute, statement)
        first.commit()
        with self.assertRaises(psycopg2.errors.SerializationFailure):  # at REPEATABLE READ, as jobs are
            finish()
        second.rollback()
        self.assertEqual(self.version(), before)

    def test_few_rows_are_left(self):
        self.shorten()
        self.run_and_commit(f"INSERT INTO {PROBE} (name) VALUES ('x')")
        with self.registry.cursor() as cr:
            api.Environment(cr, SUPERUSER_ID, {})["pos.api.change.log"]._shorten()
            self.assertEqual(self.rows(cr), 2)

    def test_whoever_may_write_the_table_need_have_no_right_to_the_log(self):
        cr = self.cursor()
        cr.execute("SELECT prosecdef, proconfig FROM pg_proc WHERE oid = to_regproc('pos_api_note_change')")
        self.assertEqual(cr.fetchone(), (True, ["search_path=pg_catalog, pg_temp"]))


@tagged("post_install", "-at_install")
class TestTracing(ProbeCase):
    def test_who_may_call_is_traced(self):
        with self.registry.cursor() as cr:
            tables = known.tables(api.Environment(cr, SUPERUSER_ID, {}))
            self.assertLessEqual(
                {"pos_api_token_family", "res_groups_users_rel", "res_company_users_rel", "res_users"}, tables
            )
            self.assertLessEqual(tables, change_log.traced(cr, change_log.CALLERS))
            self.assertFalse(tables & change_log.traced(cr) - {"res_users", "ir_model_data"})

    def traced(self):
        with closing(self.registry.cursor()) as cr:
            return change_log.traced(cr)

    def trace(self, tables):
        with self.registry.cursor() as cr:
            change_log.trace(cr, tables)

    def test_exactly_these_tables(self):
        self.assertEqual(self.traced(), self.before | {PROBE})
        self.trace(self.before | {PART})
        self.assertEqual(self.traced(), self.before | {PART})
        before = self.version()
        self.run_and_commit(f"INSERT INTO {PROBE} (name) VALUES ('x')")
        self.assertEqual(self.version(), before)

    def test_nothing_is_locked_where_nothing_is_to_do(self):
        cr = self.cursor()
        cr.execute(f"LOCK TABLE {PROBE}")
        with self.registry.cursor() as other:
            other.execute("SET LOCAL lock_timeout = 1")
            change_log.trace(other, self.before | {PROBE})

    def test_a_trigger_that_is_off_or_another_one_does_not_count(self):
        for statement in (
            f"ALTER TABLE {PROBE} DISABLE TRIGGER pos_api_change",
            f"ALTER TABLE {PROBE} DISABLE TRIGGER USER",
            f"ALTER TABLE {PROBE} ENABLE TRIGGER pos_api_change",  # not where the session is a replica
            f"ALTER TABLE {PROBE} ENABLE REPLICA TRIGGER pos_api_change",
            f"DROP TRIGGER pos_api_change ON {PROBE}",
            f"DROP TRIGGER pos_api_change ON {PROBE}; CREATE TRIGGER pos_api_change AFTER INSERT OR UPDATE"
            f" ON {PROBE} FOR EACH STATEMENT EXECUTE FUNCTION pos_api_note_change();"
            f" ALTER TABLE {PROBE} ENABLE ALWAYS TRIGGER pos_api_change",
        ):
            with self.subTest(statement=statement):
                self.run_and_commit(statement)
                self.assertEqual(self.traced(), self.before)
                unseen = self.version()
                self.trace(self.before | {PROBE})
                self.assertEqual(self.traced(), self.before | {PROBE})
                self.assertNotEqual(self.version(), unseen, "what was written meanwhile was not logged")
                before = self.version()
                self.run_and_commit(f"TRUNCATE {PROBE} CASCADE")
                self.assertNotEqual(self.version(), before)

    def test_of_a_view_the_tables_behind_it(self):
        cr = self.cursor()
        cr.execute(f"CREATE VIEW pos_api_probe_view AS SELECT w.name, p.id FROM {PROBE} w, {PART} p")
        cr.execute(
            "CREATE VIEW pos_api_probe_top AS SELECT v.id, c.code FROM pos_api_probe_view v, res_country c"
        )
        self.assertEqual(change_log.behind(cr, {"pos_api_probe_top"}), {PROBE, PART, "res_country"})
        self.assertEqual(change_log.behind(cr, {PART, "pos_api_probe_view"}), {PROBE, PART})
        change_log.trace(cr, self.before | {"pos_api_probe_view"})
        self.assertEqual(change_log.traced(cr), self.before | {PROBE, PART})

    def test_what_cannot_be_traced_is_refused(self):
        cr = self.cursor()
        cr.execute("CREATE TEMPORARY TABLE pos_api_elsewhere (id int)")
        cr.execute(f"CREATE MATERIALIZED VIEW pos_api_probe_kept AS SELECT * FROM {PROBE}")
        cr.execute("CREATE VIEW pos_api_probe_view AS SELECT name FROM pos_api_probe_kept")
        for name, found in (
            ("pos_api_probe_view", "pos_api_probe_kept"),
            ("pos_api_probe_kept", "pos_api_probe_kept"),
            ("pos_api_elsewhere", "pos_api_elsewhere"),
            ("no_such_table", "no_such_table"),
        ):
            with self.subTest(name=name), self.assertRaisesRegex(ValueError, found):
                change_log.trace(cr, self.before | {PROBE, name})

    @mute_logger("odoo.sql_db")
    def test_two_workers_at_once(self):
        """The second one's snapshot is from before the first one's commit, which it waits for."""
        tables, first, second = self.before | {PROBE, PART}, self.cursor(), self.cursor()
        second.execute("SELECT 1")
        change_log.trace(first, tables)
        finish = self.blocked(second, change_log.trace, second, tables)
        first.commit()
        finish()
        second.commit()
        self.assertEqual(self.traced(), tables)

    def test_a_writer_that_goes_on_is_waited_for(self):
        """What it writes from before the trigger must not go unlogged."""
        self.trace(self.before)
        writer, tracer = self.cursor(), self.cursor()
        self.add(writer)
        finish = self.blocked(tracer, change_log.trace, tracer, self.before | {PROBE})
        self.assertNotIn(PROBE, self.traced())
        writer.commit()
        finish()
        tracer.commit()
        self.assertIn(PROBE, self.traced())

    def test_uninstalling_takes_everything_away(self):
        cr = self.cursor()
        change_log.stop_tracing(cr, self.registry)
        self.add(cr)  # the table can still be written
        for log in change_log.LOGS:
            self.assertEqual(change_log.traced(cr, log), set())
            cr.execute("SELECT to_regclass(%s), to_regproc(%s)", (log.table, log.function))
            self.assertEqual(cr.fetchone(), (None, None))
        cr.rollback()

    def hook(self, tables, upgraded=False):
        """Do what the end of loading the registry does, of a server or of an upgrade of the addon."""
        with self.registry.cursor() as cr:
            log = api.Environment(cr, SUPERUSER_ID, {})["pos.api.change.log"]
            logs = [replace(change_log.CATALOGUE, sources=[lambda env: tables])]
            state = patch.object(self.registry, "pos_api_upgraded", upgraded, create=True)
            with patch.object(change_log, "LOGS", logs), state:
                log._register_hook()

    def test_loading_the_registry_traces_what_is_missing_and_an_upgrade_drops_the_rest(self):
        self.hook({PART})
        self.assertEqual(self.traced(), self.before | {PROBE, PART})
        self.hook({*self.before, PART}, upgraded=True)
        self.assertEqual(self.traced(), self.before | {PART})

    def test_lists_that_cannot_be_compiled_do_not_keep_a_worker_from_starting(self):
        with self.registry.cursor() as cr:
            log = api.Environment(cr, SUPERUSER_ID, {})["pos.api.change.log"]
            for error in (NotCompilable("overridden"), ValueError("no table")):
                logs = [replace(change_log.CATALOGUE, sources=[Mock(side_effect=error)])]
                with patch.object(change_log, "LOGS", logs), self.assertLogs(change_log.__name__, "WARNING"):
                    log._register_hook()
        self.assertEqual(self.traced(), self.before | {PROBE})

    @mute_logger("odoo.addons.pos_api.models.change_log", "odoo.sql_db")
    def test_a_table_that_is_written_does_not_keep_a_worker_from_starting(self):
        writer = self.cursor()
        writer.execute(f"LOCK TABLE {PART}")
        with patch.object(change_log, "LOCK_WAIT", "1ms"):
            self.hook({PART})
        self.assertEqual(self.traced(), self.before | {PROBE})
