"""Compares a setting as it is written with the value that PostgreSQL reports for it."""

import re

MEMORY_BYTES = {
    "B": 1,
    "kB": 1024,
    "8kB": 8192,
    "MB": 1024**2,
    "16MB": 16 * 1024**2,
    "GB": 1024**3,
    "TB": 1024**4,
}
TIME_MICROSECONDS = {
    "us": 1,
    "ms": 10**3,
    "s": 10**6,
    "min": 60 * 10**6,
    "h": 3600 * 10**6,
    "d": 86400 * 10**6,
}
BOOLEANS = {
    "on": "on",
    "true": "on",
    "yes": "on",
    "1": "on",
    "off": "off",
    "false": "off",
    "no": "off",
    "0": "off",
}


def written(value: object) -> str:
    """Return a value of ``postgresql_settings`` as the role writes it into the file."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return str(value)


def agrees(wanted: str, setting: str, kind: str, unit: str | None) -> bool:
    """Return whether a written value means the same as a row of pg_settings.

    Units follow the PostgreSQL manual, 20.1.1 Parameter Names and Values.

    Args:
        wanted: as written in a configuration file, such as "2GB" or "on".
        setting: pg_settings.setting.
        kind: pg_settings.vartype.
        unit: pg_settings.unit, such as 8kB, or None.
    """
    if kind == "bool":
        return BOOLEANS.get(wanted.lower()) == setting
    if kind in ("integer", "real"):
        return _amount(wanted, unit) == _amount(setting, unit)
    return wanted == setting


def _amount(text: str, unit: str | None) -> float:
    """Return a number in bytes, microseconds or plain; one without a unit of its own has the parameter's."""
    match = re.fullmatch(r"\s*(-?[\d.]+)\s*([A-Za-z]*)\s*", text)
    if match is None:
        return float("nan")
    number, own = match.groups()
    scale = MEMORY_BYTES | TIME_MICROSECONDS
    return float(number) * scale.get(own or unit or "", 1)
