#!/usr/bin/env python3
"""Deploy the whole stack on disposable hosts of this machine, verify it, and say where it is.

`demo.py up` may be repeated: running hosts are used again, and an interrupted run is continued.
`demo.py down` removes the hosts and what belongs to them; caches and reports stay.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.harness import hosts, inventory, playbook

UPSTREAM = "https://github.com/odoo/odoo.git"
UPSTREAM_SECONDS = 15
MISSING = (
    "An Odoo 15.0 source was found neither as odoo-15.0*.tar.* in {folder}"
    " nor at {upstream}. Put an archive there to see 15.0."
)
FALLBACK = "FALLBACK: Odoo 14.0 from Debian 11's own archive, on two hosts. "
# Without speed and load, which take minutes: `make verify` has them too.
SECTIONS = "services,configuration,endpoints,security"
FORCED = "Odoo 14.0 on two hosts, as asked for by --series."

console = Console(highlight=False)


class DemoError(Exception):
    """The demo cannot go on; the message says what to do."""


@dataclass(frozen=True)
class Plan:
    """What is deployed where.

    Args:
        series: Odoo series.
        bases: Debian release of each host.
        groups: Hosts of each inventory group.
        label: What must be said aloud about the choice, or an empty string.
    """

    series: str
    bases: dict[str, str]
    groups: dict[str, list[str]]
    label: str


def plan_15() -> Plan:
    """Return the plan for Odoo 15.0: everything on one Debian 12 host."""
    return Plan("15.0", {"pos": "bookworm"}, inventory.one_host("pos"), "")


def plan_14(label: str) -> Plan:
    """Return the plan for Odoo 14.0: the database on Debian 12, the application on Debian 11."""
    groups = {"postgresql": ["db"], "pgbouncer": ["db"], "odoo": ["app"], "nginx": ["app"]}
    return Plan("14.0", {"db": "bookworm", "app": "bullseye"}, groups, label)


def artifact_folder() -> Path:
    """Return the folder that artefacts are taken from, by the same rule as the roles."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("TILLSTACK_ARTIFACTS") or Path(cache) / "tillstack" / "artifacts")


def upstream_reachable() -> bool:
    """Tell whether Odoo's own repository answers for branch 15.0 in time."""
    command = ["git", "ls-remote", "--exit-code", "--heads", UPSTREAM, "15.0"]
    quiet = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(command, capture_output=True, timeout=UPSTREAM_SECONDS, env=quiet, check=False)
    except (subprocess.TimeoutExpired, FileNotFoundError):
        return False
    return done.returncode == 0


def choose(series: str) -> Plan:
    """Return the plan for a series: "15.0", "14.0", or "auto" for 15.0 where its source can be had."""
    if series == "14.0":
        return plan_14(FORCED)
    folder = artifact_folder()
    if any(folder.glob("odoo-15.0*.tar.*")) or upstream_reachable():
        return plan_15()
    missing = MISSING.format(folder=folder, upstream=UPSTREAM)
    if series == "15.0":
        raise DemoError(missing)
    return plan_14(FALLBACK + missing)


@contextmanager
def phase(name: str, durations: dict[str, float]) -> Iterator[None]:
    """Announce a phase and note how many seconds it took, also when it fails."""
    console.rule(f"[bold]{name}", align="left")
    started = time.monotonic()
    try:
        yield
    finally:
        durations[name] = time.monotonic() - started


@contextmanager
def only_one(build: Path) -> Iterator[None]:
    """Hold the demo's lock, which the kernel lets go when this process ends in any way.

    Raises:
        DemoError: Another process holds it.
    """
    build.mkdir(parents=True, exist_ok=True)
    with (build / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoError(f"another demo is at work in {build}: wait for its end") from error
        yield


def boot(run: hosts.Run, plan: Plan) -> dict[str, str]:
    """Boot the plan's hosts, remove those of an earlier plan, and return the addresses."""
    hosts.call(run, "deps")
    with console.status("booting (a base that is not in the cache yet takes about a minute)"):
        hosts.up(run, *(f"{name}={base}" for name, base in plan.bases.items()))
        for name in hosts.addresses(run).keys() - plan.bases.keys():
            console.print(f"removing host {name}, which this series does not use")
            hosts.call(run, "rm", name)
    addresses = hosts.addresses(run)
    for name, base in plan.bases.items():
        console.print(f"{name}: {addresses[name]} ({base}), groups {', '.join(groups_of(plan, name))}")
    return addresses


def groups_of(plan: Plan, host: str) -> list[str]:
    """Return the groups a host is in."""
    return [group for group, members in plan.groups.items() if host in members]


def deploy(target: Path, log: Path) -> None:
    """Run site.yml, showing Ansible's own output.

    Raises:
        DemoError: The playbook failed.
    """

    def show(line: str) -> bool:
        sys.stdout.write(line)
        sys.stdout.flush()
        return False

    colour = {"ANSIBLE_FORCE_COLOR": "1"} if sys.stdout.isatty() else {}
    result = playbook.run(target, log=log, extra_environment=colour, on_line=show)
    if result.status:
        raise DemoError(f"ansible-playbook ended with {result.status}: see above, or {log}; then run again")


def verify(target: Path, report: Path) -> int:
    """Run the acceptance checks and return their exit status."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "verify",
        "--inventory",
        str(target),
        "--report-dir",
        str(report),
        "--section",
        SECTIONS,
    ]
    return subprocess.run(command, cwd=hosts.ROOT, env=playbook.environment(), check=False).returncode


def summary(durations: dict[str, float], rows: dict[str, str], label: str) -> None:
    """Print how long each phase took and where everything is."""
    console.rule("[bold]Demo", align="left")
    if label:
        console.print(label, style="bold yellow")
    times = Table("phase", "seconds", box=None)
    for name, seconds in durations.items():
        times.add_row(name, f"{seconds:.0f}")
    times.add_row("all", f"{sum(durations.values()):.0f}")
    console.print(times)
    for name, text in rows.items():
        console.print(f"{name + ':':10} {text}", soft_wrap=True)


def up(run: hosts.Run, build: Path, report: Path, series: str) -> int:
    """Deploy and verify; return the exit status of the demo.

    Args:
        run: The run of disposable hosts to use.
        build: Folder for the inventory, the log and the certificate.
        report: Folder for what verify reports.
        series: "auto", "15.0" or "14.0".

    Raises:
        DemoError, hosts.HostsError: The demo could not go on.
    """
    durations: dict[str, float] = {}
    target, log, authority = build / "inventory", build / "ansible.log", build / "ca.pem"
    plan = choose(series)
    if plan.label:
        console.print(plan.label, style="bold yellow")
    with phase("hosts", durations):
        addresses = boot(run, plan)
        secrets = inventory.write(target, run, plan.groups, {"odoo_series": plan.series})
    with phase("deploy", durations):
        deploy(target, log)
    (front,) = plan.groups["nginx"]
    authority.write_text(hosts.shell(run, front, "cat /etc/tillstack/ca.pem"))
    with phase("verify", durations):
        status = verify(target, report)
    site = f"https://{addresses[front]}"
    rows = {
        "address": f"{site}/ (API: {site}/api/v1), Odoo {plan.series}",
        "CA": f"{authority} (import it into the browser, or accept its warning)",
        "logins": f"user admin, password odoo_admin_password in {secrets}",
        "report": str(report / "report.html"),
        "whole": "make verify (speed, load and consistency too; some nine minutes)",
        "log": str(log),
        "shell": f"{hosts.SCRIPT} --run {run.id} ssh {front}",
        "remove": "make demo-down",
    }
    summary(durations, rows, plan.label)
    if status:
        console.print("verify found something wrong: see the report", style="bold red")
    return status


def down(run: hosts.Run, build: Path) -> int:
    """Remove the demo's hosts and the inventory with its secrets; logs and reports stay."""
    hosts.down(run)
    shutil.rmtree(build / "inventory", ignore_errors=True)
    (build / "ca.pem").unlink(missing_ok=True)
    console.print("the demo's hosts are gone; caches, logs and reports are kept")
    return 0


def default_run() -> str:
    """Return the run id of this checkout's demo, so that two checkouts do not share hosts."""
    return f"demo-{hashlib.sha256(str(hosts.ROOT).encode()).hexdigest()[:6]}"


def interrupt(_signal: int, _frame: object) -> None:
    """End like Ctrl-C, so that what was started is ended too."""
    raise KeyboardInterrupt


def main() -> int:
    """Read the command line and act on it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["up", "down"])
    parser.add_argument(
        "--series",
        choices=["auto", "15.0", "14.0"],
        default=os.environ.get("TILLSTACK_DEMO_SERIES") or "auto",
        help="Odoo series; auto takes 15.0 where its source can be had (or set TILLSTACK_DEMO_SERIES)",
    )
    parser.add_argument("--run", default=default_run(), help="id of the run of disposable hosts")
    parser.add_argument("--build", type=Path, default=hosts.ROOT / "build" / "demo", help="folder of results")
    parser.add_argument(
        "--report", type=Path, default=hosts.ROOT / "build" / "verify", help="folder of verify's report"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    run, build = hosts.Run(options.run), options.build.resolve()
    try:
        with only_one(build):
            if options.action == "down":
                return down(run, build)
            return up(run, build, options.report.resolve(), options.series)
    except KeyboardInterrupt:
        console.print("\ninterrupted: run the same command again to go on", style="bold red")
        return 130
    except (DemoError, hosts.HostsError) as error:
        console.print(f"\n{error}", style="bold red", soft_wrap=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
