"""Odoo's own tests of base pass on the deployed Python, and the addon's pass in Odoo's own runner."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.conftest import Deployed
from tests.harness import hosts, stack

pytestmark = pytest.mark.hosts
MINUTES = 15
# Fail on Python 3.11 and say nothing of Odoo or of the shim. By test or by class:
KNOWN = {
    "TestRunnerLogging": "tests of Odoo's test runner, which compare tracebacks as Python 3.10 prints them",
    "TestRunnerLoggingSetup": "the same",
    "TestRunnerLoggingTeardown": "the same",
    "TestIrMailServer": "mocks odoo.tools.config.options by a path that Python 3.11 resolves to the module",
    "EmailConfigCase": "the same",
    "TestEmailTools.test_email_split": "expects what email.utils gave before CVE-2023-27043 was mended",
}
# Past the pooler, with demonstration data, since the tests of base are written on it.
RUN = """
sed -e /without_demo/d {edit} /etc/odoo/odoo.conf >/etc/odoo/tests.conf
chgrp odoo /etc/odoo/tests.conf; chmod 640 /etc/odoo/tests.conf
cd /var/lib/odoo
runuser -u odoo -- env ODOO_RC=/etc/odoo/tests.conf /opt/odoo/bin/odoo --database {database} \
  --db_host 127.0.0.1 --db_port 5432 {modules} --test-tags {tags} --stop-after-init \
  --http-port 18069 --longpolling-port 18072 --workers 0 --max-cron-threads 0 2>&1 || echo "exit status $?"
"""


def own_tests(target: stack.Target, database: str, modules: str, tags: str, edit: str = "") -> str:
    """Run tests in Odoo's runner and return its log; `edit`: options of sed, for odoo.conf."""
    script = RUN.format(database=database, modules=modules, tags=tags, edit=edit)
    return hosts.shell(target.run, target.host, script, timeout=MINUTES * 60)


def failed(log: str) -> set[str]:
    """Return `Class.test` of every test that failed."""
    return set(re.findall(r"(?:ERROR|FAIL): (?:Subtest )?(\w+\.\w+)", log))


def run_tests(log: str) -> int:
    """Return how many tests Odoo says it ran."""
    return len(re.findall(r": Starting \w+\.\w+ \.\.\.", log))


def base(target: stack.Target) -> str:
    """Run Odoo's tests of base in a database of their own, without our API."""
    target.shell(
        "cd /; runuser -u postgres -- psql -q -c 'CREATE DATABASE shim OWNER odoo TEMPLATE template0'"
        " -c '\\c shim' -c 'CREATE EXTENSION unaccent' -c 'CREATE EXTENSION pg_trgm'"
    )
    return own_tests(target, "shim", "--init base", "/base", edit="-e s/,pos_api//")


def addon(target: stack.Target) -> str:
    """Run the addon's tests in the deployed database."""
    target.shell("systemctl stop odoo odoo-api")
    return own_tests(target, "pos", "--update pos_api", "/pos_api")


RUNS = {"test_base_passes": base, "test_the_addon_passes": addon}


@pytest.fixture(scope="module")
def logs(
    deployed: Deployed, saved: str, request: pytest.FixtureRequest
) -> Iterator[dict[Callable[[stack.Target], str], Future[str]]]:
    """The logs of those that are wanted, which run side by side: each keeps one core busy for minutes."""
    runs = [RUNS[item.name] for item in request.session.items if item.name in RUNS]
    targets = {run: stack.clone(deployed, saved, f"own-{run.__name__}") for run in runs}
    with ThreadPoolExecutor() as pool:
        yield {run: pool.submit(run, target) for run, target in targets.items()}
    if not request.config.getoption("--keep-hosts"):
        hosts.call(deployed.run, "rm", *(target.host for target in targets.values()))


@pytest.mark.rotates("minutes")
def test_base_passes(logs: dict[Callable[[stack.Target], str], Future[str]]) -> None:
    log = logs[base].result()
    assert run_tests(log) > 600, log[-3000:]
    unknown = {test for test in failed(log) if test not in KNOWN and test.split(".")[0] not in KNOWN}
    assert unknown == set()


def test_the_addon_passes(logs: dict[Callable[[stack.Target], str], Future[str]]) -> None:
    log = logs[addon].result()
    assert run_tests(log) > 400, log[-3000:]
    assert failed(log) == set()
    assert "exit status" not in log, log[-3000:]
