"""The program that makes, switches, shares and retires signing keys, on folders instead of hosts."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[2] / "roles/pos_api/files/signing_keys.py"
OVERLAP = 960


def load() -> ModuleType:
    """Return the program as a module."""
    spec = importlib.util.spec_from_file_location("signing_keys", PROGRAM)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


signing_keys = load()


@dataclass
class KeyHost:
    """A key folder that stands for a host's."""

    path: Path
    run: Callable[..., str]

    def show(self) -> dict[str, Any]:
        """Return what the host announces."""
        shown: dict[str, Any] = json.loads(self.run(self.path, "show"))
        return shown

    def tidy(
        self, *others: KeyHost, overlap: int = OVERLAP, options: tuple[str, ...] = ("--complete",)
    ) -> str:
        """Tidy with the announcements of other hosts, and return what was printed."""
        told = json.dumps([other.show() for other in others])
        return self.run(self.path, "tidy", "--overlap", str(overlap), *options, text=told)

    def rotate(self, kind: str = "Ed25519") -> tuple[str, str]:
        """Make a key and sign with it; return the kids before and after."""
        before = self.show()["active"]
        self.run(self.path, "next", "--type", kind)
        self.run(self.path, "activate")
        return before, self.show()["active"]

    def files(self) -> dict[str, str]:
        """Return what lies in the folder."""
        return {path.name: path.read_text() for path in self.path.iterdir()}

    def key_files(self) -> set[str]:
        """Return the names of the key files."""
        return {name for name in self.files() if name.endswith(".pem")}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs the program on a folder and returns its output."""

    def call(folder: Path, *words: str, text: str = "") -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        signing_keys.main([str(folder), *words])
        return capsys.readouterr().out

    return call


@pytest.fixture
def new_host(tmp_path: Path, run: Callable[..., str]) -> Callable[[str], KeyHost]:
    """Makes a folder with a first key."""

    def make(name: str) -> KeyHost:
        (tmp_path / name).mkdir(mode=0o700)
        host = KeyHost(tmp_path / name, run)
        assert "made " in run(host.path, "first", "--type", "Ed25519")
        return host

    return make


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets the program's clock go forward by seconds."""
    shift = [0.0]
    real = signing_keys.time.time
    monkeypatch.setattr(signing_keys.time, "time", lambda: real() + shift[0])

    def forward(seconds: float) -> None:
        shift[0] += seconds

    return forward


def test_the_first_key_is_made_once_and_private(new_host: Callable[[str], KeyHost]) -> None:
    host = new_host("a")
    active = host.show()["active"]
    assert host.files().keys() == {f"{active}.pem", "active"}
    assert {path.stat().st_mode & 0o777 for path in host.path.iterdir()} == {0o400}
    before = host.files()
    assert host.run(host.path, "first", "--type", "Ed25519") == ""
    assert host.files() == before


@pytest.mark.parametrize("kind, said", [("Ed25519", "ED25519 Public-Key"), ("P-256", "prime256v1")])
def test_a_key_has_the_type_asked_for(new_host: Callable[[str], KeyHost], kind: str, said: str) -> None:
    host = new_host("a")
    _, active = host.rotate(kind)
    text = subprocess.run(
        ["openssl", "pkey", "-in", str(host.path / f"{active}.pem"), "-noout", "-text_pub"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert said in text


def test_the_next_key_is_there_before_it_signs_and_is_made_once(new_host: Callable[[str], KeyHost]) -> None:
    host = new_host("a")
    first = host.show()["active"]
    host.run(host.path, "next", "--type", "Ed25519")
    shown = host.show()
    assert shown["active"] == first and shown["next"] not in ("", first)
    assert host.key_files() == {f"{first}.pem", f"{shown['next']}.pem"}
    assert host.run(host.path, "next", "--type", "Ed25519") == "", (
        "an interrupted rotation goes on with its key"
    )
    assert host.show() == shown
    host.run(host.path, "next", "--type", "Ed25519", "--fresh")
    assert host.show()["next"] != shown["next"]
    assert f"{shown['next']}.pem" not in host.key_files()


def test_a_key_that_stopped_keeps_its_public_part_until_the_overlap_has_passed(
    new_host: Callable[[str], KeyHost], clock: Callable[[float], None]
) -> None:
    host = new_host("a")
    before, after = host.rotate()
    assert host.tidy() != ""
    assert host.key_files() == {f"{before}.pub.pem", f"{after}.pem"}
    clock(OVERLAP - 2)
    assert host.tidy() == ""
    clock(3)
    assert host.tidy() == f"no longer accepting {before}\n"
    assert host.key_files() == {f"{after}.pem"}
    assert host.tidy() == ""


def test_the_overlap_begins_with_the_switch(
    new_host: Callable[[str], KeyHost], clock: Callable[[float], None]
) -> None:
    host = new_host("a")
    before, _ = host.rotate()
    clock(OVERLAP)
    assert f"no longer accepting {before}" in host.tidy()


def test_a_switch_that_was_cut_off_after_its_rename_is_mended(
    new_host: Callable[[str], KeyHost], clock: Callable[[float], None]
) -> None:
    host = new_host("a")
    before = host.show()["active"]
    host.run(host.path, "next", "--type", "Ed25519")
    after = host.show()["next"]
    (host.path / "active").unlink()
    (host.path / "active").write_text(after)
    assert host.show()["next"] == ""
    clock(10 * OVERLAP)
    assert f"{before} has stopped signing" in host.tidy(), "its overlap begins when it is noticed"
    assert host.key_files() == {f"{before}.pub.pem", f"{after}.pem"}


def test_hosts_accept_each_other_s_keys_and_keep_their_private_ones(
    new_host: Callable[[str], KeyHost],
) -> None:
    one, two = new_host("a"), new_host("b")
    assert one.tidy(two) == f"accepting {two.show()['active']} of another host\n"
    two.tidy(one)
    assert one.key_files() == {f"{one.show()['active']}.pem", f"{two.show()['active']}.pub.pem"}
    assert (one.tidy(two), two.tidy(one)) == ("", "")
    assert [entry["kid"] for entry in one.show()["keys"]] == [one.show()["active"]], "no gossip"
    for host in (one, two):
        assert "PRIVATE" not in json.dumps(host.show())
        assert sum("PRIVATE" in text for text in host.files().values()) == 1


def test_a_rotation_of_two_hosts_ends_settled_and_is_retired_on_both(
    new_host: Callable[[str], KeyHost], clock: Callable[[float], None]
) -> None:
    one, two = new_host("a"), new_host("b")
    hosts = ((one, two), (two, one))
    for host, other in hosts:
        host.tidy(other)
    old = {host.show()["active"] for host in (one, two)}
    for host in (one, two):
        host.run(host.path, "next", "--type", "Ed25519")
    for host, other in hosts:
        host.tidy(other)
        assert f"{other.show()['next']}.pub.pem" in host.key_files(), "accepted before it signs"
    for host in (one, two):
        host.run(host.path, "activate")
    for host, other in hosts:
        host.tidy(other)
    assert [host.tidy(other) for host, other in hosts] == ["", ""]
    assert all({f"{kid}.pub.pem" for kid in old} <= host.key_files() for host in (one, two))
    clock(OVERLAP)
    assert all(old == {line.split()[-1] for line in h.tidy(o).splitlines()} for h, o in hosts)
    assert [host.tidy(other) for host, other in hosts] == ["", ""]
    assert one.key_files() == {f"{one.show()['active']}.pem", f"{two.show()['active']}.pub.pem"}


def test_a_host_that_left_the_estate_is_accepted_for_an_overlap_more(
    new_host: Callable[[str], KeyHost], clock: Callable[[float], None]
) -> None:
    one, two = new_host("a"), new_host("b")
    one.tidy(two)
    gone = f"{two.show()['active']}.pub.pem"
    assert one.tidy(options=()) == "", "a host that was not asked has not left"
    one.tidy()
    assert gone in one.key_files()
    clock(OVERLAP)
    one.tidy()
    assert gone not in one.key_files()


def test_a_leaked_key_is_dropped_everywhere_at_once(new_host: Callable[[str], KeyHost]) -> None:
    one, two = new_host("a"), new_host("b")
    one.tidy(two)
    two.tidy(one)
    (one.path / "by-hand.pub.pem").write_text(one.show()["keys"][0]["public"])
    for host in (one, two):
        host.run(host.path, "next", "--type", "Ed25519", "--fresh")
        host.run(host.path, "activate")
    for host, other in ((one, two), (two, one)):
        host.tidy(other, overlap=0, options=("--complete", "--strict"))
    for host, other in ((one, two), (two, one)):
        assert host.key_files() == {f"{host.show()['active']}.pem", f"{other.show()['active']}.pub.pem"}
        assert host.tidy(other) == ""


def test_a_public_key_placed_by_hand_stays(
    new_host: Callable[[str], KeyHost], clock: Callable[[float], None]
) -> None:
    host = new_host("a")
    (host.path / "by-hand.pub.pem").write_text(host.show()["keys"][0]["public"])
    clock(10 * OVERLAP)
    assert host.tidy() == ""
    assert "by-hand.pub.pem" in host.key_files()


@pytest.mark.parametrize("kid, public", [("../../etc/x", None), ("x/y", None), ("broken", "no key")])
def test_an_announcement_that_is_no_key_is_refused(
    new_host: Callable[[str], KeyHost], kid: str, public: str | None
) -> None:
    one, two = new_host("a"), new_host("b")
    told = two.show()
    told["keys"][0] |= {"kid": kid} | ({"public": public} if public else {})
    before = one.files()
    with pytest.raises((SystemExit, subprocess.CalledProcessError)):
        one.run(one.path, "tidy", "--overlap", "1", text=json.dumps([told]))
    assert one.files() == before


def test_every_change_gives_active_a_new_inode(new_host: Callable[[str], KeyHost]) -> None:
    one, two = new_host("a"), new_host("b")
    before = (one.path / "active").stat().st_ino
    one.tidy(two)
    assert (one.path / "active").stat().st_ino != before


def test_a_dry_run_says_the_same_and_changes_nothing(new_host: Callable[[str], KeyHost]) -> None:
    one, two = new_host("a"), new_host("b")
    one.rotate()
    before = one.files()
    told = json.dumps([two.show()])
    dry = one.run(one.path, "--dry-run", "tidy", "--overlap", str(OVERLAP), text=told)
    assert "accepting" in dry and "keeping only the public key" in dry
    assert one.run(one.path, "--dry-run", "next", "--type", "Ed25519").startswith("made a key")
    assert one.files() == before
    assert one.run(one.path, "tidy", "--overlap", str(OVERLAP), text=told) == dry
