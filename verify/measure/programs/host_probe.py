"""Runs on a host as root and prints one JSON object a second: what its CPUs, disks, services and queues did.

Standard input: a line with a JSON object of what to look at (`verify.measure.sampler.wanted`), and then
nothing: its end, which comes with the connection's end, ends the program. So does the bound ``seconds``.
Counters are given as change per second. In a container, what /proc says of CPUs, disks and pressure is the
whole machine's; services, sockets and the databases are the host's own.
Sources: proc_stat(5), the kernel's documentation of iostats, pressure and cgroup-v2, ss(8), PostgreSQL manual
28.2, PgBouncer manual, SHOW POOLS.
"""

import json
import os
import pathlib
import resource
import select
import subprocess
import sys
import time

LOOKS = 4  # at the sockets, in a second: a queue is gone sooner than a second
ANSWER_SECONDS = 0.5
RETRY_SECONDS = 5
FIELD, END = "\x1f", "\x1e"
TICKS = os.sysconf("SC_CLK_TCK")
CGROUPS = pathlib.Path("/sys/fs/cgroup")
NO_DISKS = ("loop", "ram", "zram", "sr")
ACTIVITY = """
SELECT count(*) FILTER (WHERE state = 'active') AS active,
       count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS idle_in_transaction,
       count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'Lock') AS lock_waits,
       count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'LWLock') AS lwlock_waits,
       count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'IO') AS io_waits,
       round(extract(epoch FROM max(now() - query_start) FILTER (WHERE state = 'active'))::numeric, 1)
           AS longest
  FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid();
"""
TOTALS = """
SELECT sum(xact_commit + xact_rollback) AS transactions, sum(deadlocks) AS deadlocks,
       sum(temp_bytes) AS temp_bytes, sum(blks_read) AS blocks_read, pg_current_wal_lsn() - '0/0' AS wal_bytes
  FROM pg_stat_database;
"""


class Console:
    """A psql that stays connected; one that fails is started again after a while."""

    def __init__(self, user, *options):
        self.command = [
            "runuser",
            "-u",
            user,
            "--",
            "psql",
            "-XAq",
            "-F",
            FIELD,
            "-P",
            "footer=off",
            *options,
        ]
        self.process, self.tried = None, -RETRY_SECONDS

    def rows(self, query):
        """Return a query's rows as dicts, or None where there was no answer in time."""
        if self.process is None and time.monotonic() < self.tried + RETRY_SECONDS:
            return None
        try:
            if self.process is None:
                self.tried = time.monotonic()
                pipe = subprocess.PIPE
                self.process = subprocess.Popen(
                    self.command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, cwd="/"
                )
            os.write(self.process.stdin.fileno(), f"{query}\n\\echo {END}\n".encode())
            header, *lines = self.answer().splitlines()
            names = header.split(FIELD)
            return [dict(zip(names, line.split(FIELD))) for line in lines]
        except (OSError, ValueError):
            self.close()
            return None

    def answer(self):
        text, until = b"", time.monotonic() + ANSWER_SECONDS
        while not text.endswith(f"{END}\n".encode()):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))
            piece = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                raise OSError("no answer")
            text += piece
        return text.decode()[: -len(END) - 1]

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def seconds(self):
        """Return the CPU time of psql, or of what started it."""
        if self.process is None:
            return 0.0
        pid = self.process.pid
        try:
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            return sum(_cpu_seconds(one) for one in [pid, *children])
        except OSError:
            return 0.0


def _cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _numbers(path):
    """Return the first number after each word of a file such as /proc/meminfo."""
    lines = (line.replace(":", " ").split() for line in pathlib.Path(path).read_text().splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}


def cgroup_of(unit):
    """Return the file with the CPU time of a unit's control group, and what it counts a second as."""
    asked = ["systemctl", "show", "--value", "--property=ControlGroup", unit]
    shown = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=False).stdout.strip("/\n")
    for folder, name, scale in (
        ("", "cpu.stat", 1e6),
        ("unified", "cpu.stat", 1e6),
        ("cpuacct", "cpuacct.usage", 1e9),
    ):
        path = CGROUPS / folder / shown / name
        if shown and path.is_file():
            return path, scale
    return None


def service_seconds(found):
    if found is None:
        return None
    path, scale = found
    try:
        return int(path.read_text().split()[1 if path.name == "cpu.stat" else 0]) / scale
    except (OSError, ValueError, IndexError):
        return None


def machine_counters():
    """Return what only ever rises: CPU time by kind, disks' busy time, pressure; all in seconds."""
    words = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, idle, iowait, irq, softirq, steal = (int(word) / TICKS for word in words)
    counters = {
        "work": user + nice + system,
        "interrupts": irq + softirq,
        "idle": idle,
        "iowait": iowait,
        "steal": steal,
    }
    disks = {path.name for path in pathlib.Path("/sys/block").iterdir() if not path.name.startswith(NO_DISKS)}
    for line in pathlib.Path("/proc/diskstats").read_text().splitlines():
        fields = line.split()
        if fields[2] in disks:
            counters[f"disk {fields[2]}"] = int(fields[12]) / 1000
    for kind in ("cpu", "io"):
        path = pathlib.Path("/proc/pressure", kind)
        if path.is_file():
            counters[f"pressure {kind}"] = int(path.read_text().split("\n")[0].rpartition("total=")[2]) / 1e6
    return counters


def sockets(port, calls):
    """Return how many calls are worked on, and how many wait.

    A connection that no process has accepted has no inode; Odoo's workers close theirs after each answer. The
    API's server takes every connection and keeps it: there a call is not answered as long as the connection
    received something after it sent the last time, and of those all but `calls` wait for a thread.
    """
    if calls:
        open_calls = unanswered(port)
        return min(open_calls, calls), max(0, open_calls - calls)
    states = ["state", "established", "state", "close-wait", "state", "listening"]
    shown = subprocess.run(
        ["ss", "-Htane", *states, f"sport = :{port}"], stdout=subprocess.PIPE, text=True, check=False
    ).stdout
    busy = queued = 0
    for line in shown.splitlines():
        words = line.split()
        if words[0] == "LISTEN":
            queued += int(words[1])
        elif "ino:" in line and " ino:0 " not in line + " ":
            busy += 1
    return busy, queued


def unanswered(port):
    """Return how many connections received something after they sent the last time, to the kernel's tick."""
    shown = subprocess.run(
        ["ss", "-HtinO", "state", "established", f"sport = :{port}"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    ).stdout
    found = 0
    for line in shown.splitlines():
        since = dict(word.split(":", 1) for word in line.split() if word.startswith(("lastsnd:", "lastrcv:")))
        found += int(since.get("lastrcv", 0)) < int(since.get("lastsnd", 0))  # ss leaves out what is 0
    return found


def own_seconds(consoles):
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used) + sum(one.seconds() for one in consoles)


def pools(console, database):
    rows = console.rows("SHOW POOLS;")
    if rows is None:
        return None
    names = ("cl_active", "cl_waiting", "sv_active", "sv_idle", "sv_used", "maxwait")
    return {name: sum(int(row[name]) for row in rows if row["database"] == database) for name in names}


def changes(before, after, seconds):
    return {name: (value - before[name]) / seconds for name, value in after.items() if name in before}


def main():
    wanted = json.loads(sys.stdin.buffer.readline())
    ends = time.monotonic() + wanted["seconds"]
    postgresql, pgbouncer, odoo = (wanted.get(name) for name in ("postgresql", "pgbouncer", "odoo"))
    services = {name: cgroup_of(unit) for name, unit in wanted["units"].items()}
    server = postgresql and Console("postgres", "-h", "/var/run/postgresql", "-p", str(postgresql["port"]))
    owner = pgbouncer and pathlib.Path(f"{pgbouncer['folder']}/.s.PGSQL.{pgbouncer['port']}").owner()
    pooler = pgbouncer and Console(
        owner, "-h", pgbouncer["folder"], "-p", str(pgbouncer["port"]), "-U", "pgbouncer", "-d", "pgbouncer"
    )
    consoles = [one for one in (server, pooler) if one]
    identity = [_numbers("/proc/stat")["btime"], _numbers("/proc/meminfo")["MemTotal"], os.uname().release]

    def counters():
        totals = server.rows(TOTALS) if server else None
        return {
            "at": time.monotonic(),
            "machine": machine_counters(),
            "services": {
                name: value
                for name, found in services.items()
                if (value := service_seconds(found)) is not None
            },
            "own": own_seconds(consoles),
            "database": {name: float(value) for name, value in totals[0].items()} if totals else {},
        }

    before, due = counters(), time.monotonic()
    while time.monotonic() < ends:
        seen = []
        for _ in range(LOOKS):
            due += 1 / LOOKS
            if select.select([sys.stdin], [], [], max(0, due - time.monotonic()))[0]:
                return
            if odoo:
                seen.append(sockets(odoo["port"], odoo["calls"]))
        after = counters()
        seconds = after["at"] - before["at"]
        activity = server.rows(ACTIVITY) if server else None
        stat, cpus = _numbers("/proc/stat"), os.cpu_count()
        rates = changes(before["machine"], after["machine"], seconds)
        reading = {
            "identity": identity,
            "cpus": cpus,
            "cpu": {name: rates[name] for name in ("work", "interrupts", "idle", "iowait", "steal")},
            "running": stat["procs_running"],
            "memory_available": _numbers("/proc/meminfo")["MemAvailable"] * 1024,
            "disk": max((value for name, value in rates.items() if name.startswith("disk ")), default=None),
            "pressure": {kind: rates.get(f"pressure {kind}") for kind in ("cpu", "io")},
            "services": changes(before["services"], after["services"], seconds),
            "own": (after["own"] - before["own"]) / seconds,
            "workers_busy": sum(busy for busy, _ in seen) / LOOKS if seen else None,
            "queued": max(queued for _, queued in seen) if seen else None,
            "pool": pools(pooler, pgbouncer["database"]) if pooler else None,
            "activity": {name: float(value or 0) for name, value in activity[0].items()}
            if activity
            else None,
            "database": changes(before["database"], after["database"], seconds),
        }
        print(json.dumps(reading), flush=True)
        before = after


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        os._exit(0)
