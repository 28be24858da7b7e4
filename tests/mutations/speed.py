"""Faults that make the API slow."""

from __future__ import annotations

from tests.mutations.case import on_odoo

CASES = (
    on_odoo(
        "mutation-slow-query",
        {"performance/test_endpoints.py::test_operation[*listProducts]": "verify_thresholds.list"},
        "$ADDON/operations/products.py",
        # A compiled read would not come by.
        r's/^@operation\("listProducts", lean=PRODUCT\)/@operation("listProducts")/;'
        r' s/^def list_products\(call\):$/&\n    call.env.cr.execute("SELECT pg_sleep(0.3)")/',
        section="performance",
        select="listProducts or listCategories or getHealth",
        why="the whole section takes minutes",
    ),
    on_odoo(
        "mutation-slow-token-check",
        {"performance/test_security_overhead.py::test_token_check": "costs more than it should"},
        "$ADDON/tokens.py",
        r"s/^def verify\(ring.*\):$/&\n    time.sleep(0.004)/",
        section="performance",
        select="test_token_check or getMe",
        why="the whole section takes minutes",
    ),
)
