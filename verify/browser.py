"""A real browser: Debian's Chromium, driven as a cashier would use it."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Locator, Page, sync_playwright

from verify.web import Site

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


@dataclass(frozen=True)
class Sale:
    """What the browser saw of a sale: the receipt's text, and how the page itself was delivered."""

    receipt: str
    protocol: str


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


def log_in(page: Page, site: Site, login: str, password: str) -> None:
    """Log in through Odoo's login form."""
    page.goto(f"{site.origin}/web/login?redirect=/web%23action=point_of_sale.action_client_pos_menu")
    page.locator("input[name=login]").fill(login)
    page.locator("input[name=password]").fill(password)
    page.locator("form.oe_login_form button[type=submit]").click()


def open_till(page: Page, name: str) -> None:
    """Start a session of a till from the dashboard, and count the opening cash where Odoo asks for it."""
    card = page.locator(".o_kanban_record", has_text=name)
    card.get_by_role("button", name="New Session").click(timeout=LOAD_MILLISECONDS)
    page.wait_for_url("**/pos/**", timeout=LOAD_MILLISECONDS)
    popup = page.locator(".opening-cash-control")
    products = page.locator(".product-screen")
    popup.or_(products).first.wait_for(timeout=LOAD_MILLISECONDS)
    page.locator(".pos .loader").wait_for(state="hidden", timeout=LOAD_MILLISECONDS)
    if popup.is_visible():
        popup.locator(".button", has_text="Open session").click()
        popup.wait_for(state="hidden")


def sell(page: Page, product: str) -> None:
    """Sell one piece of a product for cash, up to the receipt."""
    page.locator("article.product", has_text=product).click()
    _shown(page, ".order .orderline").get_by_text(product).wait_for()
    page.locator(".product-screen .button.pay").click()
    page.locator(".payment-screen .paymentmethod").first.click()
    page.locator(".payment-screen .paymentline.selected").wait_for()
    page.locator(".payment-screen .button.next.highlight").click()


def receipt(page: Page) -> Sale:
    """Return the receipt once the server has taken the order."""
    text = _shown(page, ".receipt-screen .pos-receipt").inner_text()
    protocol = page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")
    return Sale(text, str(protocol))


def _shown(page: Page, selector: str) -> Locator:
    found = page.locator(selector).first
    found.wait_for()
    return found


def _trust(home: Path, authority: Path) -> None:
    store = home / ".pki/nssdb"
    store.mkdir(parents=True)
    database = f"sql:{store}"
    subprocess.run(["certutil", "-d", database, "-N", "--empty-password"], check=True)
    subprocess.run(
        ["certutil", "-d", database, "-A", "-t", "C,,", "-n", "site", "-i", str(authority)], check=True
    )
