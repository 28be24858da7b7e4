"""What the checks of this section share."""

import hashlib
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from verify.clients import api
from verify.clients.web import Client
from verify.estate.described import Estate
from verify.estate.machines import Machine, Machines
from verify.reporting.recorder import NotRun


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    """The OpenAPI document that the server gives."""
    return api.document(client)


@pytest.fixture
def hosts(machines: Machines) -> list[Machine]:
    """All hosts of the estate, connected."""
    return [machines.get(name) for name in machines.estate.hosts]


@pytest.fixture
def any_odoo(machines: Machines) -> Machine:
    """One host that signs tokens."""
    found = machines.of_group("odoo")
    if not found:
        raise NotRun("the inventory has no host in the group odoo")
    return found[0]


@pytest.fixture
def unknown_login(machines: Machines, estate: Estate) -> Iterator[str]:
    """A login that nobody has. What the API counted of it, and of it with "-other", is forgotten afterwards:
    it counts for the controller's address too, which would have to wait after some runs.
    """
    login = f"verify-{uuid4()}"
    yield login
    accounts = (hashlib.sha256(name.encode()).hexdigest() for name in (login, f"{login}-other"))
    listed = ", ".join(f"'{account}'" for account in accounts)
    for machine in machines.of_group("postgresql"):
        machine.shell.output(
            "cd / && runuser -u postgres -- psql -XAtq -h /var/run/postgresql -p %s -d %s -c %s",
            str(machine.variables["postgresql_port"]),
            str(estate.variable("odoo_database")),
            f"DELETE FROM pos_api_login_attempt WHERE account IN ({listed})",
        )
