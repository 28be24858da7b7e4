"""The till in a real browser, used as a cashier uses it."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Error as PlaywrightError

from verify.clients import browser
from verify.clients.database import connect, value
from verify.clients.web import Site
from verify.reporting.recorder import NotRun
from verify.shop.till import NAME, Till

CONCERN = "Till in a browser"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.writes,
    pytest.mark.explained_by("odoo", "nginx", "pgbouncer"),
]

# What Chromium does to its connections when the machine it runs on gets or loses an address.
NETWORK_CHANGED = "ERR_NETWORK_CHANGED"

LAST_ORDER = "SELECT max(id) FROM pos_order"

NEW_ORDERS = """
    SELECT json_agg(json_build_object('state', pos_order.state, 'total', amount_total) ORDER BY pos_order.id)
      FROM pos_order JOIN pos_session ON pos_session.id = session_id
     WHERE config_id = %s AND pos_order.id > %s
"""


@pytest.fixture(scope="module", autouse=True)
def _browser_is_here() -> None:
    """Leave these checks out on a machine without a browser."""
    if reason := browser.missing():
        raise NotRun(reason)


def test_sale_by_clicks(
    site: Site,
    till: Till,
    administrator: tuple[str, str],
    pooled: dict[str, Any],
    database: str,
    keep_screenshot: Callable[[str, Any], None],
    measure: Callable[..., None],
) -> None:
    """A cashier logs in, opens the till and sells a product for cash; the order is paid in the database."""
    with closing(connect(pooled, database)) as sql:
        before = value(sql, LAST_ORDER) or 0
        with browser.open_page(site) as page:
            try:
                steps = browser.sell(page, site, administrator, NAME, keep_screenshot)
                measure("delivered by", browser.protocol(page))
            except PlaywrightError as error:
                keep_screenshot("Where it stopped", page)
                if NETWORK_CHANGED in str(error):
                    pytest.fail(f"{NETWORK_CHANGED}: an interface of this machine came or went; run again")
                raise
        for title, seconds in steps.items():
            measure(title, seconds, "s")
        assert value(sql, NEW_ORDERS, till.config_id, before) == [{"state": "paid", "total": 1.0}]
