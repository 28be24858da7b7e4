"""Who may no longer do something may not do it with the very next request, on any worker."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.api.client import Caller
from tests.api.shop import Shop
from verify.clients import odoo_rpc

pytestmark = pytest.mark.hosts

CALLS = 24  # each over a new connection, so that every worker is asked, several times
READS = ("listProducts", "listCategories", "listOrders", "listCustomers")


def statuses(caller: Caller, operation: str) -> set[int]:
    """Return the statuses of many calls with one token, over new connections."""
    found = set()
    for _ in range(CALLS):
        caller.client.close()
        found.add(caller.call(operation).status_code)
    return found


def sellers(shop: Shop) -> int:
    """Return the id of the group of the point of sale's users."""
    named = [["module", "=", "point_of_sale"], ["name", "=", "group_pos_user"]]
    (found,) = odoo_rpc.call(shop.administrator, "ir.model.data", "search_read", named, ["res_id"])
    return int(found["res_id"])


def demoted(shop: Shop, user: int) -> int:
    """Take the group of the point of sale's users from a user."""
    odoo_rpc.call(shop.administrator, "res.users", "write", [user], {"groups_id": [[3, sellers(shop)]]})
    return 403


def demoted_by_group(shop: Shop, user: int) -> int:
    """The same from the group's side."""
    odoo_rpc.call(shop.administrator, "res.groups", "write", [sellers(shop)], {"users": [[3, user]]})
    return 403


def demoted_by_sql(shop: Shop, user: int) -> int:
    """The same by a statement, of which Odoo's caches hear nothing."""
    shop.statements(f"DELETE FROM res_groups_users_rel WHERE uid = {user} AND gid = {sellers(shop)};")
    return 403


def deactivated(shop: Shop, user: int) -> int:
    """Archive a user."""
    odoo_rpc.call(shop.administrator, "res.users", "write", [user], {"active": False})
    return 401


def revoked(shop: Shop, user: int) -> int:
    """Change a user's password, which ends all logins."""
    odoo_rpc.call(shop.administrator, "res.users", "write", [user], {"password": "another password 1"})
    return 401


@pytest.mark.parametrize(
    "what", [demoted, demoted_by_group, demoted_by_sql, deactivated, revoked], ids=lambda what: what.__name__
)
def test_lost_rights_are_lost_at_once(shop: Shop, what: Callable[[Shop, int], int]) -> None:
    login = f"next-{what.__name__}"
    shop.passwords[login] = f"{login} password"
    user = odoo_rpc.call(shop.administrator, "res.users", "copy", shop["users"]["dora"], {"login": login})
    odoo_rpc.call(shop.administrator, "res.users", "write", [user], {"password": shop.passwords[login]})
    caller = shop.caller(login)
    for operation in READS:
        assert statuses(caller, operation) == {200}
    refused = what(shop, user)
    for operation in READS:
        assert statuses(caller, operation) == {refused}, operation
