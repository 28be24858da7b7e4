"""The web server as a browser meets it."""

import re
from collections.abc import Callable

import pytest
import requests

from verify.clients.tls import trusting_handshake
from verify.clients.web import Client, Site
from verify.measure.timing import milliseconds

CONCERN = "Web server"

pytestmark = pytest.mark.explained_by("nginx")


def test_http2(site: Site) -> None:
    """HTTP/2 is agreed on (ALPN)."""
    assert trusting_handshake(site).protocol == "h2"


def test_redirect_to_https(site: Site) -> None:
    """Plain HTTP leads to HTTPS, with path and query kept."""
    answer = requests.get(
        f"http://{site.address}:{site.http_port}/web/login?verify=1",
        headers={"Host": site.name},
        allow_redirects=False,
        timeout=10,
    )
    assert answer.status_code in (301, 308)
    assert answer.headers["Location"] == f"{site.origin}/web/login?verify=1"


@pytest.mark.explained_by("nginx", "odoo")
def test_pages_are_served(client: Client, measure: Callable[..., None]) -> None:
    """The login page and a static file that it refers to are served."""
    page = client.get("/web/login")
    assert "oe_login_form" in page.text
    static = re.search(r'(?:href|src)="(/\w+/static/[^"]+)"', page.text)
    assert static, "the login page refers to no static file"
    answer = client.get(static.group(1))
    assert answer.status_code == 200 and answer.content, static.group(1)
    measure("login page, median", milliseconds(lambda: client.get("/web/login")), "ms")
    measure("static file, median", milliseconds(lambda: client.get(static.group(1))), "ms")
