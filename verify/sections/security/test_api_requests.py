"""API7:2023 server side request forgery: the server calls nobody that a client names."""

from typing import Any

import pytest

from verify.clients import api
from verify.clients.forgery import forged
from verify.clients.listener import trap
from verify.clients.openapi import address_inputs
from verify.clients.web import Client
from verify.estate.machines import Machine
from verify.shop.people import People

CONCERN = "OWASP API7 request forgery"

pytestmark = pytest.mark.explained_by("odoo")

CALL = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5).close()"


def test_no_operation_takes_an_address(document: dict[str, Any]) -> None:
    """API7: no parameter and no member of a body is an address that the server could be made to call."""
    assert address_inputs(document) == [], "the server must not call what a client names: take these out"


@pytest.mark.writes
def test_keys_are_fetched_from_nowhere(client: Client, people: People, any_odoo: Machine) -> None:
    """API7: a token that names a place for its key (jku, x5u) makes the server call nobody."""
    good = people.cashier.tokens["access_token"]
    jwks = client.get("/.well-known/jwks.json").json()
    with trap(any_odoo.connection) as waiting:
        any_odoo.shell.output("/usr/bin/python3 -c %s %s", CALL, str(waiting.port))
        assert waiting.callers() == 1, "the trap cannot be reached from Odoo's host: nothing was tried"
        for attack in forged(good, jwks, f"http://127.0.0.1:{waiting.port}"):
            headers = {"Authorization": f"Bearer {attack.token}"}
            client.get(f"{api.BASE}/auth/me", headers=headers)
        assert waiting.callers() == 0, "the server asked a stranger for a key"
