"""Runs as root on a test host: prints what deploying has made of it, as JSON. Standard library only."""

import grp
import hashlib
import json
import pwd
import re
import subprocess
import sys
from pathlib import Path

# Different on every host by nature: only kind, mode and owner are compared.
OWN_CONTENT = re.compile(
    r"/etc/(machine-id|hostname|hosts|resolv\.conf|ld\.so\.cache|(passwd|group|shadow|gshadow|subuid|subgid)-?)$"
    r"|/etc/ssh/ssh_host_|/etc/ssl/(private|certs)/|/etc/odoo/jwt/|/etc/tillstack/|/etc/pgbouncer/userlist"
)
# Lines that hold a secret of the estate or a hash with a salt of the host's own; the host's address.
OWN_LINES = re.compile(rb"(?m)^(admin_passwd|db_password)\s*=.*$")
OWN_ADDRESS = subprocess.run(["hostname", "-I"], check=True, stdout=subprocess.PIPE).stdout.split()[0]
# Files that are named after what is in them: only their number is compared.
OWN_FILE_NAME = re.compile(r"/etc/odoo/jwt/[^/]+\.pem$")
# One digest for the whole folder: what is in it came in one piece.
FOLDED = re.compile(r"/opt/odoo/(src|venvs)/[^/]+$")
# Compiled code, stamps, and links that are named after the hash of the certificate beside them.
IGNORED = re.compile(r"/__pycache__$|\.pyc$|/etc/\.pwd\.lock$|/etc/\.updated$|/ssl/certs/[0-9a-f]{8}\.\d$")


def run(*command):
    """Return what a command printed."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def content(path):
    """Return the digest of a file without what is the host's own."""
    if OWN_CONTENT.search(str(path)):
        return "own"
    text = OWN_LINES.sub(b"", path.read_bytes()).replace(OWN_ADDRESS, b"<address>")
    return hashlib.sha256(text).hexdigest()


def describe(path):
    """Return kind, mode, owner and content of one entry of a folder."""
    owner = f"{path.owner()}:{path.group()}"
    mode = f"{path.stat().st_mode:o} {owner}"
    if path.is_dir():
        return f"{mode} folder"
    return f"{mode} {content(path)}" if path.is_file() else mode


def entries(top):
    """Return every entry below a folder, by path."""
    found = {}
    for path in sorted(top.iterdir()):
        name = str(path)
        if IGNORED.search(name):
            continue
        if path.is_symlink():
            found[name] = f"link {path.readlink()}"
            continue
        found[name] = describe(path)
        if path.is_dir():
            below = entries(path)
            if FOLDED.match(name):
                found[name] += " " + hashlib.sha256(json.dumps(below, sort_keys=True).encode()).hexdigest()
            else:
                found.update(below)
    return found


def tree():
    """Return every entry of the folders that deploying writes to, by path."""
    found = {**entries(Path("/etc")), **entries(Path("/opt"))}
    for number, path in enumerate(sorted(filter(OWN_FILE_NAME.match, found)), start=1):
        found[f"{Path(path).parent}/file {number}"] = found.pop(path)
    return found


def query(database, statement):
    """Return the rows that PostgreSQL answers, one text each."""
    return run("runuser", "-u", "postgres", "--", "psql", "-XAtd", database, "-c", statement).splitlines()


def databases():
    """Return what PostgreSQL holds, or None where it is not installed."""
    if not Path("/usr/bin/psql").exists():
        return None
    names = query("postgres", "select datname from pg_database where datallowconn order by 1")
    facts = {
        "settings": query(
            "postgres",
            "select name, setting from pg_settings"
            " where source not in ('default', 'override', 'client', 'session') order by 1",
        ),
        "roles": query(
            "postgres",
            "select rolname, rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,"
            " rolconnlimit, rolvaliduntil, left(rolpassword, 13)"
            " from pg_authid where rolname !~ '^pg_' order by 1",
        ),
        "settings of roles": query(
            "postgres",
            "select datname, rolname, setconfig from pg_db_role_setting"
            " left join pg_database d on d.oid = setdatabase"
            " left join pg_roles r on r.oid = setrole order by 1, 2",
        ),
        "databases": query(
            "postgres", "select datname, pg_get_userbyid(datdba), datacl from pg_database order by 1"
        ),
    }
    for name in names:
        facts[f"extensions of {name}"] = query(
            name, "select extname, extversion from pg_extension order by 1"
        )
        if query(name, "select to_regclass('ir_module_module')") != [""]:
            facts[f"modules of {name}"] = query(
                name, "select name, latest_version from ir_module_module where state = 'installed' order by 1"
            )
    return facts


def main():
    """Print the fingerprint."""
    services = run(
        "systemctl", "list-units", "--type=service", "--all", "--plain", "--no-legend", "--no-pager"
    )
    enabled = run("systemctl", "list-unit-files", "--state=enabled", "--plain", "--no-legend", "--no-pager")
    states = (line.split() for line in services.splitlines())
    found = {
        "packages": run("dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Abbrev}\n").splitlines(),
        "users": sorted([u.pw_name, u.pw_dir, u.pw_shell] for u in pwd.getpwall()),
        "groups": sorted([g.gr_name, *sorted(g.gr_mem)] for g in grp.getgrall()),
        "enabled": [line.split()[0] for line in enabled.splitlines()],
        "running": sorted(
            s[0] for s in states if s[3] in ("running", "failed") and not s[0].startswith("user@")
        ),
        "files": tree(),
        "postgresql": databases(),
    }
    json.dump(found, sys.stdout)


main()
