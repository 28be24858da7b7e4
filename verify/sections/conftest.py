"""What the checks of several sections share."""

from collections.abc import Callable
from typing import Any

import pytest

from verify.clients.database import superuser_rows
from verify.estate.described import Estate
from verify.estate.machines import Machine, Machines, has_own_api
from verify.reporting.recorder import NotRun

# An id of each kind that the administrator may read, the last made; null where there is none.
IDS = """
    SELECT (SELECT max(p.id) FROM product_product p JOIN product_template t ON t.id = p.product_tmpl_id
             WHERE p.active AND t.active AND t.available_in_pos AND t.sale_ok) AS product,
           (SELECT max(id) FROM res_partner WHERE active AND type = 'contact') AS customer,
           (SELECT max(id) FROM pos_session) AS session,
           (SELECT max(id) FROM pos_order) AS "order",
           (SELECT max(id) FROM pos_payment) AS payment,
           (SELECT max(id) FROM hr_employee WHERE active) AS employee
"""


@pytest.fixture
def api_host(odoo_host: Machine) -> Machine:
    """Each host of Odoo where a server of its own answers the API."""
    if not has_own_api(odoo_host):
        raise NotRun("pos_api_server is odoo: Odoo's own workers answer the API")
    return odoo_host


@pytest.fixture(scope="session")
def queries(machines: Machines, estate: Estate) -> Callable[[str], list[dict[str, Any]]]:
    """Returns a query's rows, asked of the database's host as its superuser, past everything in between."""
    hosts = machines.of_group("postgresql")
    if not hosts:
        raise NotRun("the inventory has no host in the group postgresql")
    host, database = hosts[0], str(estate.variable("odoo_database"))
    return lambda query: superuser_rows(host, query, database)


@pytest.fixture(scope="session")
def stored(queries: Callable[[str], list[dict[str, Any]]]) -> Callable[[str], dict[str, Any]]:
    """Returns the only row of a query, as `queries`: ``stored("SELECT ...")``."""

    def ask(query: str) -> dict[str, Any]:
        (row,) = queries(query)
        return row

    return ask


@pytest.fixture(scope="session")
def known(stored: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """The id of a record of each kind, None where there is none."""
    return stored(IDS)
