"""Odoo itself: what is closed to others, and what is kept from them."""

import pytest

from verify.clients.odoo_rpc import OdooError, rpc
from verify.clients.web import Client
from verify.estate.machines import Machine, has_own_api
from verify.estate.network import LOOPBACK, listening, reachable

CONCERN = "Odoo"

pytestmark = pytest.mark.explained_by("odoo")

CONFIGURATION = "/etc/odoo/odoo.conf"

KEYS = "/etc/odoo/jwt"


def _master_password_is_hashed(machine: Machine) -> bool:
    """Say only this much about it: a failed assertion would show the text itself."""
    pattern = r"^admin_passwd *= *\$pbkdf2-sha512\$"
    return machine.shell.succeeds("grep -Eq %s %s", pattern, CONFIGURATION)


@pytest.mark.parametrize("path", ["/web/database/manager", "/web/database/selector"])
def test_database_manager_is_closed(client: Client, path: str) -> None:
    """The pages of the database manager are not there."""
    answer = client.get(path)
    assert answer.status_code in (403, 404), f"{path} answers {answer.status_code}"


def test_databases_are_not_listed(client: Client) -> None:
    """No route lists the databases."""
    for path, parameters in (
        ("/jsonrpc", {"service": "db", "method": "list", "args": []}),
        ("/web/database/list", {}),
    ):
        with pytest.raises(OdooError):
            rpc(client, path, parameters)


def test_database_service_refuses_changes(client: Client) -> None:
    """The database service of JSON-RPC refuses to make, copy, dump or drop a database."""
    for method, arguments in (
        ("create_database", ["x", "tillstack_verify", False, "en_US"]),
        ("duplicate_database", ["x", "tillstack_verify_none", "tillstack_verify"]),
        ("dump", ["x", "tillstack_verify_none", "zip"]),
        ("drop", ["x", "tillstack_verify_none"]),
    ):
        with pytest.raises(OdooError, match="(?i)access"):
            rpc(client, "/jsonrpc", {"service": "db", "method": method, "args": arguments})


def test_master_password_is_hashed(odoo_host: Machine) -> None:
    """The master password is stored as a hash, in a file that others can't read."""
    assert _master_password_is_hashed(odoo_host), f"admin_passwd in {CONFIGURATION} is no pbkdf2-sha512 hash"
    facts = odoo_host.shell.file(CONFIGURATION)
    assert facts and (facts.user, facts.mode & 0o027) == ("root", 0), f"{CONFIGURATION}: {facts}"


def test_signing_keys_are_closed(odoo_host: Machine) -> None:
    """The API's private keys can be read by Odoo's user alone."""
    paths = odoo_host.shell.output(f"find {KEYS} -name '*.pem'").splitlines()
    private = [path for path in paths if "PRIVATE KEY" in odoo_host.shell.text(path)]
    assert private, f"no private key in {KEYS}"
    for path in private:
        facts = odoo_host.shell.file(path)
        assert facts and facts.user in ("odoo", "root") and facts.mode & 0o077 == 0, f"{path}: {facts}"


def test_exposure(odoo_host: Machine) -> None:
    """Odoo's own ports are open to nginx alone."""
    behind = {
        "odoo_http_port": "odoo_http_interface",
        "odoo_longpolling_port": "odoo_http_interface",
        **({"pos_api_port": "pos_api_interface"} if has_own_api(odoo_host) else {}),
    }
    for name, interface in behind.items():
        port = int(odoo_host.variables[name])
        found = listening(odoo_host, port)
        assert found, f"nothing listens on {name}"
        if odoo_host.variables[interface] in LOOPBACK:
            assert found <= LOOPBACK, f"{name} listens on {found}"
            assert odoo_host.connection.local or not reachable(odoo_host, port), (
                f"{name} {port} can be reached from outside"
            )
