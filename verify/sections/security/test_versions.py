"""Versions that are known to be broken must not run.

The floors are lower bounds for what security fixes were published for; above them a newer version may still
be wanted. Where a floor comes from stands beside it.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from verify.clients.database import superuser_rows
from verify.estate.described import REPOSITORY
from verify.estate.machines import Machine
from verify.estate.packages import at_least, installed

CONCERN = "OWASP API9 versions"

pytestmark = pytest.mark.explained_by("odoo")


@dataclass(frozen=True)
class Floor:
    """The least version of a Debian package, and where that is from."""

    package: str
    version: str
    source: str


# By Debian release; each package's own changelog (/usr/share/doc/PACKAGE/changelog.Debian.gz) is the source.
DEBIAN = {
    "12": (
        Floor("pgbouncer", "1.18.0-1+deb12u1", "fixes CVE-2025-2291 and CVE-2025-12819"),
        Floor("nginx", "1.22.1-9+deb12u11", "fixes CVE-2026-123633 and others in HTTP/2"),
        Floor("libssl3", "3.0.20-1~deb12u2", "OpenSSL's fixes up to CVE-2026-45447"),
        Floor("openssh-server", "1:9.2p1-2+deb12u2", "fixes CVE-2023-48795"),
    ),
}
# PgBouncer's own floor is 1.25.2: Debian 12's has no fix for CVE-2026-6664 to CVE-2026-6667, by the first of
# which whoever reaches its port can stop it: keep it from the open, or take PGDG's (SECURITY.md).
PGBOUNCER_UPSTREAM = "1.25.2"
# Minor releases that came out together, https://www.postgresql.org/support/versioning/
POSTGRESQL = {14: 23, 15: 18, 16: 14, 17: 10}
# PyJWT 2.4.0 fixes CVE-2022-29217 (its changelog), a confusion of public keys with HMAC secrets.
PYJWT = "2.4.0"
# Of a package that is there twice, Python imports the one that it finds first: the environment's own.
PACKAGES = """
import importlib.metadata as metadata, json, re
packages = {}
for found in metadata.distributions():
    packages.setdefault(re.sub("[-_.]+", "-", found.metadata["Name"]).lower(), found.version)
print(json.dumps(packages))
"""


def _debian(host: Machine) -> str:
    return host.shell.output(". /etc/os-release && echo $VERSION_ID")


def _python_packages(host: Machine) -> dict[str, str]:
    found: dict[str, str] = json.loads(host.shell.output("/opt/odoo/venv/bin/python3 -c %s", PACKAGES))
    return found


def test_debian_packages(hosts: list[Machine], measure: Callable[..., None]) -> None:
    """Packages that others can reach have the security fixes that Debian published for them."""
    below = []
    for host in hosts:
        release = _debian(host)
        floors = DEBIAN.get(release, ())
        if not floors:
            measure(f"{host.name}, Debian {release}", "no floor is known")
        for floor in floors:
            version = installed(host, floor.package)
            if version is None:
                continue
            measure(f"{floor.package} on {host.name}", version)
            if not at_least(host, version, floor.version):
                below.append(f"{host.name}: {floor.package} {version} < {floor.version}, {floor.source}")
    assert not below, f"apt-get update && apt-get upgrade: {below}"


def test_postgresql(postgresql_host: Machine, measure: Callable[..., None]) -> None:
    """The running PostgreSQL has the fixes of its major version."""
    query = "SELECT current_setting('server_version_num')::int AS number"
    (row,) = superuser_rows(postgresql_host, query)
    major, minor = divmod(row["number"], 10000)
    measure("PostgreSQL", f"{major}.{minor}")
    assert major in POSTGRESQL, f"PostgreSQL {major} is none of {sorted(POSTGRESQL)}: see postgresql_version"
    assert minor >= POSTGRESQL[major], (
        f"PostgreSQL {major}.{minor} is below {major}.{POSTGRESQL[major]}: update its packages, or raise"
        " postgresql_distribution_version"
    )


def test_old_pooler_stays_on_loopback(pgbouncer_host: Machine, measure: Callable[..., None]) -> None:
    """A PgBouncer without the fixes of 2026 is reached by nobody but its own host and the estate's."""
    version = installed(pgbouncer_host, "pgbouncer") or ""
    upstream = re.match(r"[\d.]+", version)
    assert upstream, f"pgbouncer is not installed as a package: {version!r}"
    if at_least(pgbouncer_host, upstream.group(), PGBOUNCER_UPSTREAM):
        return
    measure("missing fixes", "CVE-2026-6664 to CVE-2026-6667")
    told = str(pgbouncer_host.variables["pgbouncer_listen_address"]).split(",")
    everywhere = {"*", "0.0.0.0", "::"} & set(told)
    assert not everywhere, (
        f"pgbouncer_listen_address has {sorted(everywhere)}, and version {version} can be stopped by anybody"
        f" who reaches it: name addresses, or set postgresql_source: pgdg for {PGBOUNCER_UPSTREAM}"
    )


def test_python_packages(odoo_host: Machine, measure: Callable[..., None]) -> None:
    """Odoo's Python packages are those of the lock, each in its version, and tokens are PyJWT's of today."""
    found = _python_packages(odoo_host)
    measure("Python packages", len(found))
    series = odoo_host.variables["odoo_series"]
    lock = (REPOSITORY / f"roles/odoo/files/requirements/odoo-{series}.txt").read_text()
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*([^\\]+))?", lock, re.MULTILINE)
    wanted = {re.sub("[-_.]+", "-", name).lower(): version for name, version, _ in pinned}
    assert wanted, "the lock names no package"
    different = {
        name: f"{version} in the lock, {found[name]} on the host"
        for name, version in wanted.items()
        if name in found and found[name] != version
    }
    assert not different, f"run site.yml --tags odoo, it makes the environment anew: {different}"
    assert "pyjwt" in found, "PyJWT is missing: run site.yml --tags odoo"
    assert at_least(odoo_host, found["pyjwt"], PYJWT), f"PyJWT {found['pyjwt']} is below {PYJWT}"
