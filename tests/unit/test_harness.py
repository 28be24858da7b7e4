"""The tests' own tools: a tool that sees nothing would let every test pass."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest

from tests.harness import fingerprint, inventory, leaks, playbook
from tests.harness.deadline import until

OUTPUT = """\
PLAY [All] *********************

TASK [tillstack.odoo_pos.odoo : Configure | Write odoo.conf] *******
--- before
+++ after
changed: [pos]
ok: [db]

RUNNING HANDLER [tillstack.odoo_pos.nginx : Reload nginx] *****
changed: [pos] => (item=x)

PLAY RECAP *********************
\x1b[0;33mdb\x1b[0m          : \x1b[0;32mok=3   \x1b[0m changed=0    unreachable=0    failed=0    skipped=1
pos         : ok=12   changed=2    unreachable=1    failed=3    skipped=1
"""


def test_the_recap_is_read_with_and_without_colours() -> None:
    assert playbook.read_recap(OUTPUT) == {
        "db": playbook.Recap(ok=3, changed=0, unreachable=0, failed=0),
        "pos": playbook.Recap(ok=12, changed=2, unreachable=1, failed=3),
    }
    assert playbook.read_recap("PLAY [All] ***\n") == {}


def test_changes_are_named_by_their_task() -> None:
    assert playbook.Result(0, OUTPUT, {}, 1.0).changes() == [
        "TASK [tillstack.odoo_pos.odoo : Configure | Write odoo.conf]: changed: [pos]",
        "RUNNING HANDLER [tillstack.odoo_pos.nginx : Reload nginx]: changed: [pos] => (item=x)",
    ]


def test_every_difference_of_two_fingerprints_is_named() -> None:
    one = {"packages": ["a 1", "b 1"], "files": {"/etc/x": "644", "/etc/y": "600"}}
    other = {"packages": ["a 1", "b 2"], "files": {"/etc/x": "644", "/etc/y": "644", "/etc/z": "600"}}
    assert fingerprint.differences(one, one) == []
    assert fingerprint.differences(one, other) == [
        "files /etc/y: 600 / 644",
        "files /etc/z: None / 600",
        "packages: only in the first: b 1",
        "packages: only in the second: b 2",
    ]


def test_secrets_are_private_long_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "secrets.yml"
    first = inventory.keep_secrets(file, ["one"])
    second = inventory.keep_secrets(file, ["one", "two"])
    assert file.stat().st_mode & 0o777 == 0o600
    assert second["one"] == first["one"] != second["two"]
    assert all(len(secret) >= 32 for secret in second.values())


@pytest.mark.parametrize("before", ["", "1", "12", "123"])
@pytest.mark.parametrize("after", ["", "1", "12", "123"])
def test_a_secret_is_found_within_base64(before: str, after: str) -> None:
    secret = {"password": "correct-horse-battery"}
    assert leaks.in_text(base64.b64encode(f"{before}{secret['password']}{after}".encode()).decode(), secret)
    assert leaks.in_text("correct-horse", secret) == []


def test_waiting_ends_with_the_condition_or_the_deadline() -> None:
    answers = iter([False, False, True])
    assert until(lambda: next(answers), 5, "the third answer", pause=0.01) < 1
    started = time.monotonic()
    with pytest.raises(AssertionError, match="a miracle: not within 0.2 s .* ZeroDivisionError"):
        until(lambda: 1 / 0, 0.2, "a miracle", pause=0.01)
    assert time.monotonic() - started < 2
    with pytest.raises(AssertionError, match="too late: not within 0.1 s"):
        until(lambda: time.sleep(0.3) or True, 0.1, "too late")
