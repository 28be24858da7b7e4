"""What the checks of the endpoints share."""

import pytest

from verify.clients import contract as contracts
from verify.clients.web import Client, Site


@pytest.fixture(scope="module")
def contract(site: Site) -> contracts.Contract:
    """The live document."""
    with Client(site) as client:
        return contracts.contract(client)
