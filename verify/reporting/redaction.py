"""Keeps secrets out of everything that verify prints or writes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

SECRET_NAME = re.compile(r"(password|passphrase|secret|private_key)s?$")
TOKEN = re.compile(r"\beyJ[\w-]*\.[\w-]*\.[\w-]*")
SHORTEST = 4
T = TypeVar("T", bound=Any)


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


def redact_all(evidence: T, secrets: Iterable[str]) -> T:
    """Return evidence with every text in it redacted; see `redact`.

    Args:
        evidence: a frozen dataclass of `verify.reporting.document`.
    """
    secrets = set(secrets)
    changed = {}
    for found in fields(evidence):
        value = getattr(evidence, found.name)
        if isinstance(value, str):
            changed[found.name] = redact(value, secrets)
        elif isinstance(value, tuple) and value and is_dataclass(value[0]):
            changed[found.name] = tuple(redact_all(item, secrets) for item in value)
    return replace(evidence, **changed)


def settings_of(variables: Mapping[str, Any]) -> dict[str, int | float | bool]:
    """Return the variables that are numbers or switches: what tells two runs of an estate apart.

    Texts stay out, since one of them may be a secret under a name that does not say so.
    """
    return {
        name: value
        for name, value in sorted(variables.items())
        if isinstance(value, int | float) and not SECRET_NAME.search(name)
    }


def _nested(value: Any) -> set[str]:
    if isinstance(value, Mapping):
        return secrets_in(value)
    if isinstance(value, list):
        return set().union(*(_nested(item) for item in value))
    return set()
