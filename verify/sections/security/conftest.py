"""What the checks of this section share."""

from typing import Any

import pytest

from verify.clients import api
from verify.clients.web import Client
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
