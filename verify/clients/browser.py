"""A real browser: Debian's Chromium, driven as a cashier would use it."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from playwright.sync_api import Page, sync_playwright

from verify.clients.web import Site

DASHBOARD = "/web#action=point_of_sale.action_client_pos_menu"
STEP_MILLISECONDS = 30_000
LOAD_MILLISECONDS = 120_000
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
)


def missing() -> str | None:
    """Return what this machine lacks for a browser, or None when it has everything."""
    for program, package in (("chromium", "chromium"), ("certutil", "libnss3-tools")):
        if shutil.which(program) is None:
            return f"no {program} on this machine: apt-get install {package}"
    return None


@contextmanager
def open_page(site: Site) -> Iterator[Page]:
    """Start Chromium with an empty profile that trusts the site's certificate authority and nothing less.

    Certificate errors stay errors: the authority is imported into the profile's own NSS database.
    """
    with TemporaryDirectory(prefix="tillstack-browser-", ignore_cleanup_errors=True) as home:
        if site.ca:
            _trust(Path(home), site.ca)
        with sync_playwright() as playwright:
            context = playwright.chromium.launch_persistent_context(
                f"{home}/profile",
                executable_path=shutil.which("chromium"),
                args=[*FLAGS, f"--host-resolver-rules=MAP {site.name} {site.address}"],
                env={"HOME": home, "PATH": "/usr/bin:/bin", "XDG_DATA_HOME": f"{home}/.local/share"},
                viewport={"width": 1280, "height": 800},
                locale="en-US",
            )
            context.set_default_timeout(STEP_MILLISECONDS)
            yield context.pages[0]
            context.close()


def sell(
    page: Page, site: Site, user: tuple[str, str], name: str, keep_screenshot: Callable[[str, Page], None]
) -> dict[str, float]:
    """Log in through Odoo's form, open a till from the dashboard, and sell one piece of a product for cash.

    Args:
        page: an empty page.
        site: the site to use.
        user: login and password.
        name: what both the till and the product are called.
        keep_screenshot: called with a title and the page after each step.

    Returns:
        Seconds that each step took.

    Raises:
        playwright.sync_api.TimeoutError: what a step waits for did not appear.
    """
    steps: tuple[tuple[str, Callable[[], None]], ...] = (
        ("Log in", lambda: _log_in(page, site, *user)),
        ("Open the till", lambda: _open_till(page, name)),
        ("Add a product", lambda: _add_product(page, name)),
        ("Pay in cash", lambda: _pay(page)),
    )
    seconds = {}
    for title, step in steps:
        began = time.perf_counter()
        step()
        seconds[title] = round(time.perf_counter() - began, 2)
        keep_screenshot(title, page)
    return seconds


def protocol(page: Page) -> str:
    """Return how the page was delivered, such as h2."""
    return str(page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol"))


def _log_in(page: Page, site: Site, login: str, password: str) -> None:
    page.goto(f"{site.origin}/web/login?redirect={quote(DASHBOARD)}")
    # Odoo changes the session at the login: an answer that is still on its way brings the old cookie back.
    page.wait_for_load_state("networkidle")
    page.locator("input[name=login]").fill(login)
    page.locator("input[name=password]").fill(password)
    page.locator("form.oe_login_form button[type=submit]").click()
    page.locator(".o_kanban_record").first.wait_for(timeout=LOAD_MILLISECONDS)


def _open_till(page: Page, name: str) -> None:
    """Start a session from the till's card, and count the opening cash where Odoo asks for it."""
    card = page.locator(".o_kanban_record", has_text=name)
    card.get_by_role("button", name="New Session").click()
    popup = page.locator(".opening-cash-control")
    product = page.locator("article.product", has_text=name)
    popup.or_(product).first.wait_for(timeout=LOAD_MILLISECONDS)
    page.locator(".pos .loader").wait_for(state="hidden", timeout=LOAD_MILLISECONDS)
    if popup.is_visible():
        popup.locator(".button", has_text="Open session").click()
        popup.wait_for(state="hidden")


def _add_product(page: Page, name: str) -> None:
    page.locator("article.product", has_text=name).click()
    page.locator(".order .orderline", has_text=name).wait_for()


def _pay(page: Page) -> None:
    """Take the exact amount in cash and validate, up to the receipt."""
    page.locator(".product-screen .button.pay").click()
    page.locator(".payment-screen .paymentmethod").first.click()
    page.locator(".payment-screen .paymentline.selected").wait_for()
    page.locator(".payment-screen .button.next.highlight").click()
    page.locator(".receipt-screen .pos-receipt").wait_for()


def _trust(home: Path, authority: Path) -> None:
    store = home / ".pki/nssdb"
    store.mkdir(parents=True)
    database = f"sql:{store}"
    subprocess.run(["certutil", "-d", database, "-N", "--empty-password"], check=True)
    subprocess.run(
        ["certutil", "-d", database, "-A", "-t", "C,,", "-n", "site", "-i", str(authority)], check=True
    )
