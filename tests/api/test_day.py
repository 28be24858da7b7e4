"""A day at the shop by the API leaves what the same day by Odoo's own point of sale leaves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.api import day_by_api, day_plan
from tests.api.shop import Shop

pytestmark = pytest.mark.hosts
SEED = 15
DAY, TWIN = ["day 1", "day 2", "day 3"], ["twin 1", "twin 2", "twin 3"]
TWIN_SECONDS = 600
# A till's own journals, accounts and methods are named after it: the till's name is left out.
OWN = r"'^(day|twin) \d '"
ORDERS = rf"""
    SELECT o.state, o.partner_id, o.pricelist_id, o.fiscal_position_id, o.user_id, o.company_id,
           o.amount_total, o.amount_tax, o.amount_paid, o.amount_return, o.account_move IS NULL AS no_invoice,
           (SELECT json_agg(json_build_array(l.product_id, l.qty, l.price_unit, l.discount, l.price_subtotal,
                              l.price_subtotal_incl, l.full_product_name, l.refunded_orderline_id IS NULL,
                              (SELECT json_agg(t.account_tax_id ORDER BY 1)
                                 FROM account_tax_pos_order_line_rel t
                                WHERE t.pos_order_line_id = l.id)) ORDER BY l.id)
              FROM pos_order_line l WHERE l.order_id = o.id) AS lines,
           (SELECT json_agg(json_build_array(regexp_replace(m.name, {OWN}, ''), p.amount, p.is_change)
                            ORDER BY m.name, p.amount)
              FROM pos_payment p JOIN pos_payment_method m ON m.id = p.payment_method_id
             WHERE p.pos_order_id = o.id) AS payments
      FROM pos_order o WHERE o.session_id = %(session)s ORDER BY o.id
"""
MOVES = """
    SELECT move_id AS id, 'closing' AS kind FROM pos_session WHERE id = %(session)s
    UNION ALL SELECT l.move_id, 'cash' FROM account_bank_statement_line l
      JOIN account_bank_statement b ON b.id = l.statement_id WHERE b.pos_session_id = %(session)s
    UNION ALL SELECT move_id, 'bank' FROM account_payment WHERE pos_session_id = %(session)s
    UNION ALL SELECT account_move, 'invoice' FROM pos_order
     WHERE session_id = %(session)s AND account_move IS NOT NULL
    UNION ALL SELECT p.account_move_id, 'invoice payment' FROM pos_payment p
      JOIN pos_order o ON o.id = p.pos_order_id
     WHERE o.session_id = %(session)s AND p.account_move_id IS NOT NULL
"""
ENTRIES = rf"""
    SELECT moves.kind, regexp_replace(j.name, {OWN}, '') AS journal, v.state, v.move_type,
           CASE WHEN a.name ~ {OWN} THEN regexp_replace(a.name, {OWN}, '') ELSE a.code END AS account,
           l.debit, l.credit, l.amount_currency, l.currency_id, l.partner_id, l.tax_line_id,
           l.tax_base_amount, l.reconciled, l.amount_residual, l.quantity, l.product_id,
           (SELECT string_agg(r.account_tax_id::text, ',' ORDER BY 1)
              FROM account_move_line_account_tax_rel r
             WHERE r.account_move_line_id = l.id) AS taxes
      FROM ({MOVES}) AS moves
      JOIN account_move v ON v.id = moves.id JOIN account_journal j ON j.id = v.journal_id
      JOIN account_move_line l ON l.move_id = v.id JOIN account_account a ON a.id = l.account_id
"""
STOCK = """
    SELECT m.product_id, m.product_uom_qty, m.state, m.location_id, m.location_dest_id,
           m.price_unit, k.picking_type_id, k.partner_id, k.state AS picking,
           k.pos_order_id IS NULL AS at_closing,
           (SELECT sum(d.qty_done) FROM stock_move_line d WHERE d.move_id = m.id) AS done
      FROM stock_move m JOIN stock_picking k ON k.id = m.picking_id WHERE k.pos_session_id = %(session)s
"""
DRAWER = """
    SELECT s.state, s.update_stock_at_closing, s.cash_real_expected, s.cash_real_difference,
           s.cash_real_transaction, b.balance_start, b.balance_end, b.balance_end_real, b.difference,
           b.state AS statement,
           (SELECT json_agg(json_build_array(l.amount, regexp_replace(l.payment_ref, '\\w+( \\d)?/\\d+', '')
                                            ) ORDER BY l.amount)
              FROM account_bank_statement_line l WHERE l.statement_id = b.id) AS lines
      FROM pos_session s JOIN account_bank_statement b ON b.id = s.cash_register_id WHERE s.id = %(session)s
"""
QUANTS = """
    SELECT q.product_id, sum(q.quantity) AS quantity FROM stock_quant q
      JOIN stock_location l ON l.id = q.location_id WHERE l.usage = 'internal' GROUP BY 1
"""


@dataclass(frozen=True)
class Day:
    """What a way of doing the day has left.

    Args:
        sessions: One for each till.
        moved: How much of each product has left the stock.
        refused: How many calls the server was too busy for.
    """

    sessions: list[int]
    moved: dict[int, float]
    refused: int


@dataclass(frozen=True)
class Kind:
    """A kind of day.

    Args:
        stock: When the company moves its stock: `real` at payment, `closing` at the session's closing.
        sales: How many there are.
    """

    stock: str
    sales: int


KINDS = [Kind("real", day_plan.SALES), Kind("closing", 30)]


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: f"stock at {kind.stock}")
def kind(shop: Shop, request: pytest.FixtureRequest) -> Iterator[Kind]:
    """The kind of day, set in the company."""
    chosen: Kind = request.param
    stock_moves_at(shop, chosen.stock)
    yield chosen
    stock_moves_at(shop, "real")


def stock_moves_at(shop: Shop, when: str) -> None:
    """Change the company's setting."""
    shop.odoo(
        f"env.ref('base.main_company').point_of_sale_update_stock_quantities = {when!r}\n"
        "env.cr.commit()\nprint('DONE', 1)",
        "DONE",
    )


@pytest.fixture(scope="module")
def plans(kind: Kind) -> list[dict[str, Any]]:
    """The day."""
    return day_plan.draw(SEED, kind.sales)


def stock(shop: Shop) -> dict[int, float]:
    """Return what is in stock of each product."""
    return {row["product_id"]: float(row["quantity"]) for row in shop.rows(QUANTS)}


def done(shop: Shop, how: str, run: Callable[[], list[int]]) -> Day:
    """Do the day, and return what it has left."""
    before, started = stock(shop), time.monotonic()
    day_by_api.BUSY.clear()
    sessions = run()
    print(f"the day by {how}: {time.monotonic() - started:.0f} s, seed {SEED}")
    after = stock(shop)
    return Day(
        sessions,
        {product: round(before[product] - after[product], 4) for product in before},
        len(day_by_api.BUSY),
    )


@pytest.fixture(scope="module")
def day(shop: Shop, plans: list[dict[str, Any]]) -> Day:
    """The day done by the API."""
    return done(shop, "the API", lambda: day_by_api.run(shop, plans, DAY))


@pytest.fixture(scope="module")
def twin(shop: Shop, plans: list[dict[str, Any]], day: Day) -> Day:
    """The same day done by Odoo's own methods, at tills of the same kind."""
    program = Path(__file__).with_name("twin_on_host.py").read_text()
    tills = [shop["tills"][name] for name in TWIN]
    given = f"PLANS = {plans!r}\nTILLS = {tills!r}\nSHOP = {shop.made!r}\nNOTE = {day_plan.NOTE!r}\n"

    def run() -> list[int]:
        sessions: list[int] = shop.odoo(given + program, "SESSIONS", seconds=TWIN_SECONDS)
        return sessions

    return done(shop, "Odoo's own methods", run)


def plain(value: Any) -> Any:
    """Return a value without binary noise: Odoo stores sums such as 37.239999999999995."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value


def rows(shop: Shop, query: str, session: int, ordered: bool = False) -> list[dict[str, Any]]:
    """Return the rows of a session, in an order that both days share."""
    found = [plain(row) for row in shop.rows(query.replace("%(session)s", str(session)))]
    return found if ordered else sorted(found, key=lambda row: repr(sorted(row.items(), key=str)))


def differences(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> list[str]:
    """Return what is different, row by row and field by field."""
    if len(one) != len(other):
        only = [f"only by the API: {row}" for row in one if row not in other]
        only += [f"only by Odoo: {row}" for row in other if row not in one]
        return [f"{len(one)} and {len(other)} rows", *only]
    return [
        f"row {number}, {name}: {row[name]!r} by the API, {twin[name]!r} by Odoo"
        for number, (row, twin) in enumerate(zip(one, other, strict=True))
        for name in row
        if row[name] != twin[name]
    ]


@pytest.mark.parametrize("till", range(len(DAY)))
@pytest.mark.parametrize(
    ("what", "ordered"), [("orders", True), ("entries", False), ("stock", False), ("drawer", True)]
)
def test_the_same_records(shop: Shop, day: Day, twin: Day, till: int, what: str, ordered: bool) -> None:
    query = {"orders": ORDERS, "entries": ENTRIES, "stock": STOCK, "drawer": DRAWER}[what]
    one = rows(shop, query, day.sessions[till], ordered)
    other = rows(shop, query, twin.sessions[till], ordered)
    assert one
    found = differences(one, other)
    assert not found, f"{len(found)} differences\n" + "\n".join(found[:40])


def test_the_day_was_as_planned(shop: Shop, day: Day, kind: Kind) -> None:
    sessions = ", ".join(map(str, day.sessions))
    (row,) = shop.rows(
        f"""
        SELECT count(*) AS orders, count(*) FILTER (WHERE amount_total < 0) AS refunds,
               count(account_move) AS invoices, count(DISTINCT user_id) AS users,
               count(*) FILTER (WHERE state NOT IN ('done', 'invoiced')) AS unfinished
          FROM pos_order WHERE session_id IN ({sessions})
        """
    )
    assert row == {
        "orders": kind.sales + day_plan.REFUNDS + day_plan.OFFLINE,
        "refunds": day_plan.REFUNDS,
        "invoices": day_plan.INVOICES,
        "users": len(day_plan.CASHIERS) + 1,
        "unfinished": 0,
    }


def test_no_sale_had_to_be_repeated(day: Day) -> None:
    assert day.refused == 0


def test_stock_is_what_was_sold(shop: Shop, day: Day, twin: Day) -> None:
    sessions = ", ".join(map(str, day.sessions))
    sold = shop.rows(
        f"""
        SELECT l.product_id, sum(l.qty) AS quantity FROM pos_order_line l
          JOIN pos_order o ON o.id = l.order_id
          JOIN product_product p ON p.id = l.product_id JOIN product_template t ON t.id = p.product_tmpl_id
         WHERE o.session_id IN ({sessions}) AND t.type = 'product' GROUP BY 1
        """
    )
    wanted = {row["product_id"]: round(float(row["quantity"]), 4) for row in sold}
    assert len(wanted) == 3
    assert {product: day.moved[product] for product in wanted} == wanted
    assert day.moved == twin.moved


def test_entries_balance_and_the_closing_entry_is_the_sum_of_orders(shop: Shop, day: Day) -> None:
    for session in day.sessions:
        entries = rows(shop, ENTRIES, session)
        balance = sum(round(row["debit"] * 100) - round(row["credit"] * 100) for row in entries)
        assert balance == 0
        (row,) = shop.rows(
            f"""
            SELECT (SELECT round(sum(l.credit - l.debit), 2) FROM account_move_line l
                      JOIN account_account a ON a.id = l.account_id
                      JOIN pos_session s ON s.move_id = l.move_id
                     WHERE s.id = {session} AND (a.internal_group = 'income' OR l.tax_line_id IS NOT NULL))
                     AS posted,
                   (SELECT round(sum(amount_total), 2) FROM pos_order
                     WHERE session_id = {session} AND account_move IS NULL) AS sold
            """
        )
        assert row["posted"] == row["sold"]
        assert row["sold"] > 0
