"""Secrets stay where they belong: in no output, journal, process list or file that others can read."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.conftest import Deployed
from tests.harness import leaks, playbook
from tests.harness.verifying import verify

pytestmark = pytest.mark.hosts
# Odoo reads the password of its database user from here; everything else is kept as a hash.
HOMES = {"odoo_database_password": ["/etc/odoo/odoo.conf"]}


def test_no_output_of_ansible_shows_one(deployed: Deployed) -> None:
    assert leaks.in_text(deployed.first.output, deployed.secrets) == []
    assert "TASK [tillstack.odoo_pos.odoo" in deployed.first.output


def test_no_process_list_showed_one(deployed: Deployed) -> None:
    assert deployed.samples > 100, "too few looks at the process list to say anything"
    assert deployed.seen == frozenset()


def test_no_journal_shows_one(deployed: Deployed) -> None:
    assert leaks.in_journal(deployed.run, deployed.host, deployed.secrets) == []


def test_files_hold_only_what_their_reader_needs(deployed: Deployed) -> None:
    for name, secret in deployed.secrets.items():
        assert leaks.in_files(deployed.run, deployed.host, secret) == HOMES.get(name, []), name
        assert leaks.in_files(deployed.run, deployed.host, secret, user="nobody") == [], name


def test_a_failing_run_shows_none(deployed: Deployed, results: Path) -> None:
    # Nothing listens there: the task that logs in with the password fails.
    broken = ["--tags", "odoo_database", "--extra-vars", "odoo_postgresql_port=9"]
    failed = playbook.run(deployed.inventory, "-vvv", "--diff", *broken, log=results / "failing.log")
    assert failed.recap[deployed.host].failed == 1, failed.output[-4000:]
    assert "127.0.0.1:9" in failed.output, failed.output[-4000:]
    assert leaks.in_text(failed.output, deployed.secrets) == []


def test_verify_passes_and_its_report_shows_none(deployed: Deployed, results: Path) -> None:
    report = results / "verify"
    # Speed and load take minutes, and show no more of the secrets.
    sections = "services,configuration,endpoints,security,consistency"
    run = verify(deployed.inventory, report, "--section", sections)
    assert run.status == 0, run.output[-6000:]
    assert run.report
    assert leaks.in_text(run.output, deployed.secrets) == []
    assert leaks.in_folder(report, deployed.secrets) == []


def test_the_search_finds_what_is_planted(deployed: Deployed, tmp_path: Path) -> None:
    word = "a-canary-that-is-no-secret"
    planted = {"planted": word}
    encoded = base64.b64encode(f"password: {word}\n".encode()).decode()
    assert leaks.in_text(f"password={word}", planted) == ["planted"]
    assert leaks.in_text(encoded, planted) == ["planted"]
    (tmp_path / "report.html").write_text(f"<td>{word}</td>")
    assert leaks.in_folder(tmp_path, planted) == [f"{tmp_path / 'report.html'}: planted"]
    with leaks.ProcessWatch(planted) as watch:
        deployed.shell(
            f"python3 -c 'import time; time.sleep(1)' {word}; logger {word}; echo {encoded} >/opt/planted"
        )
    assert watch.seen
    assert leaks.in_journal(deployed.run, deployed.host, planted) == ["planted"]
    assert leaks.in_files(deployed.run, deployed.host, word, user="nobody") == ["/opt/planted"]
    deployed.shell("rm /opt/planted")
