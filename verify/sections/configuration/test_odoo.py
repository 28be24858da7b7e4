"""What the running Odoo was started with, against its files and the inventory."""

import configparser
from typing import Any

import pytest

from verify.estate.machines import Machine, main_pid

CONCERN = "Odoo"

pytestmark = pytest.mark.explained_by("odoo")

CONFIGURATION = "/etc/odoo/odoo.conf"
SECRETS = ("admin_passwd", "db_password")
STARTED_WITH = "/run/odoo/started-with"
# Option of odoo.conf: the variable that it is written from.
SIZED = {
    "workers": "odoo_workers",
    "max_cron_threads": "odoo_max_cron_threads",
    "db_maxconn": "odoo_db_maxconn",
    "limit_memory_soft": "odoo_limit_memory_soft",
    "limit_memory_hard": "odoo_limit_memory_hard",
    "http_interface": "odoo_http_interface",
    "http_port": "odoo_http_port",
    "longpolling_port": "odoo_longpolling_port",
}
POOLED = {
    "db_host": "odoo_pooler_host",
    "db_port": "odoo_pooler_port",
    "db_user": "odoo_database_user",
    "db_sslmode": "odoo_database_sslmode",
}
API = (
    "issuer",
    "audience",
    "access_token_lifetime",
    "refresh_token_lifetime",
    "refresh_token_idle",
    "login_window",
    "login_failures_per_account",
    "login_failures_per_source",
    "idempotency_retention",
    "max_body",
    "audit_retention",
    "cache_size",
    "cors_origins",
)


@pytest.fixture
def options(odoo_host: Machine) -> dict[str, str]:
    """The options, secrets left out, of the file that the running master was started with."""
    arguments = odoo_host.shell.text(f"/proc/{main_pid(odoo_host, 'odoo')}/cmdline")
    assert CONFIGURATION in arguments, f"the master was started without {CONFIGURATION}"
    assert "--db-filter" not in arguments
    parser = configparser.RawConfigParser()
    parser.read_string(odoo_host.shell.text(CONFIGURATION))
    return {name: text for name, text in parser["options"].items() if name not in SECRETS}


def _different(host: Machine, options: dict[str, str], names: dict[str, str]) -> dict[str, str]:
    """Return the options that are not as their variable says; odoo_settings win, as in the role."""
    own: dict[str, Any] = host.variables.get("odoo_settings") or {}
    found = {}
    for option, variable in names.items():
        wish = own.get(option, host.variables.get(variable))
        wanted = ",".join(wish) if isinstance(wish, list) else str(wish)
        if options.get(option) != wanted:
            found[option] = f"{variable} is {wanted}, odoo.conf has {options.get(option)}"
    return found


def test_one_database_without_filter(odoo_host: Machine, options: dict[str, str]) -> None:
    """The database is named and not filtered, so that no request lists databases."""
    assert options["db_name"] == odoo_host.variables["odoo_database"], "db_name is not odoo_database"
    assert options.get("dbfilter", "") in ("", "False"), "take dbfilter out of odoo_settings"


def test_databases_are_not_listed(options: dict[str, str]) -> None:
    """Odoo is told not to list databases, which closes its database manager."""
    assert options.get("list_db") == "False", "list_db is not False: look into odoo_settings"


def test_behind_the_proxy(odoo_host: Machine, options: dict[str, str]) -> None:
    """Odoo takes the client's address and the scheme from the web server before it."""
    wanted = "True" if odoo_host.variables["odoo_proxy_mode"] else "False"
    assert options.get("proxy_mode") == wanted, "proxy_mode is not odoo_proxy_mode"


def test_sizes(odoo_host: Machine, options: dict[str, str]) -> None:
    """Processes, connections, memory limits and ports are those of the inventory."""
    different = _different(odoo_host, options, SIZED)
    assert not different, f"run site.yml: {different}"


def test_through_the_pooler(odoo_host: Machine, options: dict[str, str]) -> None:
    """Odoo reaches its database through the pooler."""
    different = _different(odoo_host, options, POOLED)
    assert not different, f"run site.yml: {different}"


def test_api_settings(odoo_host: Machine, options: dict[str, str]) -> None:
    """The API's options are those of the inventory."""
    names = {f"pos_api_{name}": f"pos_api_{name}" for name in API}
    different = _different(odoo_host, options, names)
    assert not different, f"run site.yml --tags pos_api,odoo: {different}"


def test_started_with_the_present_files(odoo_host: Machine) -> None:
    """The running Odoo was started with its files as they are now."""
    changed = odoo_host.shell.output("sha256sum --check --quiet %s 2>&1 || true", STARTED_WITH)
    assert changed == "", f"changed since Odoo's start, run systemctl restart odoo: {changed}"
