"""Odoo itself: what is closed, how many processes serve, and that its bus carries a message."""

import configparser
import time

import pytest
import requests

from verify.clients.odoo_rpc import OdooSession, rpc
from verify.estate.machines import Machine, main_pid

CONCERN = "Odoo"


pytestmark = pytest.mark.explained_by("odoo")


CONFIGURATION = "/etc/odoo/odoo.conf"


SECRETS = ("admin_passwd", "db_password")


KEYS = "/etc/odoo/jwt"


BUS_SECONDS = 10


def _options(machine: Machine) -> dict[str, str]:
    """Return the options, secrets left out, of the file that the running master was started with."""
    arguments = machine.shell.text(f"/proc/{main_pid(machine, 'odoo')}/cmdline")
    assert CONFIGURATION in arguments, f"the master was started without {CONFIGURATION}"
    assert "--db-filter" not in arguments
    parser = configparser.RawConfigParser()
    parser.read_string(machine.shell.text(CONFIGURATION))
    return {name: text for name, text in parser["options"].items() if name not in SECRETS}


def _master_password_is_hashed(machine: Machine) -> bool:
    """Say only this much about it: a failed assertion would show the text itself."""
    pattern = r"^admin_passwd *= *\$pbkdf2-sha512\$"
    return machine.shell.succeeds("grep -Eq %s %s", pattern, CONFIGURATION)


def test_one_database_without_filter(odoo_host: Machine) -> None:
    """The database is named and not filtered, so that no request lists databases."""
    options = _options(odoo_host)
    assert options["db_name"] == odoo_host.variables["odoo_database"]
    assert options.get("dbfilter", "") in ("", "False")


def _wait_for_activity(odoo: OdooSession, last: int) -> float:
    """Poll until the bus tells of an activity, and return when it did."""
    while True:
        try:
            notices = rpc(odoo.client, "/longpolling/poll", {"channels": [], "last": last}, BUS_SECONDS)
        except requests.Timeout:
            pytest.fail(f"no message within {BUS_SECONDS} s: look for what does not LISTEN on postgres")
        assert notices, "the poll ended without a message"
        if any("activity" in str(notice["message"]) for notice in notices):
            return time.perf_counter()
        last = max(notice["id"] for notice in notices)
