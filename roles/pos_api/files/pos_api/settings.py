"""Options of the addon, read from the ``[options]`` section of odoo.conf (all names start with
``pos_api_``)."""

import functools
import re
from dataclasses import dataclass

from odoo.tools import config

MINUTE, HOUR, DAY = 60, 3600, 86400


class SettingsError(ValueError):
    """A value in odoo.conf that cannot be used; the text names the option, the value and what is accepted."""


@dataclass(frozen=True)
class Settings:
    """The addon's options. Times are in seconds, sizes in bytes.

    Attributes:
        key_directory: folder with ``<kid>.pem`` (private), ``<kid>.pub.pem`` (verification only) and
            ``active``.
        issuer: ``iss`` claim written and required.
        audience: ``aud`` claim written and required.
        access_token_lifetime: life of an access token, and the longest one that is accepted.
        refresh_token_lifetime: absolute life of a token family, from login.
        refresh_token_idle: a refresh token not used for so long is refused.
        login_window: span over which failed logins are counted.
        login_failures_per_account: failed logins within the window after which the account is throttled.
        login_failures_per_source: failed logins within the window after which the source address is
            throttled.
        idempotency_retention: how long an answer can be replayed by its Idempotency-Key.
        max_body: largest request body.
        audit_retention: how long the audit of writes is kept.
        cache_size: what the answers that a process keeps may take; 0: none are kept.
        cors_origins: origins whose pages may call the API from a browser; empty: none.
        docs_directory: folder with the files of Swagger UI; empty: no documentation page.
        session_pool: name by which the pooler gives connections to the same database in session mode, for
            prepared statements; empty: reads are not compiled.
    """

    key_directory: str
    issuer: str
    audience: str
    access_token_lifetime: int
    refresh_token_lifetime: int
    refresh_token_idle: int
    login_window: int
    login_failures_per_account: int
    login_failures_per_source: int
    idempotency_retention: int
    max_body: int
    audit_retention: int
    cache_size: int
    cors_origins: tuple
    docs_directory: str
    session_pool: str


# name: (default, least, greatest) of the whole numbers
NUMBERS = {
    "access_token_lifetime": (15 * MINUTE, 30, DAY),
    "refresh_token_lifetime": (7 * DAY, MINUTE, 365 * DAY),
    "refresh_token_idle": (12 * HOUR, MINUTE, 365 * DAY),
    "login_window": (5 * MINUTE, 10, DAY),
    "login_failures_per_account": (5, 1, 1000),
    "login_failures_per_source": (30, 1, 100000),
    "idempotency_retention": (7 * DAY, HOUR, 365 * DAY),
    "max_body": (1024 * 1024, 1024, 64 * 1024 * 1024),
    "audit_retention": (90 * DAY, DAY, 3650 * DAY),
    "cache_size": (32 * 1024 * 1024, 0, 1024 * 1024 * 1024),
}
TEXTS = {"key_directory": "/etc/odoo/jwt", "issuer": "tillstack", "audience": "pos-api"}
OTHERS = ("cors_origins", "docs_directory", "session_pool")
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")


def _text(name, value):
    text = str(value).strip() if value is not None else ""
    if not text or not text.isprintable() or len(text) > 255:
        raise SettingsError(
            f"odoo.conf: pos_api_{name} = {value!r} is not usable: give 1 to 255 printable characters."
        )
    return text


def _number(name, value, least, greatest):
    text = str(value).strip()
    if not (text.isascii() and text.isdigit()) or not least <= int(text) <= greatest:
        raise SettingsError(
            f"odoo.conf: pos_api_{name} = {value!r} is not usable:"
            f" give a whole number from {least} to {greatest}."
        )
    return int(text)


def _origins(value):
    origins = tuple(part.strip() for part in str(value or "").split(",") if part.strip())
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            raise SettingsError(
                f"odoo.conf: pos_api_cors_origins has {origin!r}, which is no origin: give scheme, host in"
                " lower case and port as browsers send them (https://till.example:8443), separated by commas."
            )
    return origins


def _folder(value):
    folder = str(value or "").strip()
    if folder and not folder.startswith("/"):
        raise SettingsError(
            f"odoo.conf: pos_api_docs_directory = {folder!r} is not usable: give an absolute path, or"
            " nothing for no documentation page."
        )
    return folder


def _entry(value):
    name = str(value or "").strip()
    if name and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", name):
        raise SettingsError(
            f"odoo.conf: pos_api_session_pool = {name!r} is not usable: give the name of PgBouncer's entry in"
            " session mode, or nothing to do without."
        )
    return name


def read_settings(options):
    """Return the :class:`Settings` held in a mapping of odoo.conf options.

    Raises:
        SettingsError: an option is unknown, out of range or contradicts another one.
    """
    known = {f"pos_api_{name}" for name in (*TEXTS, *NUMBERS, *OTHERS)}
    unknown = sorted(name for name in options if name.startswith("pos_api_") and name not in known)
    if unknown:
        raise SettingsError(f"odoo.conf: unknown option {unknown[0]}; known are {', '.join(sorted(known))}.")
    values = {name: _text(name, options.get(f"pos_api_{name}", default)) for name, default in TEXTS.items()}
    for name, (default, least, greatest) in NUMBERS.items():
        values[name] = _number(name, options.get(f"pos_api_{name}", default), least, greatest)
    settings = Settings(
        **values,
        cors_origins=_origins(options.get("pos_api_cors_origins")),
        docs_directory=_folder(options.get("pos_api_docs_directory")),
        session_pool=_entry(options.get("pos_api_session_pool")),
    )
    if not settings.key_directory.startswith("/"):
        raise SettingsError(
            f"odoo.conf: pos_api_key_directory = {settings.key_directory!r} is not usable:"
            " give an absolute path."
        )
    if settings.access_token_lifetime > settings.refresh_token_idle:
        raise SettingsError(
            f"odoo.conf: pos_api_refresh_token_idle = {settings.refresh_token_idle} is shorter than"
            f" pos_api_access_token_lifetime = {settings.access_token_lifetime}:"
            " raise the one or lower the other."
        )
    if settings.refresh_token_idle > settings.refresh_token_lifetime:
        raise SettingsError(
            f"odoo.conf: pos_api_refresh_token_lifetime = {settings.refresh_token_lifetime} is shorter than"
            f" pos_api_refresh_token_idle = {settings.refresh_token_idle}:"
            " raise the one or lower the other."
        )
    return settings


@functools.lru_cache(maxsize=1)
def current():
    """Return the settings of this process; odoo.conf is read once, at the server's start."""
    return read_settings(config.options)
