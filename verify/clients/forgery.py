"""Access tokens that must be refused: made from a good one as anybody could, or signed by the host's own key.

Signatures are PyJWT's. Tokens that PyJWT would not make are put together from its parts.
"""

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm

from verify.clients import addon
from verify.estate.machines import Machine

DAY = 86400
# See `verify.clients.addon`: the key stays on the host, only tokens to refuse leave it. Takes claims and a
# list of changes to them; null takes a claim away.
SIGN = """
import jwt
key = load("keys").load(options["pos_api_key_directory"]).active
claims, changes = json.loads(sys.argv[1])
def sign(change):
    changed = {name: value for name, value in {**claims, **change}.items() if value is not None}
    return jwt.encode(changed, key.private, algorithm=key.algorithm, headers={"kid": key.kid})
print(json.dumps([sign(change) for change in changes]))
"""


@dataclass(frozen=True)
class Forged:
    """A token that must be refused, and what is wrong with it."""

    name: str
    token: str


def forged(token: str, jwks: dict[str, Any], address: str) -> Iterator[Forged]:
    """Yield the tokens that somebody could make who saw a good one and the published keys.

    Args:
        token: a good access token.
        jwks: the published keys (RFC 7517).
        address: where somebody listens who must not be asked for a key.
    """
    header, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
    head, body, signature = token.split(".")
    for name in ("none", "None", "NONE", ""):
        yield Forged(f"alg {name!r}", f"{_encode({**header, 'alg': name})}.{body}.")
    yield Forged("alg none, the old signature", f"{_encode({**header, 'alg': 'none'})}.{body}.{signature}")
    yield Forged("no signature", f"{head}.{body}.")
    yield Forged("half a signature", f"{head}.{body}.{signature[:43]}")
    yield Forged("other claims", f"{head}.{_encode({**claims, 'sub': '2'})}.{signature}")
    yield Forged("a refresh token's shape", "A" * 43)
    for form, secret in _public_forms(jwks, str(header["kid"])).items():
        yield Forged(
            f"HS256 with the public key as {form}",
            _signed({**header, "alg": "HS256"}, claims, HMACAlgorithm(HMACAlgorithm.SHA256), secret),
        )
    stranger = ed25519.Ed25519PrivateKey.generate()
    edwards = OKPAlgorithm()
    yield Forged("a stranger's key", _signed(header, claims, edwards, stranger))
    curve = ECAlgorithm(ECAlgorithm.SHA256)
    yield Forged(
        "a stranger's key, ES256",
        _signed({**header, "alg": "ES256"}, claims, curve, ec.generate_private_key(ec.SECP256R1())),
    )
    for kid in ("unknown", "../../../../dev/null", "x' UNION SELECT 'AA'--"):
        yield Forged(f"kid {kid!r}", _signed({**header, "kid": kid}, claims, edwards, stranger))
    brought = json.loads(OKPAlgorithm.to_jwk(stranger.public_key()))
    for member in (
        {"jwk": brought},
        {"jku": f"{address}/jwks.json"},
        {"x5u": f"{address}/chain.pem"},
    ):
        name = next(iter(member))
        yield Forged(f"{name} brought along", _signed({**header, **member}, claims, edwards, stranger))
        yield Forged(
            f"{name}, own kid", _signed({**header, **member, "kid": "theirs"}, claims, edwards, stranger)
        )


def misused(token: str, odoo: Machine) -> Iterator[Forged]:
    """Yield tokens behind which the signature is right and something else is wrong.

    Args:
        token: a good access token.
        odoo: the host that signs.

    Raises:
        CommandError: the host could not sign.
    """
    claims = jwt.decode(token, options={"verify_signature": False})
    now = int(time.time())
    life = claims["exp"] - claims["iat"]
    changes: dict[str, dict[str, Any]] = {
        "expired": {"iat": now - DAY - life, "nbf": now - DAY - life, "exp": now - DAY},
        "not valid yet": {"nbf": now + DAY, "iat": now + DAY, "exp": now + DAY + life},
        "lives too long": {"exp": now + 365 * DAY},
        **{f"without {name}": {name: None} for name in ("exp", "iat", "sub", "jti", "typ", "fam", "db")},
        "for another audience": {"aud": "elsewhere"},
        "of another issuer": {"iss": "somebody"},
        "a refresh token": {"typ": "refresh"},
        "of another database": {"db": "0" * 32},
        "of no login": {"fam": 2**31 - 1},
        "another user in this login": {"sub": "2" if claims["sub"] != "2" else "1"},
    }
    signed = addon.run(odoo, SIGN, [claims, list(changes.values())])
    for name, made in zip(changes, signed, strict=True):
        yield Forged(name, made)


def _public_forms(jwks: dict[str, Any], kid: str) -> dict[str, bytes]:
    """Return what of a public key could be taken for an HMAC's secret (RFC 8725, section 2.1)."""
    key = next(one for one in jwks["keys"] if one["kid"] == kid)
    return {
        "its JWK": json.dumps(key).encode(),
        "the raw key": base64.urlsafe_b64decode(key["x"] + "=" * (-len(key["x"]) % 4)),
        "the text of x": str(key["x"]).encode(),
        "nothing": b"\0",
    }


def _signed(header: dict[str, Any], claims: dict[str, Any], algorithm: Any, key: Any) -> str:
    signed = f"{_encode(header)}.{_encode(claims)}"
    return f"{signed}.{_text(algorithm.sign(signed.encode(), key))}"


def _encode(value: object) -> str:
    return _text(json.dumps(value).encode())


def _text(raw: bytes) -> str:
    """Return bytes in base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
