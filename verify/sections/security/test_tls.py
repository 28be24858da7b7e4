"""What the web server's encryption is worth: cipher suites, and the certificate's key and signature.

Protocol versions, trust, name, expiry and HSTS are in `test_nginx`.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from verify.clients.tls import agreed_suite, served_certificate, trusting_handshake, weak_suites
from verify.clients.web import Site

CONCERN = "Encryption"

pytestmark = pytest.mark.explained_by("nginx")

LEAST_RSA_BITS = 2048  # CA/Browser Forum, Baseline Requirements 6.1.5
LEAST_EC_BITS = 256
LONGEST_DAYS = 826  # what browsers take of a private authority (Apple, HT210176: 825 days)
SIGNATURES = {"sha256", "sha384", "sha512"}


def test_weak_suites(site: Site, measure: Callable[..., None]) -> None:
    """No cipher suite without forward secrecy or authenticated encryption is taken (RFC 9325)."""
    offered = weak_suites()
    measure("weak suites offered", len(offered))
    taken = []
    while (suite := agreed_suite(site, offered)) is not None:
        taken.append(suite)
        offered.remove(suite)
    assert taken == [], "take these out of ssl_ciphers in nginx_server_settings"


def test_modern_suite(site: Site, measure: Callable[..., None]) -> None:
    """A browser of today agrees on TLS 1.3."""
    handshake = trusting_handshake(site)
    measure("agreed on", f"{handshake.version} {handshake.cipher}")
    assert handshake.version == "TLSv1.3", "see ssl_protocols in nginx_server_settings"


def test_certificate_key(site: Site, measure: Callable[..., None]) -> None:
    """The certificate's key is long enough, and its signature is not by a broken hash."""
    certificate = served_certificate(site)
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        measure("key", f"RSA {key.key_size}")
        assert key.key_size >= LEAST_RSA_BITS, "nginx_tls_certificate has a short key: make a new one"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        measure("key", key.curve.name)
        assert key.curve.key_size >= LEAST_EC_BITS, "nginx_tls_certificate has a short key: make a new one"
    else:
        assert isinstance(key, ed25519.Ed25519PublicKey), f"a key of an unusual kind: {type(key).__name__}"
    digest = certificate.signature_hash_algorithm
    assert digest is None or digest.name in SIGNATURES, f"the certificate is signed with {digest.name}"


def test_certificate_life(site: Site, measure: Callable[..., None]) -> None:
    """The certificate is valid now, and not for longer than browsers take one."""
    certificate = served_certificate(site)
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    measure("valid for", (ends - begins).days, "days")
    assert begins <= datetime.now(UTC), "the certificate is not valid yet: look at the host's clock"
    assert (ends - begins).days <= LONGEST_DAYS, "browsers refuse a certificate of so many days"
