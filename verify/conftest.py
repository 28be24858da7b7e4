"""Options and fixtures of the suite; see docs/verify.md."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from verify import preflight
from verify.clients.odoo_rpc import OdooSession, log_in
from verify.clients.pace import Pace
from verify.clients.standing_login import StandingLogin
from verify.clients.web import Client, Site, site_of
from verify.estate.connection import tunnel
from verify.estate.described import GROUPS, Estate, EstateError, describe, read_groups
from verify.estate.machines import Machine, Machines
from verify.measure.thresholds import Threshold, read_thresholds
from verify.preflight import cannot_run
from verify.reporting.document import Evidence, Measure, Screenshot
from verify.reporting.recorder import NotRun, Recorder, section_of
from verify.shop import till as tills
from verify.shop.ledger import Ledger
from verify.shop.people import People, dismiss, gather

SECTIONS = (
    "services",
    "configuration",
    "endpoints",
    "security",
    "performance",
    "load",
    "consistency",
)
OWN_CA = "/etc/tillstack/ca.pem"
RECORDER = pytest.StashKey[Recorder]()
MARKERS = (
    "explained_by(*groups): whose units' journals explain a failure",
    "writes: changes data or puts load on the estate; runs only where verify_writes is set and the database"
    " is flagged for it",
    "read_only: runs only where nothing may be written; other runs do the same more thoroughly",
    "browser: needs Chromium on the controller",
    "last: runs at the end of its section, about which it says something",
    "uses_up_logins: later logins from the same address may be refused for a while; runs last",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tillstack")
    group.addoption(
        "--inventory",
        action="append",
        default=[],
        metavar="PATH",
        help="Ansible inventory of the estate to verify; may be given more than once",
    )
    group.addoption(
        "--section",
        action="append",
        default=[],
        metavar="NAME[,NAME]",
        help=f"only these sections: {', '.join(SECTIONS)}; may be given more than once",
    )
    group.addoption(
        "--read-only",
        action="store_true",
        help="change no data, even where the inventory and the database allow it",
    )
    group.addoption(
        "--report-dir",
        type=Path,
        default=Path("build/verify"),
        metavar="FOLDER",
        help="where report.json, report.html, junit.xml and screenshots go (default: build/verify)",
    )
    group.addoption(
        "--ca-file",
        type=Path,
        default=None,
        metavar="FILE",
        help="authority of the web server's certificate, if neither the role's own nor a public one",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if config.option.help or config.option.markers:
        return
    inventories = config.getoption("--inventory")
    if not inventories:
        cannot_run("say which estate to verify: --inventory inventory/single")
    unknown = set(chosen_sections(config)) - set(SECTIONS)
    if unknown:
        cannot_run(f"--section {', '.join(sorted(unknown))}: the sections are {', '.join(SECTIONS)}")
    try:
        groups = read_groups(inventories)
    except EstateError as error:
        cannot_run(str(error))
    folder = config.getoption("--report-dir")
    if config.option.xmlpath is None:
        config.option.xmlpath = str(folder / "junit.xml")
    recorder = Recorder(folder, groups)
    config.stash[RECORDER] = recorder
    config.pluginmanager.register(recorder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the connections, whether or not a check came to use them."""
    recorder = config.stash.get(RECORDER, None)
    if recorder and recorder.machines:
        recorder.machines.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a check that asks for ``<group>_host`` once for each host of the group."""
    for group in GROUPS:
        fixture = f"{group}_host"
        if fixture in metafunc.fixturenames:
            hosts = metafunc.config.stash[RECORDER].groups[group]
            metafunc.parametrize(fixture, hosts or [None], ids=hosts or [f"no {group} host"], indirect=True)


def chosen_sections(config: pytest.Config) -> list[str]:
    """Return what --section names, or all sections."""
    named = [name.strip() for given in config.getoption("--section") for name in given.split(",")]
    return named or list(SECTIONS)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out other sections, order the rest, and decide about what writes."""
    sections = chosen_sections(config)
    chosen = [item for item in items if section_of(item) in sections]
    left_out = [item for item in items if section_of(item) not in sections]
    chosen.sort(
        key=lambda item: (
            SECTIONS.index(section_of(item)),
            item.get_closest_marker("uses_up_logins") is not None,
            item.get_closest_marker("last") is not None,
        )
    )
    recorder = config.stash.get(RECORDER, None)
    if recorder and not config.option.collectonly:
        mode = preflight.decide(_machines(config), read_only=config.getoption("--read-only"))
        recorder.mode, recorder.cap = mode.name, mode.cap
        if mode.name == "read-only":
            writing = [item for item in chosen if item.get_closest_marker("writes")]
            recorder.writing_left_out = len(writing)
            chosen = [item for item in chosen if not item.get_closest_marker("writes")]
            left_out += writing
        else:  # it does the same more thoroughly
            chosen = [item for item in chosen if not item.get_closest_marker("read_only")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    items[:] = chosen


def _machines(config: pytest.Config) -> Machines:
    """Describe the estate on first use."""
    recorder = config.stash[RECORDER]
    if recorder.machines is None:
        try:
            estate = describe(config.getoption("--inventory"), recorder.groups)
        except EstateError as error:
            cannot_run(str(error))
        recorder.use(Machines(estate))
        preflight.check(recorder.machines)
    return recorder.machines


@pytest.fixture(scope="session")
def machines(pytestconfig: pytest.Config) -> Machines:
    """All hosts of the estate."""
    return _machines(pytestconfig)


@pytest.fixture(scope="session")
def estate(machines: Machines) -> Estate:
    """The estate as Ansible resolves it."""
    return machines.estate


@pytest.fixture(scope="session")
def cap(pytestconfig: pytest.Config) -> float | None:
    """Requests per second that a read-only run does not go above; None in a run that may write."""
    return pytestconfig.stash[RECORDER].cap


@pytest.fixture(scope="session")
def thresholds(estate: Estate) -> Mapping[str, Threshold]:
    """What each class of calls is held against, by class."""
    return read_thresholds(estate.variable("verify_thresholds"))


def _host(request: pytest.FixtureRequest, machines: Machines) -> Machine:
    if request.param is None:
        raise NotRun("the inventory has no host in this group")
    return machines.get(request.param)


@pytest.fixture(scope="session")
def postgresql_host(request: pytest.FixtureRequest, machines: Machines) -> Machine:
    """Each host of the group postgresql."""
    return _host(request, machines)


@pytest.fixture(scope="session")
def pgbouncer_host(request: pytest.FixtureRequest, machines: Machines) -> Machine:
    """Each host of the group pgbouncer."""
    return _host(request, machines)


@pytest.fixture(scope="session")
def odoo_host(request: pytest.FixtureRequest, machines: Machines) -> Machine:
    """Each host of the group odoo."""
    return _host(request, machines)


@pytest.fixture(scope="session")
def nginx_host(request: pytest.FixtureRequest, machines: Machines) -> Machine:
    """Each host of the group nginx."""
    return _host(request, machines)


@pytest.fixture
def measure(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Puts a figure into the report: ``measure("round trip", 0.8, "ms")``."""

    def note(name: str, value: float | int | str, unit: str = "") -> None:
        request.node.user_properties.append((name, Measure(name, value, unit)))

    return note


@pytest.fixture
def keep(request: pytest.FixtureRequest) -> Callable[[Evidence], None]:
    """Puts evidence into the report, whether the check passes or not: ``keep(latency)``."""

    def note(evidence: Evidence) -> None:
        request.node.user_properties.append((type(evidence).__name__.lower(), evidence))

    return note


@pytest.fixture
def keep_screenshot(
    request: pytest.FixtureRequest, pytestconfig: pytest.Config
) -> Callable[[str, Any], None]:
    """Keeps a picture of a browser's page with the report: ``keep_screenshot("Receipt", page)``."""
    folder: Path = pytestconfig.getoption("--report-dir")

    def keep(title: str, page: Any) -> None:
        path = Path("screenshots", f"{title.lower().replace(' ', '-')}.png")
        page.screenshot(path=folder / path)
        request.node.user_properties.append((title, Screenshot(title, str(path))))

    return keep


def _target(machine: Machine, port: int, estate: Estate) -> dict[str, Any]:
    """Return what libpq needs to reach a port of a host as the application's user."""
    user, password = estate.variable("odoo_database_user"), estate.variable("odoo_database_password")
    if user is None or password is None:
        raise NotRun("no host of the group odoo says who the application's database user is")
    address, local = tunnel(machine.connection, "127.0.0.1", port)
    return {"host": address, "port": local, "user": user, "password": password}


@pytest.fixture
def direct(postgresql_host: Machine, estate: Estate) -> dict[str, Any]:
    """Where and as whom the application would reach PostgreSQL itself."""
    return _target(postgresql_host, int(postgresql_host.variables["postgresql_port"]), estate)


@pytest.fixture
def pooled(pgbouncer_host: Machine, estate: Estate) -> dict[str, Any]:
    """Where and as whom the application reaches the pooler."""
    return _target(pgbouncer_host, int(pgbouncer_host.variables["pgbouncer_listen_port"]), estate)


@pytest.fixture
def database(estate: Estate) -> str:
    """The application's database."""
    return str(estate.variable("odoo_database"))


@pytest.fixture(scope="session")
def site(
    nginx_host: Machine,
    cap: float | None,
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
) -> Site:
    """The web server of a host, under its certificate's name."""
    variables = nginx_host.variables
    authority: Path | None = pytestconfig.getoption("--ca-file")
    if variables["nginx_tls_mode"] == "own_ca" and authority is None:
        authority = tmp_path_factory.mktemp("ca") / f"{nginx_host.name}.pem"
        authority.write_text(nginx_host.shell.text(OWN_CA) + "\n")
    site = site_of(nginx_host.address, variables, authority, Pace(cap) if cap else None)
    preflight.check_certificate(site)
    return site


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    """An HTTPS client of the site, not logged in."""
    with Client(site) as client:
        yield client


@pytest.fixture(scope="session")
def administrator(estate: Estate) -> tuple[str, str]:
    """Login and password of the user that the role odoo made."""
    password = estate.variable("odoo_admin_password")
    if password is None:
        raise NotRun("no host of the group odoo has odoo_admin_password")
    return "admin", str(password)


@pytest.fixture(scope="session")
def reader(site: Site, machines: Machines, estate: Estate) -> Iterator[StandingLogin]:
    """The administrator, for calls that only read: a caller whose login writes nothing."""
    odoo, postgresql = (machines.of_group(group) for group in ("odoo", "postgresql"))
    if not odoo or not postgresql:
        raise NotRun("the inventory has no host in the groups odoo and postgresql")
    with Client(site) as client:
        yield StandingLogin(
            client,
            {},
            odoo=odoo[0],
            postgresql=postgresql[0],
            database=str(estate.variable("odoo_database")),
        )


@pytest.fixture(scope="session")
def odoo(site: Site, estate: Estate, administrator: tuple[str, str]) -> OdooSession:
    """A web session of the administrator."""
    preflight.check_administrator(site, administrator)
    return log_in(site, str(estate.variable("odoo_database")), *administrator)


@pytest.fixture(scope="session")
def till(odoo: OdooSession, estate: Estate) -> Iterator[tills.Till]:
    """Verify's own till, taken out of the archive for this run."""
    till = tills.prepare(odoo, str(estate.variable("odoo_series")))
    yield till
    tills.put_away(odoo, till)


@pytest.fixture(scope="session")
def ledger() -> Ledger:
    """The orders that the API has acknowledged in this run."""
    return Ledger()


@pytest.fixture(scope="session")
def people(odoo: OdooSession, site: Site, estate: Estate, ledger: Ledger) -> Iterator[People]:
    """Verify's own users with open tills and goods to sell, taken out of the archive for this run."""
    series = str(estate.variable("odoo_series"))
    try:
        people = gather(odoo, site, series, ledger)
        yield people
        for caller in (people.cashier, people.other, people.manager):
            caller.close()
    finally:
        dismiss(odoo, series)
