"""Faults that only whoever sells can see: of the API's manners, and of what is in the books."""

from __future__ import annotations

from tests.mutations.case import Mutation, on_odoo

ENDPOINTS = "endpoints/test_operations.py"
ACKNOWLEDGED = "consistency/test_acknowledged.py"

CASES = (
    on_odoo(
        "mutation-repetition-not-marked",
        {f"{ENDPOINTS}::test_repetition[*]": "not marked", f"{ENDPOINTS}::test_operation[syncOrders]": ""},
        "$ADDON/frame/idempotency.py",
        's/, REPLAYED: "true"//',
        section="endpoints",
        why="every operation with a key is tried, and the result of an offline order says whether it is new",
    ),
    on_odoo(
        "mutation-updates-lost",
        {f"{ENDPOINTS}::test_precondition[*]": ""},
        "$ADDON/frame/dispatch.py",
        "s/if call.operation.id in CURRENT:/if False:/",
        section="endpoints",
        why="every operation with a precondition is tried",
    ),
    on_odoo(
        "mutation-allow-missing",
        {"endpoints/test_refusals.py::test_methods": "Allow"},
        "$ADDON/frame/routing.py",
        r's/headers=\[\("Allow", allowed\)\]/headers=[]/',
        section="endpoints",
    ),
    on_odoo(
        "mutation-wrong-pin-taken",
        {f"{ENDPOINTS}::test_wrong_pin": "201"},
        "$ADDON/timeclock.py",
        r"s/if not \(hmac.compare_digest\(/if False and not (hmac.compare_digest(/",
        section="endpoints",
    ),
    Mutation(
        "mutation-lines-changed-in-the-books",
        "books",
        "consistency",
        {
            f"{ACKNOWLEDGED}::test_lines": "",
            "consistency/test_books.py::test_invariant[lines of orders add up to their totals]": "",
        },
        """
sql "CREATE TABLE mutation_lines (id int)"
sql "CREATE FUNCTION mutation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS '
BEGIN
  WITH changed AS (UPDATE pos_order_line SET price_subtotal_incl = price_subtotal_incl + 1
                    WHERE order_id = NEW.id RETURNING id)
  INSERT INTO mutation_lines SELECT id FROM changed;
  RETURN NULL;
END'"
sql "CREATE TRIGGER mutation AFTER UPDATE OF state ON pos_order FOR EACH ROW WHEN (NEW.state = 'done')
     EXECUTE FUNCTION mutation()"
""",
        """
sql "DROP TRIGGER mutation ON pos_order"
sql "UPDATE pos_order_line SET price_subtotal_incl = price_subtotal_incl - 1
      WHERE id IN (TABLE mutation_lines)"
sql "DROP FUNCTION mutation; DROP TABLE mutation_lines"
""",
        why="it is wrong in this run's orders, and in the books as a whole",
    ),
)
