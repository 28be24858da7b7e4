"""The shop that the tests sell in: users, tills, goods, customers, and a second company beside it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.api.client import Caller
from tests.api.contract import Contract
from tests.harness import hosts
from tests.harness.stack import Target
from verify.clients import odoo_rpc
from verify.clients.web import Site

CASHIERS = ("anna", "bela", "cora", "dora", "dismissed", "fuzz-cashier")
MANAGERS = ("mona", "fuzz-manager")
PIN = "4711"
SHELL = (
    "cd /var/lib/odoo && runuser -u odoo -- env ODOO_RC=/etc/odoo/odoo.conf"
    " /opt/odoo/bin/odoo shell --no-http --log-level=warn"
)
# As the application does: its user, its password, through the pooler.
PSQL = r"""
setting() { sed -n "s/^db_$1 *= *//p" /etc/odoo/odoo.conf; }
export PGPASSWORD=$(setting password)
export PGHOST=$(setting host) PGPORT=$(setting port) PGUSER=$(setting user) PGDATABASE=$(setting name)
exec psql -XAtq -v ON_ERROR_STOP=1 <<'END'
%s
END
"""


@dataclass(frozen=True)
class Shop:
    """What was made on the host.

    Args:
        target: The host.
        site: Its web server.
        contract: The live document.
        passwords: By login.
        made: Ids of what is in the shop, by kind and name; see `shop_on_host.py`.
    """

    target: Target
    site: Site
    contract: Contract
    passwords: dict[str, str]
    made: dict[str, Any]

    def __getitem__(self, kind: str) -> Any:
        """Return the ids of a kind by name, or what else stands under it."""
        return self.made[kind]

    def caller(self, login: str | None) -> Caller:
        """Return a client of a user, with a login of its own; of nobody for None."""
        return Caller(self.site, self.contract, login, self.passwords[login] if login else "")

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query, read by psql on the host as the application's user.

        Raises:
            HostsError: PostgreSQL refused it.
        """
        wrapped = f"SELECT coalesce(json_agg(found), '[]') FROM ({query}) AS found;"
        found: list[dict[str, Any]] = json.loads(self.statements(wrapped))
        return found

    def value(self, query: str) -> Any:
        """Return the only column of a query's only row."""
        (row,) = self.rows(query)
        (found,) = row.values()
        return found

    def statements(self, text: str) -> str:
        """Run SQL statements as the application's user and return what psql prints."""
        return self.target.shell(PSQL % text)

    def odoo(self, program: str, marker: str, *, seconds: float = 300) -> Any:
        """Run a program in Odoo's shell on the host, and return the JSON that it prints behind a marker.

        The running workers' caches are not told: what they cache is changed by the `administrator`.

        Args:
            program: Python, with `env` defined.
            marker: First word of the line that holds the result.
            seconds: How long it may take.

        Raises:
            AssertionError: It printed no result.
        """
        said = hosts.send(
            self.target.run, self.target.host, f"sudo bash -c '{SHELL}'", program, timeout=seconds
        )
        results = [line.removeprefix(marker) for line in said.splitlines() if line.startswith(marker + " ")]
        assert len(results) == 1, said[-4000:]
        return json.loads(results[0])

    @cached_property
    def administrator(self) -> odoo_rpc.OdooSession:
        """The administrator in Odoo's own web client."""
        password = self.target.secrets["odoo_admin_password"]
        return odoo_rpc.log_in(self.site, self.value("SELECT current_database()"), "admin", password)

    def forget_failed_logins(self) -> None:
        """Lift the throttle, which counts failures of an address for five minutes: all tests share one."""
        self.statements("DELETE FROM pos_api_login_attempt;")


def make(target: Target, site: Site, contract: Contract, tills: list[str], free_tills: list[str]) -> Shop:
    """Make the shop on a host.

    Args:
        target: A deployed host without a shop.
        site: Its web server.
        contract: Its document.
        tills: Names of points of sale that leave prices to managers.
        free_tills: Names of points of sale where cashiers may change prices.
    """
    logins = (*CASHIERS, *MANAGERS, "plain", "stranger")
    passwords = {login: secrets.token_urlsafe(12) for login in logins}
    plan = {
        "passwords": passwords,
        "cashiers": CASHIERS,
        "managers": MANAGERS,
        "without role": ["plain"],
        "tills": tills,
        "free tills": free_tills,
        "pin": PIN,
        "stock": "real",
    }
    empty = Shop(target, site, contract, passwords, {})
    program = Path(__file__).with_name("shop_on_host.py").read_text()
    made = empty.odoo(f"PLAN = {plan!r}\n{program}", "SHOP")
    return Shop(target, site, contract, passwords, made)
