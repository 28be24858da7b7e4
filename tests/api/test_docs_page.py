"""The documentation page in a real browser: everything from this server, and every operation on it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.api.contract import Contract
from tests.harness import deadline, stack
from verify.clients import browser
from verify.clients.api import BASE
from verify.clients.web import Client, Site

pytestmark = pytest.mark.hosts
PAGE_MILLISECONDS = 60_000
START_SECONDS = 60


def _shown(page: Page) -> set[tuple[str, str]]:
    """Return method and path of every operation that the page lists."""
    blocks = page.locator(".opblock .opblock-summary")
    blocks.first.wait_for(timeout=PAGE_MILLISECONDS)
    return {
        (
            block.locator(".opblock-summary-method").inner_text().strip(),
            "".join(block.locator(".opblock-summary-path").get_attribute("data-path") or ""),
        )
        for block in blocks.all()
    }


def test_it_shows_every_operation_and_asks_nobody_else(site: Site, contract: Contract) -> None:
    requests: list[str] = []
    complaints: list[str] = []
    with browser.open_page(site) as page:
        page.on("request", lambda sent: requests.append(sent.url))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(f"{site.origin}{BASE}/docs")
        shown = _shown(page)
        errors = page.locator(".errors-wrapper").count()
    assert shown == {(one.method, one.path) for one in contract.operations.values()}
    outside = {url for url in requests if not url.startswith((site.origin + "/", "data:", "blob:"))}
    assert outside == set()
    assert (errors, complaints) == (0, [])


def test_an_estate_can_switch_it_off(site: Site, api_host: stack.Target) -> None:
    settings = "/etc/odoo/odoo.conf"
    with Client(site) as client:

        def restart(edit: str) -> None:
            api_host.shell(f"{edit}; systemctl restart odoo odoo-api")
            deadline.until(
                lambda: client.get(f"{BASE}/health").status_code == 200,
                START_SECONDS,
                "Odoo after its restart",
            )

        restart(f"cp -p {settings} {settings}.kept; sed -i '/^pos_api_docs_directory/d' {settings}")
        try:
            assert client.get(f"{BASE}/docs").status_code == 404
            assert client.get(f"{BASE}/docs/init.js").status_code == 404
            assert client.get(f"{BASE}/openapi.json").status_code == 200
        finally:
            restart(f"mv {settings}.kept {settings}")
