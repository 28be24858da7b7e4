"""The web server as a browser meets it."""

import re
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from verify.clients.tls import accepts_version, trusting_handshake
from verify.clients.web import Client, Site
from verify.estate.machines import Machine

CONCERN = "Web server"

pytestmark = pytest.mark.explained_by("nginx")

LEAST_DAYS = 14

# RFC 7034 for the second; a page may be stricter than the site.
HEADERS = {
    "X-Content-Type-Options": {"nosniff"},
    "X-Frame-Options": {"SAMEORIGIN", "DENY"},
    "Referrer-Policy": {"strict-origin-when-cross-origin"},
}

BURST = """
import concurrent.futures, http.client, ssl, sys
port, host, count = sys.argv[1:]
def send(_):
    client = http.client.HTTPSConnection("127.0.0.1", int(port), context=ssl._create_unverified_context())
    client.request("POST", "/web/login", "login=tillstack-verify", {"Host": host})
    return client.getresponse().status
with concurrent.futures.ThreadPoolExecutor(int(count)) as pool:  # at once: a busy host is slow
    print(*pool.map(send, range(int(count))))
"""


def test_certificate(site: Site, measure: Callable[..., None]) -> None:
    """The certificate's chain and name are good, and it does not expire soon."""
    handshake = trusting_handshake(site)
    days = (handshake.expires - datetime.now(UTC)).days
    measure("certificate expires in", days, "days")
    measure("agreed on", f"{handshake.version} {handshake.cipher}")
    assert days >= LEAST_DAYS, "run site.yml (own_ca), look at certbot.timer (acme) or renew it (provided)"


def test_wrong_name_is_noticed(site: Site) -> None:
    """A client that wants another name does not trust the certificate."""
    with pytest.raises(ssl.SSLCertVerificationError):
        trusting_handshake(replace(site, name="other.invalid"))


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        (ssl.TLSVersion.TLSv1, False),
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_protocol_versions(site: Site, version: ssl.TLSVersion, wanted: bool) -> None:
    """TLS 1.2 and 1.3 are spoken, older versions are not."""
    assert accepts_version(site, version) is wanted, (
        "see ssl_protocols and ssl_ciphers in nginx_server_settings"
    )


def test_security_headers(client: Client, nginx_host: Machine) -> None:
    """The login page carries the security headers, and no version of the server."""
    answer = client.get("/web/login")
    assert answer.status_code == 200
    for name, good in HEADERS.items():
        assert answer.headers.get(name) in good, name
    age = re.search(r"max-age=(\d+)", answer.headers.get("Strict-Transport-Security", "max-age=0"))
    assert age and int(age.group(1)) == int(nginx_host.variables["nginx_hsts_max_age"]), (
        f"max-age is {age and age.group(1)}: see nginx_hsts_max_age"
    )
    assert not re.search(r"\d", answer.headers.get("Server", "")), "set server_tokens off"


@pytest.mark.explained_by("nginx", "odoo")
def test_session_cookie(client: Client) -> None:
    """The session cookie is kept from scripts, and goes over HTTPS only."""
    cookie = client.get("/web/login").headers.get("Set-Cookie", "")
    assert "session_id=" in cookie
    for flag in ("httponly", "secure"):
        assert re.search(rf";\s*{flag}\b", cookie, re.IGNORECASE), f"{flag} is not in {cookie}"


def test_private_keys_are_closed(nginx_host: Machine) -> None:
    """Private keys of the web server belong to root alone."""
    dump = nginx_host.shell.output("nginx -T 2>/dev/null")
    keys = set(re.findall(r"^[^#]*\bssl_certificate_key\s+(\S+);", dump, re.MULTILINE))
    assert keys, "the configuration names no private key"
    for key in keys:
        facts = nginx_host.shell.file(key)
        assert facts and facts.user == "root" and facts.mode & 0o077 == 0, f"{key}: {facts}"


@pytest.mark.writes
@pytest.mark.uses_up_logins
def test_logins_are_limited(site: Site, nginx_host: Machine, measure: Callable[..., None]) -> None:
    """A burst of logins from one address is refused with 429; other addresses and the login page are not.

    The burst is sent by the host itself, so that the limit of the controller's address is not used up.
    """
    count = int(nginx_host.variables["nginx_login_burst"]) + 10
    statuses = nginx_host.shell.output(
        "/usr/bin/python3 -c %s %s %s %s", BURST, str(site.https_port), site.host_header, str(count)
    ).split()
    refused = statuses.count("429")
    measure("logins sent", len(statuses))
    measure("logins refused", refused)
    assert refused, f"{count} logins in a row were all let through: {sorted(set(statuses))}"
    with Client(site) as client:
        assert client.get("/web/login").status_code == 200
        if not nginx_host.connection.local:
            assert client.post("/web/login", data={"login": "tillstack-verify"}).status_code != 429
