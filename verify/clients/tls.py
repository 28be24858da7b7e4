"""TLS handshakes as different clients make them."""

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

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
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
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
