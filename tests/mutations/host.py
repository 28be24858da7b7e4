"""Faults of files, units, processes, ports and packages."""

from __future__ import annotations

from tests.mutations.case import Mutation

FILES = "security/test_files.py"
UNITS = "configuration/test_units.py"
LOOSE = "/etc/systemd/system/odoo.service.d/mutation.conf"
API_UNIT = "/etc/systemd/system/odoo-api.service"
PID = "/run/mutation.pid"


def _mode(name: str, check: str, text: str, path: str, change: str, back: str) -> Mutation:
    apply, undo = f"chmod {change} {path}", f"chmod {back} {path}"
    return Mutation(name, "files", "security", {check: text}, apply, undo)


def _drop_in(*lines: str) -> str:
    return f"mkdir -p {LOOSE.rpartition('/')[0]}; printf '%s\\n' {' '.join(map(repr, lines))} >{LOOSE}"


CASES = (
    _mode(
        "mutation-filestore-open",
        f"{FILES}::test_closed_files[filestore]",
        "/var/lib/odoo",
        "/var/lib/odoo",
        "o+rx",
        "o-rx",
    ),
    _mode(
        "mutation-authority-key-readable",
        f"{FILES}::test_closed_files[keys of the own authority]",
        "ca.key",
        "/etc/tillstack/tls/ca.key",
        "o+r",
        "o-r",
    ),
    _mode(
        "mutation-web-log-readable",
        f"{FILES}::test_closed_files[logs of the web server]",
        "odoo.access.log",
        "/var/log/nginx/odoo.access.log",
        "o+r",
        "o-r",
    ),
    _mode(
        "mutation-signing-key-readable",
        "security/test_odoo.py::test_signing_keys_are_closed",
        "/etc/odoo/jwt/",
        "/etc/odoo/jwt/*.pem",
        "o+r",
        "o-r",
    ),
    _mode(
        "mutation-pooler-users-readable",
        "security/test_pgbouncer.py::test_file_modes",
        "userlist.txt",
        "/etc/pgbouncer/userlist.txt",
        "o+r",
        "o-r",
    ),
    _mode(
        "mutation-web-key-readable-by-group",
        "security/test_nginx.py::test_private_keys_are_closed",
        "server.key",
        "/etc/tillstack/tls/server.key",
        "g+r",
        "g-r",
    ),
    _mode(
        "mutation-log-readable",
        f"{FILES}::test_closed_files[log of PostgreSQL]",
        "postgresql-14-main.log",
        "/var/log/postgresql/postgresql-14-main.log",
        "o+r",
        "o-r",
    ),
    _mode(
        "mutation-unit-writable",
        f"{FILES}::test_nobody_writes_what_runs",
        "odoo.service",
        "/etc/systemd/system/odoo.service",
        "o+w",
        "o-w",
    ),
    Mutation(
        "mutation-program-belongs-to-its-user",
        "files",
        "security",
        {f"{FILES}::test_odoo_cannot_change_its_program": "/opt/odoo/bin/odoo"},
        "chown odoo /opt/odoo/bin/odoo",
        "chown root /opt/odoo/bin/odoo",
    ),
    Mutation(
        "mutation-unit-loosened",
        "units",
        "security",
        {"security/test_processes.py::test_units_are_confined[odoo]": "systemctl cat odoo.service"},
        _drop_in("[Service]", "ProtectSystem=no", "ProtectHome=no", "PrivateDevices=no", "NoNewPrivileges=no")
        + "; systemctl daemon-reload",
        f"rm {LOOSE}; systemctl daemon-reload",
    ),
    Mutation(
        "mutation-unit-not-read",
        "units",
        "configuration",
        {f"{UNITS}::test_units_are_loaded_as_written[odoo]": "daemon-reload"},
        _drop_in("[Unit]", "Description=mutation"),
        f"rm {LOOSE}; systemctl daemon-reload",
        clash="unit",
    ),
    Mutation(
        "mutation-file-limit-not-in-effect",
        "units",
        "configuration",
        {f"{UNITS}::test_file_limits[odoo]": "LimitNOFILE=1024"},
        _drop_in("[Service]", "LimitNOFILE=1024") + "; systemctl daemon-reload",
        f"rm {LOOSE}; systemctl daemon-reload",
        clash="unit",
    ),
    Mutation(
        "mutation-unit-disabled",
        "units",
        "configuration",
        {f"{UNITS}::test_units_come_back[nginx]": "systemctl enable nginx"},
        "systemctl disable nginx 2>/dev/null",
        "systemctl enable nginx 2>/dev/null",
        clash="unit",
    ),
    Mutation(
        "mutation-api-server-stopped",
        "units",
        "configuration",
        {
            f"{UNITS}::test_file_limits[odoo-api]": "does not run",
            "configuration/test_api_server.py::*": "odoo-api",
            "services/test_api_server.py::*": "",
            "services/test_api.py::*": "",
        },
        "systemctl stop odoo-api",
        "systemctl start odoo-api; ready",
        alone=True,
        why="every call of the API goes to it, and whatever looks at its processes finds none",
    ),
    Mutation(
        "mutation-api-server-not-restarted",
        "units",
        "configuration",
        {"configuration/test_api_server.py::test_started_with_the_present_files": "restart odoo-api"},
        "keep /opt/odoo/bin/odoo-python; echo '# changed' >>/opt/odoo/bin/odoo-python",
        "put_back /opt/odoo/bin/odoo-python",
    ),
    Mutation(
        "mutation-api-server-of-another-size",
        "units",
        "configuration",
        {
            "configuration/test_api_server.py::test_sizes": "pos_api_workers",
            "services/test_api_server.py::test_workers": "wanted pos_api_workers",
        },
        f"change {API_UNIT} 's/--workers [0-9]+/--workers 1/'; systemctl daemon-reload",
        f"put_back {API_UNIT}; systemctl daemon-reload",
        restarts="odoo",
        why="it was told another number, and so many workers run",
    ),
    Mutation(
        "mutation-api-worker-not-replaced",
        "units",
        "services",
        {"services/test_api_server.py::test_a_killed_worker_comes_back": ""},
        "change $ADDON/serve.py 's/respawn_failed_workers=True/respawn_failed_workers=False/'",
        "put_back $ADDON/serve.py",
        restarts="odoo",
        alone=True,
        select="killed_worker",
        why="the server ends with its worker, and whoever asks meanwhile has no answer",
    ),
    Mutation(
        "mutation-open-port",
        "ports",
        "security",
        {"security/test_exposure.py::test_what_listens": "port 9999"},
        f"""
setsid -f bash -c 'echo $$ >{PID}.port; exec python3 -m http.server --directory /var/empty 9999' \\
  >/dev/null 2>&1 </dev/null
for _ in $(seq 100); do [ -z "$(ss -tlnH sport = 9999)" ] || break; sleep 0.1; done
""",
        f"kill $(cat {PID}.port); rm {PID}.port",
    ),
    Mutation(
        "mutation-database-open-to-all",
        "ports",
        "security",
        {
            "security/test_postgresql.py::test_exposure": "",
            "security/test_exposure.py::test_what_listens": "port 5432",
            "security/test_exposure.py::test_what_can_be_reached": "postgresql_port 5432",
        },
        "sql \"ALTER SYSTEM SET listen_addresses = '*'\"; systemctl restart postgresql@14-main; ready",
        'sql "ALTER SYSTEM RESET listen_addresses"; systemctl restart postgresql@14-main; ready',
        alone=True,
        why="it is told otherwise, it listens, and it is reached; and PostgreSQL restarts",
    ),
    Mutation(
        "mutation-secret-on-a-command-line",
        "secrets",
        "security",
        {"security/test_processes.py::test_command_lines": "command lines"},
        f"""
password=$(sed -nE 's/^db_password = //p' $ODOO)
setsid -f bash -c 'echo $$ >{PID}.secret; exec -a "job --password=$0" sleep 3600' "$password" \\
  >/dev/null 2>&1 </dev/null
""",
        f"kill $(cat {PID}.secret); rm {PID}.secret",
    ),
    Mutation(
        "mutation-secret-in-a-log",
        "secrets",
        "security",
        {"security/test_processes.py::test_logs": "secrets are in logs"},
        "sed -nE 's/^db_password = /connecting with /p' $ODOO >/var/log/nginx/mutation.log",
        "rm /var/log/nginx/mutation.log",
    ),
    Mutation(
        "mutation-old-debian-package",
        "versions",
        "security",
        {"security/test_versions.py::test_debian_packages": "nginx 1.22.1-9+deb12u1 <"},
        "change /var/lib/dpkg/status '/^Package: nginx$/,/^$/s/^Version: .*/Version: 1.22.1-9+deb12u1/'",
        "put_back /var/lib/dpkg/status",
    ),
    Mutation(
        "mutation-old-python-package",
        "versions",
        "security",
        {"security/test_versions.py::test_python_packages": "werkzeug"},
        "change /opt/odoo/venv/lib/python3.11/site-packages/Werkzeug-2.0.3.dist-info/METADATA"
        " 's/^Version: .*/Version: 2.0.1/'",
        "put_back /opt/odoo/venv/lib/python3.11/site-packages/Werkzeug-2.0.3.dist-info/METADATA",
    ),
)
