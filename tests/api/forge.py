"""Access tokens as an attacker would make them, and as only this host's own key could: for tests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.harness.stack import Target

ORDER = 2**252 + 27742317777372353535851937790883648493  # of the group behind Ed25519 (RFC 8032, section 5.1)


def encode(value: object) -> str:
    """Return JSON, or bytes as they are, in base64url without padding (RFC 7515, section 2)."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(part: str) -> bytes:
    """Return the bytes of a base64url text."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def mac(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """Return a token signed with an HMAC (HS256, HS384, HS512 by its header)."""
    signed = f"{encode(header)}.{encode(claims)}"
    function = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[header["alg"]]
    return f"{signed}.{encode(hmac.new(secret, signed.encode(), function).digest())}"


def malleable(token: str) -> str:
    """Return an Ed25519 token with the other S of the same value modulo the group's order."""
    signed, _, signature = token.rpartition(".")
    raw = decode(signature)
    other = int.from_bytes(raw[32:], "little") + ORDER
    return f"{signed}.{encode(raw[:32] + other.to_bytes(32, 'little'))}"


@dataclass(frozen=True)
class Stranger:
    """Keys that the server does not know."""

    edwards: ed25519.Ed25519PrivateKey = field(default_factory=ed25519.Ed25519PrivateKey.generate)
    curve: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    rsa: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def jwk(self, kid: str) -> dict[str, Any]:
        """Return the public Ed25519 key as a JSON Web Key."""
        found: dict[str, Any] = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(self.edwards.public_key()))
        return {**found, "kid": kid, "alg": "EdDSA", "use": "sig"}


@dataclass(frozen=True)
class Forge:
    """A good token of a host, taken apart, and the key that it was signed with.

    Args:
        good: The token.
        header: Its header.
        claims: Its claims.
        key: The host's private key.
    """

    good: str
    header: dict[str, Any]
    claims: dict[str, Any]
    key: ed25519.Ed25519PrivateKey = field(repr=False)
    stranger: Stranger = field(default_factory=Stranger)

    def sign(self, *, drop: str = "", header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a token of the host's own key, with other claims or headers than the good one has.

        Args:
            drop: A claim to leave out.
            header: Members that replace or add to the header's.
            claims: Claims that replace or add to the good token's.
        """
        changed = {name: value for name, value in {**self.claims, **claims}.items() if name != drop}
        return self._signed({**self.header, **(header or {})}, changed, self.key)

    def forge(self, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return the same of the stranger's Ed25519 key."""
        return self._signed(
            {**self.header, **(header or {})}, {**self.claims, **claims}, self.stranger.edwards
        )

    def forge_with(self, algorithm: str, key: Any) -> str:
        """Return the good token signed anew by PyJWT with another algorithm and key."""
        return jwt.encode(self.claims, key, algorithm=algorithm, headers={"kid": self.header["kid"]})

    def unsigned(self, algorithm: object, signature: str = "") -> str:
        """Return the good token with another algorithm in its header, and any signature."""
        return f"{encode({**self.header, 'alg': algorithm})}.{encode(self.claims)}.{signature}"

    def public_forms(self) -> dict[str, bytes]:
        """Return the public key in each form that somebody could take for an HMAC secret."""
        public = self.key.public_key()
        form, encoding = serialization.PublicFormat, serialization.Encoding
        pem = public.public_bytes(encoding.PEM, form.SubjectPublicKeyInfo)
        jwk = jwt.algorithms.OKPAlgorithm.to_jwk(public)
        return {
            "pem": pem,
            "pem without its last line feed": pem.rstrip(),
            "der": public.public_bytes(encoding.DER, form.SubjectPublicKeyInfo),
            "raw": public.public_bytes(encoding.Raw, form.Raw),
            "jwk": jwk.encode(),
            "x of the jwk": json.loads(jwk)["x"].encode(),
            "kid": str(self.header["kid"]).encode(),
            "nothing": b"",
        }

    @staticmethod
    def _signed(header: dict[str, Any], claims: dict[str, Any], key: ed25519.Ed25519PrivateKey) -> str:
        # by hand: PyJWT refuses to make some of these
        signed = f"{encode(header)}.{encode(claims)}"
        return f"{signed}.{encode(key.sign(signed.encode()))}"


def active_kid(target: Target) -> str:
    """Return the kid that a host signs with."""
    return target.shell("cat /etc/odoo/jwt/active").strip()


def take(target: Target, token: str) -> Forge:
    """Return the forge of a disposable host, with the private key that it signs with.

    Args:
        target: The host.
        token: A good access token, signed with the key in use.
    """
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, options={"verify_signature": False})
    pem = target.shell(f"cat /etc/odoo/jwt/{header['kid']}.pem")
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, ed25519.Ed25519PrivateKey), "the role makes Ed25519 keys unless told otherwise"
    return Forge(token, header, claims, key)


def other_database() -> str:
    """Return an id that is no other database's."""
    return secrets.token_hex(16)
