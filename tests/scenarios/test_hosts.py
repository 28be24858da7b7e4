"""The disposable hosts themselves: real systems, apart from each other, and nothing left of them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.harness import deadline, hosts

pytestmark = pytest.mark.hosts
MACHINE = {
    "mounts": ["cat", "/proc/self/mounts"],
    "links": ["ip", "-br", "link"],
    "routes": ["ip", "route", "show", "table", "all"],
    "namespaces": ["ip", "netns"],
    "rules": ["nft", "list", "tables"],
    "processes": ["ps", "-eo", "args"],
    "control groups": ["find", "/sys/fs/cgroup", "-maxdepth", "4", "-path", "*/tillstack/*"],
    "loop devices": ["losetup", "--all"],
}


def words_of(run: hosts.Run) -> list[str]:
    """Return the words by which what a run makes of the machine can be told."""
    network = next(iter(hosts.addresses(run).values())).rpartition(".")[0]
    return [f"tillstack-{run.id}-", f"/{run.id}/", f"{network}.", f"tillstack{network.rpartition('.')[2]}"]


def traces(words: list[str]) -> dict[str, list[str]]:
    """Return, by kind, the lines about the machine in which one of the words is."""
    found = {}
    for kind, command in MACHINE.items():
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        if hits := [line for line in lines if any(word in line for word in words)]:
            found[kind] = hits
    return found


@pytest.fixture
def other_run() -> Iterator[hosts.Run]:
    """A second run beside the session's own."""
    run = hosts.Run(f"tests-{os.getpid()}-b", os.getpid())
    yield run
    hosts.down(run)


def test_both_debian_releases_boot_systemd_and_answer_by_ssh(other_run: hosts.Run) -> None:
    hosts.up(other_run, "twelve=bookworm", "eleven=bullseye")
    for name, release in (("twelve", "12"), ("eleven", "11")):
        ask = "cat /proc/1/comm; . /etc/os-release; echo $VERSION_ID; systemctl is-system-running; hostname"
        assert hosts.shell(other_run, name, ask).split() == ["systemd", release, "running", name]
    assert (
        hosts.shell(other_run, "eleven", "getent hosts twelve").split()[0]
        == hosts.addresses(other_run)["twelve"]
    )


def test_two_runs_with_the_same_host_names_do_not_meet(run: hosts.Run, other_run: hosts.Run) -> None:
    here, there = hosts.up(run, "same")["same"], hosts.up(other_run, "same")["same"]
    assert here.rpartition(".")[0] != there.rpartition(".")[0]
    unreachable = hosts.shell(run, "same", f"ping -c 1 -W 1 {there} >/dev/null && echo reached || echo apart")
    assert unreachable.strip() == "apart"
    hosts.shell(run, "same", "touch /root/mine")
    assert hosts.shell(other_run, "same", "ls /root") == ""
    hosts.down(other_run)
    assert hosts.shell(run, "same", "ls /root").strip() == "mine"
    hosts.call(run, "rm", "same")


def test_down_leaves_nothing(other_run: hosts.Run) -> None:
    hosts.up(other_run, "gone")
    hosts.call(other_run, "disk", "gone", "/data", "20M")
    words = words_of(other_run)
    assert traces(words).keys() == MACHINE.keys(), (
        "a kind of trace that a live host does not leave proves nothing"
    )
    hosts.down(other_run)
    assert traces(words) == {}


def test_the_next_run_clears_a_killed_one(run: hosts.Run) -> None:
    owner = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    killed = hosts.Run(f"tests-{os.getpid()}-k", owner.pid)
    hosts.up(killed, "left")
    words = words_of(killed)
    hosts.up(run, "next")
    assert traces(words), "a run whose owner lives was cleared"
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    hosts.up(run, "next")
    assert traces(words) == {}
    hosts.call(run, "rm", "next")


def test_a_host_comes_back_after_reboot_and_power_cut(other_run: hosts.Run) -> None:
    hosts.up(other_run, "phoenix")
    boot = (
        "cat /proc/sys/kernel/random/boot_id; systemctl show --property=UserspaceTimestampMonotonic --value"
    )
    first = hosts.shell(other_run, "phoenix", boot)
    hosts.shell(other_run, "phoenix", "touch /root/kept")
    for how in (["reboot"], ["kill", "start"]):
        for command in how:
            hosts.call(other_run, command, "phoenix")
        again = hosts.shell(other_run, "phoenix", boot)
        assert again != first
        assert hosts.shell(other_run, "phoenix", "ls /root").strip() == "kept"
        first = again


def answers(address: str) -> bool:
    """Tell whether sshd takes a connection within a second."""
    try:
        socket.create_connection((address, 22), timeout=1).close()
    except OSError:
        return False
    return True


def test_a_cut_host_is_unreachable_until_it_is_healed(other_run: hosts.Run) -> None:
    address = hosts.up(other_run, "island")["island"]
    hosts.call(other_run, "cut", "island")
    assert not answers(address)
    hosts.call(other_run, "heal", "island")
    deadline.until(lambda: answers(address), 10, "sshd's answer")


def test_the_next_owner_of_an_address_is_reached_at_once(other_run: hosts.Run) -> None:
    hosts.up(other_run, "one=bookworm", "two=bookworm")
    address = hosts.addresses(other_run)["two"]
    hosts.shell(other_run, "one", f"ping -c 1 -W 5 {address}")
    hosts.call(other_run, "rm", "two")
    hosts.up(other_run, "three=bookworm")
    assert hosts.addresses(other_run)["three"] == address
    hosts.shell(other_run, "one", f"ping -c 1 -W 5 {address}")


def test_a_saved_base_gives_hosts_of_their_own(other_run: hosts.Run) -> None:
    hosts.up(other_run, "original")
    hosts.shell(other_run, "original", "echo baked >/root/content; rm /usr/bin/gpg")
    for command in (["stop", "original"], ["save", "original", "cake"], ["start", "original"]):
        hosts.call(other_run, *command)
    hosts.up(other_run, "copy=cake")
    ask = "cat /root/content; test -e /usr/bin/gpg || echo removed; hostname"
    assert hosts.shell(other_run, "copy", ask).split() == ["baked", "removed", "copy"]
    assert hosts.shell(other_run, "original", ask).split() == ["baked", "removed", "original"]
    identity = "cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub"
    assert hosts.shell(other_run, "copy", identity) != hosts.shell(other_run, "original", identity)


def test_a_mistake_is_explained(other_run: hosts.Run) -> None:
    for command, explanation in (
        (["up", "Bad_Name"], "bad host name 'Bad_Name'"),
        (["up", "a=buster"], "no base 'buster'"),
        (["ssh", "nobody"], "has no host 'nobody'"),
        (["fly"], "unknown command 'fly'"),
    ):
        with pytest.raises(hosts.HostsError, match=explanation):
            hosts.call(other_run, *command)
