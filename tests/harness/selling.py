"""Sell on a deployed host by the API, again and again, whatever happens to the host meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.harness.stack import Target
from verify.clients import api, odoo_rpc, web
from verify.clients.web import Client, Site
from verify.estate.described import Host, describe, read_groups
from verify.shop.till import PRICE, Till, close_session, open_session, prepare, put_away

ATTEMPT_SECONDS = 5


@dataclass(frozen=True)
class Shop:
    """An open till and a cashier who is logged in.

    Args:
        login: The API's client with its tokens.
        till: What is sold and how it is paid.
        session: id of the open pos.session.
        odoo: The administrator in Odoo's own web client.
    """

    login: api.Login
    till: Till
    session: int
    odoo: odoo_rpc.OdooSession

    def sell(self) -> int:
        """Sell one product for cash over a new connection, and return the paid order's id.

        Raises:
            AssertionError: The API refused.
            requests.RequestException: It did not answer in time.
        """
        self.login.client.close()
        order = {
            "session_id": self.session,
            "lines": [{"product_id": self.till.product_id, "quantity": 1}],
            "payments": [{"payment_method_id": self.till.method_id, "amount": PRICE}],
        }
        answer = self.login.request("POST", "/orders", json=order, timeout=ATTEMPT_SECONDS)
        sold = api.checked(self.login.client, answer, 201, "Order")
        assert sold["state"] == "paid", sold
        return int(sold["id"])


def site_of(target: Target, host: Host) -> Site:
    """Return the web server of a described host, with the authority that its own role made."""
    # Beside the inventory: Ansible takes every file in it for hosts.
    authority = target.inventory.with_name(f"{target.host}-ca.pem")
    authority.write_text(target.shell("cat /etc/tillstack/ca.pem"))
    return web.site_of(host.address, host.variables, authority)


@contextmanager
def open_shop(target: Target) -> Iterator[Shop]:
    """Open verify's till on a host and log a cashier in; both are undone afterwards."""
    inventories = [str(target.inventory)]
    host = describe(inventories, read_groups(inventories)).host(target.host)
    site, password = site_of(target, host), target.secrets["odoo_admin_password"]
    odoo = odoo_rpc.log_in(site, str(host.variables["odoo_database"]), "admin", password)
    till = prepare(odoo, str(host.variables["odoo_series"]))
    session = open_session(odoo, till)
    with Client(site) as client:
        login = api.log_in(client, "admin", password)
        yield Shop(login, till, session, odoo)
        login.request("DELETE", "/auth/tokens/current")
    close_session(odoo, till, session)
    put_away(odoo, till)
