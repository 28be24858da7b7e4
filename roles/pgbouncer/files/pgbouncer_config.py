#!/usr/bin/python3
# This file is managed by Ansible.
"""Try a PgBouncer configuration before it goes live, or compare what runs with the files.

Usage: pgbouncer-config try CANDIDATE
       pgbouncer-config compare

try      starts a throw-away pooler with CANDIDATE on a socket of its own; exit 0 if it runs, else it
         complains on stderr
compare  prints {"restart": [...], "reload": [...]}, what the running pooler does not have in effect yet
"""

from __future__ import annotations

import configparser
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import psycopg2

PGBOUNCER = "/usr/sbin/pgbouncer"
USER = "pgbouncer"
UNIT = "pgbouncer.service"
CONFIG = Path("/etc/pgbouncer/pgbouncer.ini")
DROP_IN = Path("/etc/systemd/system/pgbouncer.service.d/tillstack.conf")
RUNTIME = Path("/run/pgbouncer")
# Columns of SHOW DATABASES by the keyword of an entry.
COLUMNS = {
    "host": "host",
    "port": "port",
    "dbname": "database",
    "pool_mode": "pool_mode",
    "pool_size": "pool_size",
}


def read(path: Path) -> configparser.ConfigParser:
    """Read a pgbouncer.ini."""
    parser = configparser.ConfigParser(
        delimiters=("=",), comment_prefixes=(";", "#"), interpolation=None, strict=False
    )
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string(path.read_text())
    return parser


def try_out(candidate: Path) -> list[str]:
    """Start a pooler with `candidate` away from the live one; the complaints, none if it came up."""
    scratch = Path(tempfile.mkdtemp(prefix="pgbouncer-trial-"))
    try:
        shutil.copyfile(candidate, scratch / "candidate.ini")
        (scratch / "trial.ini").write_text(
            f"%include {scratch}/candidate.ini\n\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = {scratch}\n"
            f"pidfile = {scratch}/pid\nlogfile =\n"
        )
        for path in [scratch, *scratch.iterdir()]:
            shutil.chown(path, USER, USER)
        process = subprocess.Popen(
            [PGBOUNCER, str(scratch / "trial.ini")],
            user=USER, group=USER, extra_groups=[], cwd="/", stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stderr is not None
        complaints = []
        for line in process.stderr:
            message = line.split("] ", 1)[-1].strip().replace(f"{scratch}/candidate.ini", str(CONFIG))
            # That the file was included is a matter of the trial alone.
            if message.startswith(("ERROR", "FATAL")) and "processing include file" not in message:
                complaints.append(message)
            if "process up" in line:
                process.kill()
                break
        process.wait()
        if process.returncode != -9 and not complaints:
            complaints.append(f"it ended with status {process.returncode}")
        return complaints
    finally:
        shutil.rmtree(scratch)


def unit_properties() -> dict[str, str]:
    """Ask systemd for the process and the times of the unit."""
    names = "MainPID,StateChangeTimestamp,ExecMainStartTimestamp"
    out = subprocess.run(
        ["systemctl", "show", "--timestamp=us+utc", "-p", names, UNIT],
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(line.split("=", 1) for line in out.stdout.splitlines())


def moment(text: str) -> float:
    """Convert a timestamp of systemctl to seconds since the epoch."""
    return datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S.%f UTC").replace(tzinfo=UTC).timestamp()


def same(wanted: str, live: str | int | None) -> bool:
    """Say whether two values of a setting are equal, numbers by value."""
    text = "" if live is None else str(live)
    try:
        return float(wanted) == float(text)
    except ValueError:
        return wanted.strip() == text.strip()


def show(what: str) -> list[dict[str, str]]:
    """Ask the console of the running pooler, as the user that it admits."""
    sockets = sorted(RUNTIME.glob(".s.PGSQL.*[0-9]"))
    if not sockets:
        raise psycopg2.OperationalError(f"no socket in {RUNTIME}")
    connection = psycopg2.connect(
        host=str(RUNTIME),
        port=int(sockets[0].suffix[1:]),
        user="pgbouncer",
        dbname="pgbouncer",
        connect_timeout=5,
    )
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"SHOW {what}")
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    finally:
        connection.close()


def compare() -> dict[str, list[str]]:
    """Find what the running pooler does not have in effect: by a reload, or only by a restart."""
    unit = unit_properties()
    pid, owner = int(unit["MainPID"]), pwd.getpwnam(USER)
    if pid == 0:
        return {"restart": ["it does not run"], "reload": []}
    process = Path(f"/proc/{pid}")
    if process.stat().st_uid != owner.pw_uid:
        return {"restart": [f"it does not run as {USER}"], "reload": []}
    restart, reload = [], []
    if str((process / "exe").readlink()).endswith(" (deleted)"):
        restart.append("program")
    if DROP_IN.stat().st_mtime > moment(unit["ExecMainStartTimestamp"]):
        restart.append(DROP_IN.name)
    if CONFIG.stat().st_mtime > moment(unit["StateChangeTimestamp"]):
        reload.append(CONFIG.name)

    os.setgroups([])
    wanted = read(CONFIG)
    os.setgid(owner.pw_gid)
    os.setuid(owner.pw_uid)
    live = {row["key"]: row for row in show("CONFIG")}
    for key, value in wanted["pgbouncer"].items():
        if not same(value, live[key]["value"]):
            (reload if live[key]["changeable"] == "yes" else restart).append(key)
    databases = {row["name"]: row for row in show("DATABASES")}
    for name, text in wanted["databases"].items():
        if name == "*":
            continue
        entry = dict(word.split("=", 1) for word in text.split())
        compared = {keyword: column for keyword, column in COLUMNS.items() if keyword in entry}
        if name not in databases or not all(
            same(entry[keyword], databases[name][column]) for keyword, column in compared.items()
        ):
            reload.append(f"database {name}")
    return {"restart": restart, "reload": reload}


def main(arguments: list[str]) -> int:
    """Run one of the two sub-commands and give the exit status."""
    if arguments[:1] == ["try"] and len(arguments) == 2:
        complaints = try_out(Path(arguments[1]))
        print("\n".join(complaints), file=sys.stderr)
        return 1 if complaints else 0
    if arguments == ["compare"]:
        print(json.dumps(compare()))
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
