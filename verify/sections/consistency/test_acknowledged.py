"""What the API has acknowledged in this run is what is in the books, once, to the cent."""

import re
from collections import defaultdict
from collections.abc import Callable

import pytest

from verify.sections.consistency.conftest import Books, Settled
from verify.shop.ledger import Ledger

CONCERN = "Consistency"
CENT = 0.005
# What an acknowledged state becomes by the session's closing.
CLOSED = {"paid": {"done"}, "done": {"done"}, "invoiced": {"invoiced"}}
NUMBER = re.compile(r"(.*/)(\d+)")

pytestmark = [pytest.mark.writes, pytest.mark.explained_by("odoo", "postgresql")]


def test_every_order_is_there(settled: Settled, ledger: Ledger, measure: Callable[..., None]) -> None:
    """Every acknowledged order is in the database, with the state and the amounts that were acknowledged."""
    acknowledged = [order for order in ledger.orders() if order.state != "draft"]
    measure("acknowledged orders", len(acknowledged))
    known = {order.id for order in ledger.orders()} | ledger.removed()
    measure("orders whose acknowledgement got lost", len(settled.orders.keys() - known))
    wrong = []
    for order in acknowledged:
        row = settled.orders.get(order.id)
        if row is None:
            wrong.append(f"{order.receipt_number} over {order.total}: not in the database")
            continue
        found = [float(row[name]) for name in ("total", "tax", "paid")]
        wanted = [order.total, order.tax, order.paid]
        if row["state"] not in CLOSED.get(order.state, set()) or found != pytest.approx(wanted, abs=CENT):
            wrong.append(f"{order.receipt_number}: {row['state']} {found}, not {order.state} {wanted}")
        if (row["name"], row["pos_reference"]) != (order.name, order.receipt_number):
            wrong.append(f"{order.receipt_number}: it is called {row['name']}, and not {order.name}")
    assert wrong == []


def test_drafts(settled: Settled, ledger: Ledger) -> None:
    """Every acknowledged draft was in the database until it was removed, and what was removed stays so."""
    lost = [number for number, row in settled.drafts.items() if row.get("lost")]
    assert lost == [], f"acknowledged drafts that were not in the database: {lost}"
    left = [
        number
        for number, row in settled.orders.items()
        if number in ledger.removed() and row["state"] != "cancel"
    ]
    assert left == [], f"removed drafts that are still there: {left}"


def test_orders_are_there_once(settled: Settled, books: Books) -> None:
    """No order is there twice: neither a receipt number nor an order's number is used again."""
    rows = books(
        f"""
        SELECT pos_reference, count(*) FROM pos_order WHERE session_id = ANY('{settled.array}')
         GROUP BY pos_reference HAVING count(*) > 1
        UNION ALL
        SELECT o.name, count(*) FROM pos_order o
         WHERE o.name IN (SELECT name FROM pos_order WHERE session_id = ANY('{settled.array}'))
           AND o.name NOT IN ('/') AND o.company_id IN
               (SELECT company_id FROM pos_order WHERE session_id = ANY('{settled.array}'))
         GROUP BY o.name HAVING count(*) > 1
        """
    )
    assert rows == []


def test_keys(settled: Settled, ledger: Ledger, books: Books) -> None:
    """Each Idempotency-Key has made one order, and each order comes from one key."""
    keys = {order.key: order.id for order in ledger.orders() if order.key}
    rows = books(
        f"""
        SELECT key, (body::json ->> 'id')::int AS id FROM pos_api_idempotency_key
         WHERE operation = 'createOrder'
           AND created_at > (SELECT min(start_at) FROM pos_session WHERE id = ANY('{settled.array}'))
        """
    )
    made = defaultdict(set)
    for row in rows:
        made[row["key"]].add(row["id"])
    wrong = {key: made.get(key) for key, number in keys.items() if made.get(key) != {number}}
    assert wrong == {}
    sold = [number for row in rows if (number := row["id"]) in settled.orders]
    assert len(sold) == len(set(sold)), "two keys have made one order"


def test_same_order_at_once(settled: Settled) -> None:
    """Of one order that is sent several times at once with one key, one is sold."""
    statuses = {status for status, _ in settled.numbers}
    ids = {number for _, number in settled.numbers if number}
    assert statuses <= {201, 409}, settled.numbers
    assert len(ids) == 1, settled.numbers


def test_lines(settled: Settled, books: Books) -> None:
    """The lines of each order add up to its total, and their taxes to its tax."""
    rows = books(
        f"""
        SELECT o.id, o.amount_total, sum(l.price_subtotal_incl) AS lines, o.amount_tax,
               sum(l.price_subtotal_incl - l.price_subtotal) AS taxes
          FROM pos_order o LEFT JOIN pos_order_line l ON l.order_id = o.id
         WHERE o.session_id = ANY('{settled.array}')
         GROUP BY o.id
        HAVING abs(o.amount_total - coalesce(sum(l.price_subtotal_incl), 0)) > {CENT}
            OR abs(o.amount_tax - coalesce(sum(l.price_subtotal_incl - l.price_subtotal), 0)) > {CENT}
        """
    )
    assert rows == []


def test_payments(settled: Settled, books: Books) -> None:
    """The payments of each order add up to what was paid, and that is its total."""
    rows = books(
        f"""
        SELECT o.id, o.state, o.amount_total, o.amount_paid, sum(p.amount) AS payments
          FROM pos_order o LEFT JOIN pos_payment p ON p.pos_order_id = o.id
         WHERE o.session_id = ANY('{settled.array}') AND o.state IN ('paid', 'done', 'invoiced')
         GROUP BY o.id
        HAVING abs(o.amount_paid - coalesce(sum(p.amount), 0)) > {CENT}
            OR abs(o.amount_paid - o.amount_total) > {CENT}
        """
    )
    assert rows == []


def test_drawers(settled: Settled, books: Books) -> None:
    """Each closed drawer holds what it began with and what came in, and its sales are the cash payments."""
    rows = books(
        f"""
        SELECT s.id, b.balance_start, b.balance_end_real, lines.amount AS lines, lines.sales,
               cash.amount AS cash
          FROM pos_session s
          JOIN account_bank_statement b ON b.id = s.cash_register_id,
               LATERAL (SELECT coalesce(sum(l.amount), 0) AS amount,
                               coalesce(sum(l.amount) FILTER (WHERE l.payment_ref = s.name), 0) AS sales
                          FROM account_bank_statement_line l WHERE l.statement_id = b.id) lines,
               LATERAL (SELECT coalesce(sum(p.amount), 0) AS amount FROM pos_payment p
                          JOIN pos_payment_method m ON m.id = p.payment_method_id
                         WHERE p.session_id = s.id AND m.is_cash_count) cash
         WHERE s.id = ANY('{settled.array}')
           AND (abs(b.balance_end_real - b.balance_start - lines.amount) > {CENT}
                OR abs(lines.sales - cash.amount) > {CENT})
        """
    )
    assert rows == []


def test_stock(settled: Settled, books: Books, measure: Callable[..., None]) -> None:
    """The stock has moved by what was sold less what came back, at the payment or at the closing."""
    (kept,) = books(
        f"""
        SELECT string_agg(DISTINCT CASE WHEN update_stock_at_closing THEN 'closing' ELSE 'payment' END, ', ')
               AS at FROM pos_session WHERE id = ANY('{settled.array}')
        """
    )
    measure("stock moves at", kept["at"])
    rows = books(
        f"""
        WITH sold AS (
            SELECT o.session_id AS session, l.product_id AS product, sum(l.qty) AS quantity
              FROM pos_order_line l JOIN pos_order o ON o.id = l.order_id
              JOIN product_product p ON p.id = l.product_id
              JOIN product_template t ON t.id = p.product_tmpl_id
             WHERE o.session_id = ANY('{settled.array}') AND o.state IN ('paid', 'done', 'invoiced')
               AND t.type IN ('product', 'consu')
             GROUP BY 1, 2),
        moved AS (
            SELECT k.pos_session_id AS session, m.product_id AS product,
                   sum(CASE WHEN d.usage = 'internal' THEN -m.product_qty ELSE m.product_qty END) AS quantity
              FROM stock_move m JOIN stock_picking k ON k.id = m.picking_id
              JOIN stock_location d ON d.id = m.location_dest_id
             WHERE k.pos_session_id = ANY('{settled.array}') AND m.state = 'done'
             GROUP BY 1, 2)
        SELECT session, product, sold.quantity AS sold, moved.quantity AS moved
          FROM sold FULL JOIN moved USING (session, product)
         WHERE abs(coalesce(sold.quantity, 0) - coalesce(moved.quantity, 0)) > 0.0001
        """
    )
    assert rows == []


def test_entries(settled: Settled, books: Books) -> None:
    """Each session with sales is posted, and all of its journal entries balance."""
    rows = books(
        f"""
        WITH moves AS (
            SELECT id AS session, move_id AS move FROM pos_session WHERE id = ANY('{settled.array}')
            UNION ALL
            SELECT session_id, account_move FROM pos_order
             WHERE session_id = ANY('{settled.array}') AND account_move IS NOT NULL
            UNION ALL
            SELECT b.pos_session_id, l.move_id FROM account_bank_statement_line l
              JOIN account_bank_statement b ON b.id = l.statement_id
             WHERE b.pos_session_id = ANY('{settled.array}'))
        SELECT moves.session, moves.move, m.state, sum(i.debit) AS debit, sum(i.credit) AS credit
          FROM moves LEFT JOIN account_move m ON m.id = moves.move
          LEFT JOIN account_move_line i ON i.move_id = m.id
         WHERE moves.move IS NOT NULL
            OR EXISTS (SELECT FROM pos_order WHERE session_id = moves.session AND state = 'done')
         GROUP BY 1, 2, 3
        HAVING m.state IS DISTINCT FROM 'posted' OR abs(sum(i.debit) - sum(i.credit)) > {CENT}
        """
    )
    assert rows == []


def test_takings(settled: Settled, books: Books) -> None:
    """The entry of each session's closing takes in what its orders came to."""
    rows = books(
        f"""
        WITH sold AS (
            SELECT session_id AS session, sum(amount_total) AS total FROM pos_order
             WHERE session_id = ANY('{settled.array}') AND state = 'done' GROUP BY 1),
        booked AS (
            SELECT s.id AS session, sum(i.credit - i.debit) AS total
              FROM pos_session s JOIN account_move_line i ON i.move_id = s.move_id
              JOIN account_account a ON a.id = i.account_id
             WHERE s.id = ANY('{settled.array}')
               AND (a.internal_group = 'income' OR i.tax_line_id IS NOT NULL) GROUP BY 1)
        SELECT session, sold.total AS sold, booked.total AS booked FROM sold LEFT JOIN booked USING (session)
         WHERE abs(sold.total - coalesce(booked.total, 0)) > {CENT}
        """
    )
    assert rows == []


def test_order_numbers(settled: Settled, ledger: Ledger, books: Books, measure: Callable[..., None]) -> None:
    """No number of an order that anybody was told of is missing.

    Odoo numbers orders by a sequence of PostgreSQL, which a rolled back transaction does not give back
    (PostgreSQL manual, sequence functions): a missing number is explained if no answer of the API has it,
    neither in this run's ledger nor among the answers kept by Idempotency-Key.
    """
    names = [
        row["name"]
        for row in books(
            f"""
        SELECT name FROM pos_order WHERE name <> '/' AND session_id IN
               (SELECT id FROM pos_session WHERE config_id IN
                       (SELECT config_id FROM pos_session WHERE id = ANY('{settled.array}')))
        """
        )
    ]
    numbers = defaultdict(set)
    for name in names:
        if found := NUMBER.match(name):
            numbers[found[1]].add(int(found[2]))
    missing = {
        f"{prefix}{number:04}"
        for prefix, present in numbers.items()
        for number in set(range(min(present), max(present))) - present
    }
    measure("numbers that rolled back transactions have used up", len(missing))
    assert {order.name for order in ledger.orders()} & missing == set()
    if missing:
        listed = ", ".join("'" + name.replace("'", "''") + "'" for name in sorted(missing))
        told = books(
            f"""
            SELECT body::json ->> 'name' AS name FROM pos_api_idempotency_key
             WHERE operation = 'createOrder' AND body::json ->> 'name' IN ({listed})
            """
        )
        assert told == [], "numbers that a client was told of have no order"


def test_entry_numbers(settled: Settled, books: Books) -> None:
    """The journals that verify's sessions are booked in have numbers without a gap."""
    rows = books(
        f"""
        WITH used AS (
            SELECT DISTINCT m.journal_id FROM account_move m JOIN account_journal j ON j.id = m.journal_id
             WHERE j.code LIKE 'TSV%'
               AND m.create_date > (SELECT min(start_at) FROM pos_session WHERE id = ANY('{settled.array}')))
        SELECT m.journal_id, m.sequence_prefix, min(m.sequence_number), max(m.sequence_number), count(*)
          FROM account_move m JOIN used USING (journal_id)
         WHERE m.name <> '/'
         GROUP BY 1, 2
        HAVING count(*) <> max(m.sequence_number) - min(m.sequence_number) + 1
        """
    )
    assert rows == []
