"""Whether settings fit what the estate was seen to do; where one does not, the check advises another.

A run that may write judges by what happened since its section of performance began, a read-only run by what
happened since PostgreSQL's counters were last set to zero: months of a real shop, perhaps.
"""

from collections.abc import Callable, Mapping
from statistics import median

import pytest

from verify.advice.facts import Commits, Counted, Database, Listings
from verify.advice.gather import LIST_OF_DATABASES, commit_facts, database_facts
from verify.advice.rule import Finding, Rule
from verify.advice.rules import RULES
from verify.clients.database import superuser_rows
from verify.clients.web import Client, Site
from verify.estate.described import Estate
from verify.estate.machines import Machine, Machines
from verify.reporting.document import Evidence
from verify.reporting.recorder import NotRun
from verify.sections.performance.test_database import measured

CONCERN = "Tuning"
pytestmark = [pytest.mark.explained_by("postgresql"), pytest.mark.last]

CALLS = 20
PAGE = "/"  # a redirect: Odoo finds out which database is meant, and hardly anything else
TRANSACTIONS = """
    SELECT sum(xact_commit + xact_rollback)::bigint AS ended FROM pg_stat_database WHERE datname = 'postgres'
"""


def rules(facts: type) -> pytest.MarkDecorator:
    """Run a check for each rule about such facts; its title is what holds."""
    mine = [rule for rule in RULES if rule.facts is facts]
    return pytest.mark.parametrize(
        ("rule", "name"), [(rule, rule.holds) for rule in mine], ids=[rule.name for rule in mine]
    )


def judge(finding: Finding, keep: Callable[[Evidence], None]) -> None:
    """Put figures and advice into the report.

    Raises:
        NotRun: there is too little to judge by.
        AssertionError: the rule fires.
    """
    for figure in finding.measures:
        keep(figure)
    if finding.lacking:
        raise NotRun(finding.lacking)
    if finding.advice:
        keep(finding.advice)
    assert finding.advice is None, f"{finding.advice.variable} does not fit what was measured: see the advice"


@pytest.fixture(scope="module")
def facts_of(estate: Estate, counters_before: Mapping[str, Counted]) -> Callable[[Machine], Database]:
    """Gives what a database host is judged by, the same to all rules."""
    known: dict[str, Database] = {}

    def facts(machine: Machine) -> Database:
        if machine.name not in known:
            known[machine.name] = database_facts(machine, estate, counters_before.get(machine.name))
        return known[machine.name]

    return facts


@rules(Database)
def test_rule(
    postgresql_host: Machine,
    rule: Rule,
    name: str,
    facts_of: Callable[[Machine], Database],
    keep: Callable[[Evidence], None],
) -> None:
    """{name}."""
    judge(rule.look(facts_of(postgresql_host)), keep)


@pytest.mark.writes
@rules(Commits)
def test_commits(
    postgresql_host: Machine, rule: Rule, name: str, database: str, keep: Callable[[Evidence], None]
) -> None:
    """{name}."""
    judge(rule.look(commit_facts(postgresql_host, database)), keep)


@rules(Listings)
def test_requests(
    odoo_host: Machine,
    machines: Machines,
    site: Site,
    cap: float | None,
    database: str,
    rule: Rule,
    name: str,
    keep: Callable[[Evidence], None],
) -> None:
    """{name}."""
    postgresql = machines.of_group("postgresql")
    if not postgresql:
        raise NotRun("the inventory has no host in the group postgresql")
    configuration = "sed -nE 's/^%s *= *(.*)/\\1/p' /etc/odoo/odoo.conf"
    dbfilter, names = (odoo_host.shell.output(configuration, option) for option in ("dbfilter", "db_name"))

    def ended() -> int:
        return sum(int(superuser_rows(host, TRANSACTIONS, database)[0]["ended"]) for host in postgresql)

    times = []
    with Client(site) as client:
        before = ended()
        for _ in range(CALLS):
            client.cookies.clear()  # a session knows its database already
            answer = client.get(PAGE)
            assert answer.status_code in (200, 303), f"GET {PAGE} is answered by {answer.status_code}"
            times.append(1000 * answer.elapsed.total_seconds())
        listings = ended() - before
    (found,) = measured(odoo_host, {"list": LIST_OF_DATABASES}, 1, 5, cap).values()
    facts = Listings(
        host=odoo_host.name,
        dbfilter=dbfilter,
        names=tuple(one.strip() for one in names.split(",") if one.strip()),
        calls=CALLS,
        listings=listings,
        listing_ms=median([ms for one in found for ms in one.milliseconds]),
        call_ms=median(times),
    )
    judge(rule.look(facts), keep)
