"""Take and compare fingerprints of hosts: what deploying has made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.harness import hosts

_PROGRAM = Path(__file__).with_name("host_fingerprint.py")


def take(run: hosts.Run, host: str) -> dict[str, Any]:
    """Return a host's packages, users, units, files and databases."""
    found: dict[str, Any] = json.loads(hosts.send(run, host, "sudo python3 -", _PROGRAM.read_text()))
    return found


def differences(one: object, other: object, where: str = "") -> list[str]:
    """Return every difference between two fingerprints as a line that names the place.

    Args:
        one: First fingerprint, or a part of it.
        other: Second fingerprint, or the same part of it.
        where: Place of the part.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            line
            for key in sorted(one.keys() | other.keys())
            for line in differences(one.get(key), other.get(key), f"{where} {key}".strip())
        ]
    if isinstance(one, list) and isinstance(other, list):
        missing = [f"{where}: only in the first: {item}" for item in one if item not in other]
        return missing + [f"{where}: only in the second: {item}" for item in other if item not in one]
    return [] if one == other else [f"{where}: {one} / {other}"]
