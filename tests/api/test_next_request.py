"""Who may no longer do something may not do it with the very next request, on any worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.api.client import Caller
from tests.api.scene import Scene
from tests.api.shop import Shop
from verify.clients import odoo_rpc

pytestmark = pytest.mark.hosts

MANAGERS = ("group_pos_manager", "group_hr_attendance_user", "group_partner_manager")
CALLS = 24  # each over a new connection, so that every worker is asked, several times
READS = ("listProducts", "listCategories", "listOrders", "listCustomers", "getMe")


def answers(caller: Caller, operation: str, **options: Any) -> Iterator[requests.Response]:
    """Yield the answers of many calls with one token, over new connections; see `Caller.prepare`."""
    for _ in range(CALLS):
        caller.client.close()
        yield caller.call(operation, **options)


def statuses(caller: Caller, operation: str, **options: Any) -> set[int]:
    """Return the statuses of many calls with one token, over new connections; see `Caller.prepare`."""
    return {answer.status_code for answer in answers(caller, operation, **options)}


def copied(shop: Shop, like: str, login: str) -> tuple[int, Caller]:
    """Return (id, caller) of a new user with the rights of another one."""
    shop.passwords[login] = f"{login} password"
    user = odoo_rpc.call(shop.administrator, "res.users", "copy", shop["users"][like], {"login": login})
    odoo_rpc.call(shop.administrator, "res.users", "write", [user], {"password": shop.passwords[login]})
    return int(user), shop.caller(login)


def product(shop: Shop, **values: Any) -> int:
    """Return the id of a new product that is on sale."""
    values = {"name": "next", "sale_ok": True, "available_in_pos": True, "list_price": 2, **values}
    return int(odoo_rpc.call(shop.administrator, "product.product", "create", values))


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


def expired_by_sql(shop: Shop, user: int) -> int:
    """Let a user's logins end by a statement."""
    shop.statements(f"UPDATE pos_api_token_family SET expires_at = created_at WHERE user_id = {user};")
    return 401


def deleted_by_sql(shop: Shop, user: int) -> int:
    """Delete a user's logins by a statement."""
    shop.statements(f"DELETE FROM pos_api_token_family WHERE user_id = {user};")
    return 401


def deactivated(shop: Shop, user: int) -> int:
    """Archive a user."""
    odoo_rpc.call(shop.administrator, "res.users", "write", [user], {"active": False})
    return 401


def revoked(shop: Shop, user: int) -> int:
    """Change a user's password, which ends all logins."""
    odoo_rpc.call(shop.administrator, "res.users", "write", [user], {"password": "another password 1"})
    return 401


@pytest.mark.parametrize(
    "what",
    [demoted, demoted_by_group, demoted_by_sql, deactivated, revoked, expired_by_sql, deleted_by_sql],
    ids=lambda what: what.__name__,
)
def test_lost_rights_are_lost_at_once(shop: Shop, what: Callable[[Shop, int], int]) -> None:
    user, caller = copied(shop, "dora", f"next-{what.__name__}")
    for operation in READS:
        assert statuses(caller, operation) == {200}
    refused = what(shop, user)
    for operation in READS:
        assert statuses(caller, operation) == {refused}, operation


def test_a_manager_who_has_become_a_cashier_reads_what_a_cashier_may(shop: Shop) -> None:
    """What a manager alone may see is gone with the role, also where Odoo's caches hear nothing of it."""
    user, caller = copied(shop, "mona", "next-cashier")
    shown, hidden = product(shop), product(shop, available_in_pos=False)
    for number in (shown, hidden):
        assert statuses(caller, "getProduct", id=number) == {200}
    groups = ", ".join(f"'{name}'" for name in MANAGERS)
    shop.statements(
        f"DELETE FROM res_groups_users_rel WHERE uid = {user} AND gid IN"
        f" (SELECT res_id FROM ir_model_data WHERE model = 'res.groups' AND name IN ({groups}));"
    )
    # The second time round every worker has learnt what it may answer by itself.
    for _ in range(2):
        assert statuses(caller, "getProduct", id=shown) == {200}
        assert statuses(caller, "getProduct", id=hidden) == {404}


def test_a_user_who_has_moved_to_another_company_reads_that_one_s(shop: Shop) -> None:
    """Taxes are those of the user's company as it is now, also where Odoo's caches hear nothing of it."""
    user, caller = copied(shop, "anna", "next-company")
    (tax,) = odoo_rpc.call(shop.administrator, "account.tax", "search", [["type_tax_use", "=", "sale"]], 0, 1)
    number = product(shop, taxes_id=[[6, 0, [tax]]])
    company = odoo_rpc.call(shop.administrator, "res.company", "create", {"name": "next"})

    def taxes() -> set[int]:
        return {len(answer.json()["taxes"]) for answer in answers(caller, "getProduct", id=number)}

    assert taxes() == taxes() == {1}
    shop.statements(
        f"INSERT INTO res_company_users_rel (cid, user_id) VALUES ({company}, {user});"
        f" UPDATE res_users SET company_id = {company} WHERE id = {user};"
    )
    assert taxes() == taxes() == {0}


def test_what_is_told_of_the_caller_is_as_it_is_now(shop: Shop, scene: Scene) -> None:
    """Name, employee and sessions, also where Odoo's caches hear nothing of a change."""
    user, caller = copied(shop, "dora", "next-told")
    odoo_rpc.call(shop.administrator, "hr.employee", "create", {"name": "next one", "user_id": user})

    def told() -> dict[str, Any]:
        found = {answer.text: answer.json() for answer in answers(caller, "getMe")}
        assert len(found) == 1, found
        return dict(*found.values())

    ends = told()["session_expires_at"]
    shop.statements(
        f"UPDATE pos_api_token_family SET expires_at = expires_at - interval '1 hour' WHERE user_id = {user};"
    )
    assert told()["session_expires_at"] < ends
    assert told()["employee"]["name"] == "next one"
    shop.statements(f"UPDATE hr_employee SET name = 'next two' WHERE user_id = {user};")
    assert told()["employee"]["name"] == "next two"
    shop.statements(
        "UPDATE res_partner p SET name = 'next three'"
        f" FROM res_users u WHERE u.partner_id = p.id AND u.id = {user};"
    )
    assert told()["name"] == "next three"
    assert told()["open_sessions"] == []
    session = scene.open_session(till="spare")
    owner = scene.value(f"SELECT user_id FROM pos_session WHERE id = {session}")
    shop.statements(f"UPDATE pos_session SET user_id = {user} WHERE id = {session};")
    try:
        assert [opened["id"] for opened in told()["open_sessions"]] == [session]
    finally:
        shop.statements(f"UPDATE pos_session SET user_id = {owner} WHERE id = {session};")
    assert told()["open_sessions"] == []
