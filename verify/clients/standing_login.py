"""A caller whose login changes nothing.

The login that the role verify opened stands in the database, and a token of it is signed on Odoo's host
with the key that the API signs with.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import requests

from verify.clients import addon
from verify.clients.api import Login
from verify.clients.database import superuser_rows
from verify.estate.machines import Machine

SOURCE = "verify, read-only"
RENEW_SECONDS = 60
FAMILY = f"""
    SELECT f.id AS family, f.user_id AS "user",
           (SELECT value FROM ir_config_parameter WHERE key = 'database.uuid') AS "database"
      FROM pos_api_token_family f
     WHERE f.source = '{SOURCE}' AND f.revoked_at IS NULL
       AND f.expires_at > now() AT TIME ZONE 'UTC'
     ORDER BY f.id DESC LIMIT 1
"""
# See `verify.clients.addon`.
SIGN = """
who = json.loads(sys.argv[1])
ring = load("keys").load(options["pos_api_key_directory"])
token, until = load("tokens").issue(ring, settings, who["database"], who["user"], who["family"])
print(json.dumps({"access_token": token, "until": until}))
"""


class StandingLoginError(Exception):
    """There is no standing login; the message says how to get one."""


def sign(odoo: Machine, postgresql: Machine, database: str) -> dict[str, Any]:
    """Return ``access_token`` and ``until``, its end in seconds since 1970.

    Args:
        odoo: a host of the group odoo.
        postgresql: the database's host.
        database: the application's database.

    Raises:
        StandingLoginError: the role verify has not run, or the login was ended.
    """
    rows = superuser_rows(postgresql, FAMILY, database)
    if not rows:
        raise StandingLoginError(
            f"database {database} has no login for read-only runs: run site.yml --tags verify"
        )
    tokens: dict[str, Any] = addon.run(odoo, SIGN, rows[0])
    return tokens


@dataclass(frozen=True)
class StandingLogin(Login):
    """A login whose token is signed anew before it ends."""

    odoo: Machine = field(kw_only=True)
    postgresql: Machine = field(kw_only=True)
    database: str = field(kw_only=True)

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request with a token that is in force."""
        if self.tokens.get("until", 0) < time.time() + RENEW_SECONDS:
            self.tokens.update(sign(self.odoo, self.postgresql, self.database))
        return super().request(method, path, **options)
