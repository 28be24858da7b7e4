"""What has to hold in any shop's database, looked at without a trace; large tables for the last days only."""

from collections.abc import Callable

import pytest

from verify.estate.described import Estate
from verify.estate.machines import Machine
from verify.reporting.document import Evidence, Measure
from verify.sections.consistency.conftest import Books

CONCERN = "Consistency"
DAYS = 30
SHOWN = 20  # of what is wrong
CENT = 0.005
LONG_OPEN_DAYS = 7  # when Odoo itself reminds of a session
FILES = 1000  # of the newest attachments
RECENT = f"now() AT TIME ZONE 'UTC' - interval '{DAYS} days'"
SOLD = "o.state IN ('paid', 'done', 'invoiced')"
ORDERS = f"pos_order o WHERE o.date_order > {RECENT} AND {SOLD}"
# What holds, and a query of what it does not hold for.
INVARIANTS = {
    "posted journal entries balance": f"""
        SELECT i.move_id, sum(i.debit) AS debit, sum(i.credit) AS credit FROM account_move_line i
         WHERE i.date > {RECENT} AND i.parent_state = 'posted'
         GROUP BY 1 HAVING abs(sum(i.debit) - sum(i.credit)) > {CENT}
    """,
    "balances of journal items are debit less credit": f"""
        SELECT i.id, i.debit, i.credit, i.balance FROM account_move_line i
         WHERE i.date > {RECENT} AND abs(i.balance - i.debit + i.credit) > {CENT}
    """,
    "payments of orders add up to what was paid": f"""
        SELECT o.id, o.amount_paid, coalesce(p.amount, 0) AS payments
          FROM (SELECT o.* FROM {ORDERS}) o
          LEFT JOIN LATERAL (SELECT sum(amount) AS amount FROM pos_payment
                              WHERE pos_order_id = o.id) p ON true
         WHERE abs(o.amount_paid - coalesce(p.amount, 0)) > {CENT}
    """,
    "orders are paid in full": f"""
        SELECT o.id, o.amount_total, o.amount_paid FROM pos_order o
          JOIN pos_session s ON s.id = o.session_id JOIN pos_config c ON c.id = s.config_id
         WHERE o.date_order > {RECENT} AND {SOLD} AND NOT coalesce(c.cash_rounding, false)
           AND abs(o.amount_total - o.amount_paid) > {CENT}
    """,
    "lines of orders add up to their totals": f"""
        SELECT o.id, o.amount_total, l.amount AS lines
          FROM (SELECT o.* FROM {ORDERS}) o
          LEFT JOIN LATERAL (SELECT sum(price_subtotal_incl) AS amount, count(*) AS lines
                               FROM pos_order_line WHERE order_id = o.id) l ON true
         -- where taxes are rounded by line, each line may be off by a hundredth
         WHERE abs(o.amount_total - coalesce(l.amount, 0)) > 0.01 * greatest(l.lines, 1) + {CENT}
    """,
    "payments belong to the session of their order": f"""
        SELECT p.id, p.session_id, o.session_id AS "session of the order" FROM pos_payment p
          JOIN pos_order o ON o.id = p.pos_order_id
         WHERE o.date_order > {RECENT} AND p.session_id IS DISTINCT FROM o.session_id
    """,
    "orders, lines and payments have what they belong to": f"""
        SELECT 'order' AS what, o.id FROM pos_order o LEFT JOIN pos_session s ON s.id = o.session_id
         WHERE o.date_order > {RECENT} AND s.id IS NULL
        UNION ALL
        SELECT 'line', l.id FROM pos_order_line l LEFT JOIN pos_order o ON o.id = l.order_id
         WHERE l.create_date > {RECENT} AND o.id IS NULL
        UNION ALL
        SELECT 'payment', p.id FROM pos_payment p LEFT JOIN pos_order o ON o.id = p.pos_order_id
         WHERE p.create_date > {RECENT} AND o.id IS NULL
    """,
    "orders of closed sessions are posted or invoiced": f"""
        SELECT o.id, o.state, s.id AS session FROM pos_order o JOIN pos_session s ON s.id = o.session_id
         WHERE s.stop_at > {RECENT} AND s.state = 'closed' AND o.state IN ('draft', 'paid')
    """,
    "closed sessions with sales have a posted entry": f"""
        SELECT s.id, s.move_id, m.state FROM pos_session s LEFT JOIN account_move m ON m.id = s.move_id
         WHERE s.stop_at > {RECENT} AND s.state = 'closed' AND m.state IS DISTINCT FROM 'posted'
           AND EXISTS (SELECT FROM pos_order o WHERE o.session_id = s.id AND o.state = 'done')
    """,
    "invoiced orders have a posted invoice over their total": f"""
        SELECT o.id, o.amount_total, m.id AS invoice, m.state, m.amount_total AS invoiced
          FROM (SELECT o.* FROM {ORDERS}) o LEFT JOIN account_move m ON m.id = o.account_move
         WHERE o.state = 'invoiced'
           -- an invoice that was cancelled afterwards is an accountant's decision
           AND (m.id IS NULL OR m.state = 'draft' OR abs(abs(o.amount_total) - m.amount_total) > {CENT})
    """,
    "receipt numbers of a session are unique": f"""
        SELECT o.session_id, o.pos_reference, count(*) FROM (SELECT o.* FROM {ORDERS}) o
         GROUP BY 1, 2 HAVING count(*) > 1
    """,
    "numbers of journal entries are unique": f"""
        SELECT m.journal_id, m.name, count(*) FROM account_move m
         WHERE m.state = 'posted' AND m.name <> '/' AND m.date > {RECENT}
         GROUP BY 1, 2 HAVING count(*) > 1
    """,
    "no more is taken back than was sold": f"""
        SELECT s.id, s.qty AS sold, sum(r.qty) AS returned FROM pos_order_line r
          JOIN pos_order o ON o.id = r.order_id JOIN pos_order_line s ON s.id = r.refunded_orderline_id
         WHERE o.date_order > {RECENT} AND {SOLD} GROUP BY s.id HAVING s.qty + sum(r.qty) < -0.0001
    """,
    "no stock is reserved below zero": """
        SELECT q.id, q.product_id, q.reserved_quantity FROM stock_quant q WHERE q.reserved_quantity < -0.0001
    """,
    "kept answers of the API are complete": """
        SELECT k.id, k.operation FROM pos_api_idempotency_key k WHERE k.status IS NULL OR k.body IS NULL
    """,
    "sessions of a till are open one at a time": """
        SELECT config_id, count(*) FROM pos_session
         WHERE state <> 'closed' AND NOT coalesce(rescue, false) GROUP BY 1 HAVING count(*) > 1
    """,
    "employees are checked in once": """
        SELECT employee_id, count(*) FROM hr_attendance WHERE check_out IS NULL GROUP BY 1 HAVING count(*) > 1
    """,
    "indexes and constraints of the database are valid": """
        SELECT 'index' AS what, indexrelid::regclass::text AS name FROM pg_index
         WHERE NOT indisvalid OR NOT indisready
        UNION ALL
        SELECT 'constraint', conname::text FROM pg_constraint WHERE NOT convalidated
    """,
}
LONG_OPEN = f"""
    SELECT count(*) FROM pos_session WHERE state <> 'closed'
       AND start_at < now() AT TIME ZONE 'UTC' - interval '{LONG_OPEN_DAYS} days'
"""
# An accountant may leave out numbers by choice, so they only inform.
GAPS = f"""
    SELECT coalesce(sum(expected - found), 0) AS count
      FROM (SELECT max(sequence_number) - min(sequence_number) + 1 AS expected, count(*) AS found
              FROM account_move WHERE name <> '/' AND date > {RECENT}
             GROUP BY journal_id, sequence_prefix) numbers
"""
ATTACHED = f"""
    SELECT id, store_fname AS name, file_size AS size FROM ir_attachment
     WHERE store_fname IS NOT NULL ORDER BY id DESC LIMIT {FILES}
"""
# Prints name and size of each file that is there.
SIZES = "cd %s && printf '%%s\\n' %s | tr ' ' '\\n' | xargs -r stat -c '%%n %%s' 2>/dev/null || true"

pytestmark = pytest.mark.explained_by("postgresql", "odoo")


@pytest.mark.parametrize("holds", INVARIANTS)
def test_invariant(holds: str, books: Books) -> None:
    """In the whole database it holds what the books rely on."""
    wrong = books(f"SELECT * FROM ({INVARIANTS[holds]}) found LIMIT {SHOWN}")
    assert wrong == [], f"it does not hold that {holds}"


def test_long_open(books: Books, keep: Callable[[Evidence], None]) -> None:
    """Sessions that are open for long, and numbers that journals lack, are counted."""
    (sessions,) = books(LONG_OPEN)
    (gaps,) = books(GAPS)
    keep(Measure(f"sessions open for more than {LONG_OPEN_DAYS} days", int(sessions["count"]), ""))
    keep(Measure(f"numbers that journals lack, {DAYS} days", int(gaps["count"]), ""))


def test_filestore(odoo_host: Machine, estate: Estate, books: Books, measure: Callable[..., None]) -> None:
    """Attachments in the filestore are there in full."""
    attached = {row["name"]: row["size"] for row in books(ATTACHED)}
    database = str(estate.variable("odoo_database"))
    data = odoo_host.shell.output("sed -n 's/^data_dir *= *//p' /etc/odoo/odoo.conf")
    folder = f"{data}/filestore/{database}"
    said = odoo_host.shell.output(SIZES, folder, " ".join(attached))
    sizes = {name: int(size) for name, _, size in (line.partition(" ") for line in said.splitlines())}
    measure("files", len(attached))
    doubtful = {name for name, size in attached.items() if sizes.get(name) != size}
    # Odoo makes assets anew while it runs; only what is still attached now is missed.
    present = {row["name"]: row["size"] for row in books(ATTACHED)} if doubtful else {}
    wrong = {name: (present[name], sizes.get(name)) for name in doubtful & present.keys()}
    assert wrong == {}, f"of files in {folder}, size in the database and on disk differ"
