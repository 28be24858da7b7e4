"""TLS handshakes as different clients make them."""

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from verify.clients.web import Site

HANDSHAKE_SECONDS = 10


@dataclass(frozen=True)
class Handshake:
    """What a handshake agreed on."""

    version: str
    cipher: str
    protocol: str | None
    expires: datetime


def trusting_handshake(site: Site) -> Handshake:
    """Shake hands as a browser does: chain and name verified, HTTP/2 offered.

    Raises:
        ssl.SSLError: the certificate is not good for the name, or there is no common version.
        OSError: nobody listens.
    """
    context = ssl.create_default_context(cafile=site.ca)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((site.address, site.https_port), HANDSHAKE_SECONDS) as raw,
        context.wrap_socket(raw, server_hostname=site.name) as secured,
    ):
        certificate = secured.getpeercert() or {}
        cipher = secured.cipher()
        return Handshake(
            version=str(secured.version()),
            cipher=cipher[0] if cipher else "",
            protocol=secured.selected_alpn_protocol(),
            expires=datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC),
        )


def accepts_version(site: Site, version: ssl.TLSVersion) -> bool:
    """Return whether the server agrees to speak exactly this version with a client that would.

    Raises:
        OSError: nobody listens (a refused handshake is no error here).
    """
    context = _lenient()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = version
    context.maximum_version = version
    with socket.create_connection((site.address, site.https_port), HANDSHAKE_SECONDS) as raw:
        try:
            with context.wrap_socket(raw, server_hostname=site.name):
                return True
        except (ssl.SSLError, ConnectionResetError):
            return False


def is_public_certificate(text: str) -> bool:
    """Return whether a file's text is certificates and no private key (RFC 7468)."""
    return "-----BEGIN CERTIFICATE-----" in text and "PRIVATE KEY-----" not in text


def served_certificate(site: Site) -> x509.Certificate:
    """Return the certificate that the server shows, trusted or not.

    Raises:
        OSError: nobody listens, or the handshake failed.
    """
    with (
        socket.create_connection((site.address, site.https_port), HANDSHAKE_SECONDS) as raw,
        _lenient().wrap_socket(raw, server_hostname=site.name) as secured,
    ):
        return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")


def weak_suites() -> list[str]:
    """Return the cipher suites below TLS 1.3 that this machine can offer and no server should take.

    Weak is what has no forward secrecy, no authenticated encryption, or no authentication (RFC 9325, section
    4.2). Suites with a secret that both sides know beforehand are left out: a web server has none.
    """
    context = _lenient()
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    return [suite["name"] for suite in context.get_ciphers() if _is_weak(suite)]


def _is_weak(suite: dict[str, Any]) -> bool:
    if suite["protocol"] == "TLSv1.3" or "psk" in suite["kea"] or "srp" in suite["kea"]:
        return False
    forward = suite["kea"] in ("kx-ecdhe", "kx-dhe")
    return not (forward and suite["aead"]) or suite["auth"] == "auth-null"


def agreed_suite(site: Site, suites: list[str]) -> str | None:
    """Return the suite that the server takes of those offered with TLS 1.2, or None where it refuses all.

    Raises:
        OSError: nobody listens.
    """
    context = _lenient()
    context.set_ciphers(":".join([*suites, "@SECLEVEL=0"]))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection((site.address, site.https_port), HANDSHAKE_SECONDS) as raw:
        try:
            with context.wrap_socket(raw, server_hostname=site.name) as secured:
                cipher = secured.cipher()
                return cipher[0] if cipher else None
        except (ssl.SSLError, ConnectionResetError):
            return None


def _lenient() -> ssl.SSLContext:
    """Return the context of a client that talks to anyone, to see what a server would do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
