"""The signing keys: files on the host, made and rotated by the deployment, never stored in the database."""

import functools
import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

_logger = logging.getLogger(__name__)

KID = re.compile(r"[A-Za-z0-9_-]{1,64}")
PUBLIC_SUFFIX, PRIVATE_SUFFIX = ".pub.pem", ".pem"


class KeyringError(RuntimeError):
    """The key directory cannot be used; the text names the file and the way out."""


@dataclass(frozen=True)
class Key:
    """A key of the directory. ``private`` is None for one that only verifies; ``algorithm`` follows from its
    type."""

    kid: str
    algorithm: str
    public: object
    private: object = None


@dataclass(frozen=True)
class Keyring:
    """All keys by their ``kid`` and the one that signs."""

    keys: dict
    active: Key


def _algorithm(public, path):
    if isinstance(public, ed25519.Ed25519PublicKey):
        return "EdDSA"
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
        return "ES256"
    raise KeyringError(
        f"{path}: neither an Ed25519 nor a P-256 key; make it with 'openssl genpkey -algorithm ed25519'."
    )


def _load(path):
    verify_only = path.name.endswith(PUBLIC_SUFFIX)
    kid = path.name[: -len(PUBLIC_SUFFIX if verify_only else PRIVATE_SUFFIX)]
    if not KID.fullmatch(kid):
        raise KeyringError(f"{path}: a kid has 1 to 64 of the characters A-Z a-z 0-9 _ -; rename the file.")
    try:
        pem = path.read_bytes()
        # the None arguments are for cryptography 3, where a backend has to be named in the positional form
        private = None if verify_only else load_pem_private_key(pem, None, None)
        public = load_pem_public_key(pem, None) if verify_only else private.public_key()
    except (OSError, ValueError, TypeError) as error:
        raise KeyringError(
            f"{path}: not a readable PEM key without a passphrase ({type(error).__name__})."
        ) from error
    return Key(kid, _algorithm(public, path), public, private)


def load(directory):
    """Return the :class:`Keyring` of a folder.

    Raises:
        KeyringError: a file is unreadable or of the wrong kind, or there is no private key for ``active``.
    """
    folder = Path(directory)
    try:
        files = sorted(folder.glob("*" + PRIVATE_SUFFIX))
        active = (folder / "active").read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise KeyringError(
            f"{folder / 'active'}: not readable ({type(error).__name__}); it holds the kid to sign with"
            " (option pos_api_key_directory)."
        ) from error
    keys = {}
    for path in files:
        try:
            key = _load(path)
        except KeyringError:
            if path.exists():
                raise
            continue  # retired since the folder was listed
        if key.kid not in keys or key.private:
            keys[key.kid] = key
    if active not in keys or not keys[active].private:
        raise KeyringError(f"{folder}: active names {active!r}, but there is no private key {active}.pem.")
    return Keyring(keys, keys[active])


@functools.lru_cache(maxsize=4)
def _watched(directory):
    return Path(directory), Path(directory, "active")


_cache = {}


def keyring(directory):
    """Return the folder's keyring, read again when the folder or its ``active`` file has changed.

    Keys are added and removed by creating and renaming files, so the folder's own time stamp tells of them.
    Where the new state is unusable, the keys read before stay in use.

    Raises:
        KeyringError: as :func:`load`.
    """
    try:
        stamps = tuple(
            (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            for stat in (path.stat() for path in _watched(directory))
        )
    except OSError:
        return load(directory)
    seen = _cache.get(directory)
    if seen and seen[0] == stamps:
        return seen[1]
    try:
        ring = load(directory)
    except KeyringError as error:
        if not seen:
            raise
        # a broken new key must not end a running service: go on with the keys read before
        _logger.critical("POS API: %s; the keys read before stay in use", error)
        ring = seen[1]
    _cache[directory] = (stamps, ring)
    _logger.info("POS API: %d key(s) read, signing with %s", len(ring.keys), ring.active.kid)
    return ring


def jwks(ring):
    """Return the public parts of a keyring as a JSON Web Key Set (RFC 7517)."""
    listed = []
    for key in ring.keys.values():
        library = OKPAlgorithm if key.algorithm == "EdDSA" else ECAlgorithm
        jwk = library.to_jwk(key.public)
        jwk = json.loads(jwk) if isinstance(jwk, str) else dict(jwk)
        jwk.pop("key_ops", None)
        listed.append({**jwk, "kid": key.kid, "use": "sig", "alg": key.algorithm})
    return {"keys": listed}
