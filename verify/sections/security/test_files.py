"""Who may read what is secret, and who may change what runs."""

import pytest

from verify.estate.files import find_facts, open_to_others
from verify.estate.machines import Machine

CONCERN = "Files"

pytestmark = pytest.mark.explained_by("odoo", "nginx")

CLOSED = {
    "filestore": ("/var/lib/odoo",),
    "configuration of Odoo": ("/etc/odoo", "/etc/odoo/odoo.conf", "/etc/odoo/jwt"),
    "keys of the own authority": ("/etc/tillstack/tls", "/etc/tillstack/tls/*.key"),
    "keys of TLS between hosts": ("/etc/pgbouncer/tls/*.key", "/etc/postgresql-common/tls/*.key"),
    "system's private keys": ("/etc/ssl/private", "/etc/letsencrypt/archive", "/etc/letsencrypt/live"),
    "copies of databases": ("/var/backups/postgresql/*", "/var/backups/odoo*", "/var/backups/*.sql*"),
    "log of PostgreSQL": ("/var/log/postgresql/postgresql-*.log",),
    "logs of the web server": ("/var/log/nginx/odoo.*.log",),
}
CODE = "/opt/odoo /etc/odoo /etc/nginx /etc/pgbouncer /etc/postgresql /etc/systemd/system /usr/local/sbin"


@pytest.mark.parametrize("what", CLOSED)
def test_closed_files(hosts: list[Machine], what: str) -> None:
    """What is secret on a host is closed to its other users."""
    for host in hosts:
        found = open_to_others(find_facts(host.shell, *CLOSED[what]))
        assert not found, f"{host.name}: chmod o= these, and run site.yml: {found}"


def test_nobody_writes_what_runs(hosts: list[Machine]) -> None:
    """Programs, units and configuration can be changed by their owners alone."""
    for host in hosts:
        found = host.shell.output(f"find {CODE} -xdev ! -type l -perm -0002 2>/dev/null | head -20 || true")
        assert found == "", f"{host.name}: every user of the host may change these: {found}"


def test_odoo_cannot_change_its_program(odoo_host: Machine) -> None:
    """Whoever takes over a worker can't put other code into Odoo's program, or other settings."""
    places = "/opt/odoo /etc/odoo/odoo.conf /etc/systemd/system/odoo.service"
    found = odoo_host.shell.output(
        f"find {places} -xdev ! -type l '(' -user odoo -o -group odoo -perm -0020 ')' | head -20"
    )
    assert found == "", f"chown root these: {found}"
