"""Keeps secrets out of everything that verify prints or writes."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

SECRET_NAME = re.compile(r"(password|passphrase|secret|private_key)s?$")
TOKEN = re.compile(r"\beyJ[\w-]*\.[\w-]*\.[\w-]*")
SHORTEST = 4


def secrets_in(variables: Mapping[str, Any]) -> set[str]:
    """Return the values of all variables and nested keys that are named like secrets.

    Args:
        variables: any nesting of mappings and lists; values shorter than `SHORTEST` are left out.
    """
    found: set[str] = set()
    for name, value in variables.items():
        if isinstance(value, str):
            if SECRET_NAME.search(name) and len(value) >= SHORTEST:
                found.add(value)
        else:
            found |= _nested(value)
    return found


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return a text with every secret, and everything that looks like a JSON Web Token, left out."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return TOKEN.sub("[token]", text)


def _nested(value: Any) -> set[str]:
    if isinstance(value, Mapping):
        return secrets_in(value)
    if isinstance(value, list):
        return set().union(*(_nested(item) for item in value))
    return set()
