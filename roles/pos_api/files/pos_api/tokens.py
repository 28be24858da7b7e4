"""Access tokens: signed and verified by PyJWT. They say who, never what is allowed: rights are looked up per
request."""

import re
import time
import uuid
from dataclasses import dataclass

import jwt

TYPE = "access"
MAX_LENGTH = 4096
MAX_ID = 2**31 - 1
CLOCK_SKEW = 5  # seconds by which the clocks of two API hosts may differ (iat, nbf)
CLAIMS = ("iss", "aud", "sub", "iat", "nbf", "exp", "jti", "typ", "fam", "db")
HEADERS = {"alg", "kid", "typ"}
COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class TokenError(ValueError):
    """The token is refused; the text is safe to show."""


@dataclass(frozen=True)
class AccessToken:
    """What a verified token says: user id, family id, issue and expiry time in seconds since 1970."""

    user_id: int
    family_id: int
    issued_at: int
    expires_at: int


def issue(ring, settings, database, user_id, family_id):
    """Return (token, expiry in seconds since 1970) signed with the active key of ``ring``.

    Args:
        ring: :class:`~.keys.Keyring`.
        settings: :class:`~.settings.Settings`.
        database: unique id of the database (``database.uuid``).
        user_id, family_id: ids of the user and of the token family.
    """
    now = int(time.time())
    expires_at = now + settings.access_token_lifetime
    claims = {
        "iss": settings.issuer,
        "aud": settings.audience,
        "sub": str(user_id),
        "iat": now,
        "nbf": now,
        "exp": expires_at,
        "jti": uuid.uuid4().hex,
        "typ": TYPE,
        "fam": family_id,
        "db": database,
    }
    key = ring.active
    return jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"kid": key.kid}), expires_at


def _positive(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_ID


def verify(ring, settings, database, token):
    """Return the :class:`AccessToken` held in a compact JWS.

    The key is looked up by ``kid`` among the known ones and alone decides the algorithm; every header that
    could point to another key (jwk, jku, x5c, x5u, crit) is refused.

    Raises:
        TokenError: the token is malformed, forged, outside its time, or not an access token for this
            database.
    """
    if len(token) > MAX_LENGTH or not COMPACT.fullmatch(token):
        raise TokenError("The access token is malformed.")
    try:
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        key = ring.keys.get(kid) if isinstance(kid, str) else None
        if key is None or not set(header) <= HEADERS:
            raise TokenError("The access token is not signed with a known key.")
        claims = jwt.decode(
            token,
            key.public,
            algorithms=[key.algorithm],
            issuer=settings.issuer,
            audience=settings.audience,
            leeway=CLOCK_SKEW,
            options={"require": list(CLAIMS)},
        )
    except jwt.ExpiredSignatureError as error:
        raise TokenError("The access token has expired.") from error
    except jwt.PyJWTError as error:
        raise TokenError("The access token is not valid.") from error
    subject, family = claims["sub"], claims["fam"]
    numeric = all(type(claims[name]) is int for name in ("iat", "nbf", "exp"))  # true and false are ints too
    if not numeric or claims["typ"] != TYPE or claims["db"] != database or not isinstance(subject, str):
        raise TokenError("The access token is not valid.")
    if not (subject.isascii() and subject.isdigit() and _positive(int(subject)) and _positive(family)):
        raise TokenError("The access token is not valid.")
    if claims["exp"] <= time.time():
        raise TokenError("The access token has expired.")
    if claims["exp"] - claims["iat"] > settings.access_token_lifetime:
        raise TokenError("The access token lives longer than this server allows.")
    return AccessToken(int(subject), family, claims["iat"], claims["exp"])
