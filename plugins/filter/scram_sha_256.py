"""SCRAM-SHA-256 verifiers, so that no clear-text password reaches a database host, its logs or statistics."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: scram_sha_256
version_added: "0.1.0"
short_description: The verifier PostgreSQL stores for a password
description:
  - Gives back the stored verifier where it belongs to the password, so that a second run changes nothing.
  - Otherwise makes a new one with a random salt.
positional: stored
options:
  _input:
    description: The password, in printable ASCII.
    type: str
    required: true
  stored:
    description: What C(pg_authid.rolpassword) holds now, or nothing.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Make a verifier for a list of users
  ansible.builtin.set_fact:
    verifier: "{{ odoo_database_password | tillstack.odoo_pos.scram_sha_256 }}"
"""

RETURN = r"""
_value:
  description: The verifier, C(SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey).
  type: str
"""

ITERATIONS = 4096  # PostgreSQL's own, src/include/common/scram-common.h
_VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+")


def _verifier(password: str, salt: bytes, iterations: int) -> str:
    """Compute the verifier of RFC 5802 section 3 in the form of PostgreSQL's manual, 52.8 pg_authid."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    encoded = [base64.b64encode(part).decode("ascii") for part in (salt, stored_key, server_key)]
    return f"SCRAM-SHA-256${iterations}:{encoded[0]}${encoded[1]}:{encoded[2]}"


def scram_sha_256(password: str, stored: str = "") -> str:
    """Give the verifier for `password`, which is `stored` itself when that belongs to it.

    Raises AnsibleFilterError for a password that is empty or beyond printable ASCII, which clients prepare
    in different ways (RFC 4013); the password is not part of the message.
    """
    if not re.fullmatch(r"[\x21-\x7e]+", password):
        raise AnsibleFilterError(
            "a password for PostgreSQL must be printable ASCII without spaces, and not empty"
        )
    parts = _VERIFIER.fullmatch(stored or "")
    if parts:
        again = _verifier(password, base64.b64decode(parts[2]), int(parts[1]))
        if hmac.compare_digest(again, stored):
            return stored
    return _verifier(password, secrets.token_bytes(16), ITERATIONS)


class FilterModule:
    """Register the filter with Ansible."""

    def filters(self) -> dict[str, Any]:
        """Give the filter by name."""
        return {"scram_sha_256": scram_sha_256}
