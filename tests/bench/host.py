"""The host that is measured: a copy of a disposable one, with the peers placed on it."""

from __future__ import annotations

import base64
import io
import secrets
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

from tests.bench.wrk import Door
from tests.harness import hosts, stack
from tests.harness.deadline import until
from tests.harness.selling import site_of
from verify.clients.api import BASE
from verify.clients.web import Client, Site
from verify.estate.described import Estate, describe, read_groups
from verify.estate.machines import Machine, Machines
from verify.preflight import decide

NAME = "bench"
ADDONS = Path(__file__).with_name("peer_addon")
PLACE = "/opt/odoo/bench"
# OCA's own packages from PyPI; "odoo" itself, which they ask for, is the host's.
BASE_REST = ("odoo-addon-base-rest", "odoo-addon-component")
BASE_REST_NEEDS = ("apispec", "cachetools", "cerberus", "parse-accept-language", "pyquerystring")
SERIES = "15.0"
START_SECONDS = 120
# The stack's own settings stay as they are; the addons' folder and what the routes need come on top.
PREPARE = """
chmod -R u=rwX,go=rX {place}
for unit in odoo odoo-api; do
  mkdir -p /etc/systemd/system/$unit.service.d
  printf '[Service]\\nEnvironment=PYTHONPATH={place}/lib\\n' >/etc/systemd/system/$unit.service.d/bench.conf
done
systemctl daemon-reload
sed -i '/^bench_peer_secret/d; \\#{place}#!s#^addons_path = .*#&,{place}/addons#' /etc/odoo/odoo.conf
echo 'bench_peer_secret = {secret}' >>/etc/odoo/odoo.conf
"""
INSTALL = """
trap 'systemctl start {units}' EXIT
systemctl stop {units}
cd /var/lib/odoo
runuser -u odoo -- env PYTHONPATH={place}/lib ODOO_RC=/etc/odoo/odoo.conf /opt/odoo/bin/odoo server \\
  --workers 0 --max-cron-threads 0 --no-http --stop-after-init --log-level=warn -i {module} >&2
"""


class BenchError(Exception):
    """The bench can't go on; the message says why and what to do."""


@dataclass(frozen=True)
class Bench:
    """The host that is measured.

    Args:
        target: as the harness drives it.
        estate: as Ansible describes it.
        machine: with a connection that is kept.
        site: its web server.
        peer_secret: what the tokens of the peers' plain routes are signed with.
    """

    target: stack.Target
    estate: Estate
    machine: Machine
    site: Site
    peer_secret: str

    @property
    def database(self) -> str:
        """The application's database."""
        return str(self.estate.variable("odoo_database"))

    @property
    def inside(self) -> tuple[str, ...]:
        """The command that runs another one in the host's network."""
        return ("ip", "netns", "exec", f"tillstack-{self.target.run.id}-{self.target.host}")

    def door(self, server: str, *, tls: bool) -> Door:
        """Return where a server is entered.

        Args:
            server: "api" for what answers the API's paths, "odoo" for Odoo's own prefork server.
            tls: through nginx, which chooses the server by the path; else straight to its port.
        """
        if tls:
            return Door(f"https://{self.site.address}:{self.site.https_port}", self.site.host_header)
        port = self.api_port if server == "api" else self.odoo_port
        return Door(f"http://127.0.0.1:{port}", self.site.host_header, self.inside)

    @property
    def odoo_port(self) -> int:
        """TCP port of Odoo's own server."""
        return int(self.machine.variables["odoo_http_port"])

    @property
    def api_port(self) -> int:
        """TCP port of the API's own server, or Odoo's where there is none."""
        return int(self.machine.variables["pos_api_port"]) if self.has_server else self.odoo_port

    @property
    def has_server(self) -> bool:
        """Whether the API has a server of its own, beside Odoo's."""
        return self.machine.variables.get("pos_api_server", "odoo") != "odoo"

    @property
    def units(self) -> tuple[str, ...]:
        """The units that have Odoo's code loaded."""
        return ("odoo", "odoo-api") if self.has_server else ("odoo",)

    def sql(self, text: str, **variables: int | str) -> str:
        """Run SQL in the application's database as PostgreSQL's superuser; return the rows, unaligned.

        Args:
            text: statements, for psql.
            variables: of psql.
        """
        port = str(self.machine.variables["postgresql_port"])
        options = " ".join(f"-v {name}='{value}'" for name, value in variables.items())
        command = (
            "sudo runuser -u postgres -- psql -XAqt -v ON_ERROR_STOP=1 -h /var/run/postgresql"
            f" -p {port} -d {self.database} {options}"
        )
        return hosts.send(self.target.run, self.target.host, f"cd / && {command}", text, timeout=1800)

    def numbers(self, query: str) -> tuple[int, ...]:
        """Return the first column of a query, as numbers."""
        return tuple(int(line) for line in self.sql(query).split())


@contextmanager
def copied(inventory: Path) -> Iterator[stack.Target]:
    """Boot a copy of the disposable host of an inventory, and remove it afterwards.

    Raises:
        BenchError: the inventory has no such host.
    """
    original, server_name = _target(inventory)
    base = f"{original.host}-bench-{datetime.now(UTC):%Y%m%dt%H%M%S}"
    if NAME in hosts.addresses(original.run):
        hosts.call(original.run, "rm", NAME)
    shutil.rmtree(original.inventory.parent / NAME, ignore_errors=True)
    for command in (["stop", original.host], ["save", original.host, base], ["start", original.host]):
        hosts.call(original.run, *command)
    copy = stack.clone(original, base, NAME)
    own = "group_vars/all/own.yml"
    variables = {**yaml.safe_load((original.inventory / own).read_text()), "nginx_server_name": server_name}
    (copy.inventory / own).write_text(yaml.safe_dump(variables))
    try:
        yield copy
    finally:
        hosts.call(original.run, "rm", NAME)


def running(given: str) -> stack.Target:
    """Return a host that runs already and may be changed, given as RUN:NAME:INVENTORY."""
    return stack.running(given)


def _target(inventory: Path) -> tuple[stack.Target, str]:
    """Return the disposable host of an inventory, and the name that its certificate has.

    Raises:
        BenchError: it has none, or several.
    """
    refused = BenchError(
        f"{inventory} is no inventory of one disposable host: the bench fills the database that it measures,"
        " so it works on a copy; run make demo first, or set INVENTORY to an inventory of tests/hosts"
    )
    groups = read_groups([str(inventory)])
    names = {name for members in groups.values() for name in members}
    found = describe([str(inventory)], groups).hosts
    if len(names) != 1 or not found:
        raise refused
    (host,) = found.values()
    key = Path(str(host.connection["ansible_ssh_private_key_file"] or ""))
    run = key.parent.name
    if key.parent.parent.name != "runs" or host.name not in hosts.addresses(hosts.Run(run)):
        raise refused
    target = stack.running(f"{run}:{host.name}:{inventory}")
    return target, str(host.variables["nginx_server_name"])


@contextmanager
def opened(target: stack.Target) -> Iterator[Bench]:
    """Connect to the host, look whether it may be written to, and place the peers.

    Raises:
        BenchError: its database is not flagged for writes.
    """
    inventories = [str(target.inventory)]
    estate = describe(inventories, read_groups(inventories))
    machines = Machines(estate)
    try:
        if decide(machines, read_only=False).name != "writing":
            raise BenchError(
                f"{target.inventory}: the bench writes, so verify_writes must be true and the database"
                " flagged by the role verify: run site.yml --tags verify"
            )
        machine = machines.get(target.host)
        site = site_of(target, estate.host(target.host))
        yield Bench(target, estate, machine, site, secrets.token_urlsafe(32))
    finally:
        machines.close()


def place_peers(bench: Bench, cache: Path) -> str:
    """Place the peers' addons on the host and install them; return why base_rest is not there, or nothing.

    Args:
        bench: the host.
        cache: folder for downloaded packages.
    """
    run, host, missing = bench.target.run, bench.target.host, ""
    folders = {ADDONS / "bench_peer": "addons/bench_peer"}
    try:
        packages = _download(cache)
    except BenchError as error:
        missing = str(error)
    else:
        folders[ADDONS / "bench_peer_rest"] = "addons/bench_peer_rest"
        folders |= {path: "lib" if path.name == "lib" else f"addons/{path.name}" for path in packages}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as made:
        for path, place in folders.items():
            made.add(path, place)
    unpack = f"sudo sh -c 'rm -rf {PLACE} && mkdir -p {PLACE}/lib && base64 -d | tar -C {PLACE} -xf -'"
    hosts.send(run, host, unpack, base64.b64encode(archive.getvalue()).decode())
    hosts.shell(run, host, PREPARE.format(place=PLACE, secret=bench.peer_secret))
    for module in ("bench_peer", *(() if missing else ("bench_peer_rest",))):
        try:
            hosts.shell(
                run,
                host,
                INSTALL.format(place=PLACE, module=module, units=" ".join(bench.units)),
                timeout=600,
            )
        except hosts.HostsError as error:
            if module == "bench_peer":
                raise
            missing = f"OCA base_rest could not be installed: {str(error)[-300:]}"
    wait_for_answers(bench)
    return missing


def wait_for_answers(bench: Bench) -> None:
    """Return when Odoo and the API answer again.

    Raises:
        AssertionError: they don't.
    """

    def answer() -> bool:
        with Client(bench.site) as client:
            return all(client.get(path).status_code == 200 for path in ("/web/login", f"{BASE}/health"))

    until(answer, START_SECONDS, "Odoo and the API answer")


def _download(cache: Path) -> list[Path]:
    """Fetch base_rest's packages for Odoo 15.0, and return the folders of its addons and of its libraries.

    Raises:
        BenchError: PyPI has them not.
    """
    shutil.rmtree(cache, ignore_errors=True)
    wheels, tree = cache / "wheels", cache / "tree"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    pins = [f"{name}>={SERIES},<{SERIES}.999" for name in BASE_REST]
    for command in (
        [*pip, "download", "--quiet", "--no-deps", "--dest", str(wheels), *pins],
        [*pip, "install", "--quiet", "--no-compile", "--target", str(cache / "lib"), *BASE_REST_NEEDS],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"OCA base_rest could not be had: {done.stderr.strip()[-300:]}")
    for wheel in wheels.glob("*.whl"):
        shutil.unpack_archive(wheel, tree, "zip")
    return [*sorted((tree / "odoo" / "addons").iterdir()), cache / "lib"]
