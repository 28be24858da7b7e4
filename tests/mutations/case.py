"""What a mutation is: one fault on a host, and the checks of verify that must say so."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

# What every script may use. A change that changes nothing is an error: its case would prove nothing.
PRELUDE = """
SAVED=/root/mutation
SITE=/etc/nginx/sites-available/odoo.conf
POOLER=/etc/pgbouncer/pgbouncer.ini
ODOO=/etc/odoo/odoo.conf
ADDON=/opt/odoo/addons/pos_api
TLS=/etc/tillstack/tls
# A file that several mutations change is kept once, and put back once, whole.
keep() { [ -e "$SAVED$1" ] || { mkdir -p "$SAVED${1%/*}"; cp -a "$1" "$SAVED$1"; }; }
put_back() { if [ -e "$SAVED$1" ]; then cp -a "$SAVED$1" "$1"; rm "$SAVED$1"; fi; }
change() {
  keep "$1"
  before=$(sha256sum <"$1")
  sed -i -E "$2" "$1"
  if [ "$before" = "$(sha256sum <"$1")" ]; then echo "$1: unchanged by $2" >&2; return 1; fi
}
sql() {
  (cd / && runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -h /var/run/postgresql -d pos -c "$1")
}
reload_postgresql() { systemctl reload postgresql@14-main; }
reload_nginx() { nginx -t 2>/dev/null; systemctl reload nginx; }
reload_pooler() { systemctl reload pgbouncer; }
option() { sed -nE "s/^$1 *= *//p" $ODOO; }
# After a restart of PostgreSQL the pooler may refuse the first connection that is new.
connects() {
  PGPASSWORD=$(option db_password) psql -XAtqc 'SELECT 1' -h "$(option db_host)" -p "$(option db_port)" \
    -U "$(option db_user)" "$(option db_name)" >/dev/null 2>&1
}
venv() { (cd / && runuser -u odoo -- /opt/odoo/venv/bin/python3 "$@"); }
ready() {
  name=$(sed -nE 's/^ *server_name ([^ ;]+).*/\\1/p' $SITE | tail -1)
  answers() { curl -skf --max-time 5 -o /dev/null -H "Host: $name" "https://127.0.0.1/$1"; }
  for _ in $(seq 240); do
    if answers api/v1/health && answers web/login && connects; then return 0; fi
    sleep 0.25
  done
  echo 'Odoo and the API are not back' >&2; return 1
}
restart_odoo() { systemctl restart odoo odoo-api; ready; }
"""


@dataclass(frozen=True)
class Mutation:
    """A fault, and who must notice it.

    Args:
        name: of the case, ``mutation-...``.
        subject: what it is about; a rotating choice covers different ones.
        section: the section of verify that must notice it; it is run whole, together with ``services``.
        expected: id of each check that must fail, from its section on and without its host, and a text that
            its reason must hold. Usually one; `why` says why there are more.
        apply: root shell script that breaks the host; it may use `PRELUDE`.
        undo: the script that mends it.
        restarts: "odoo" where both scripts leave the restart of Odoo to the runner; several share one then.
        alone: whether it disturbs what others are about, so that it is never tried together with one.
        clash: what it changes that others change too: only one of them is tried at a time.
        select: expression of pytest's ``-k``, for a section that takes minutes; it is tried alone then.
        why: why more than one check must fail, or it is tried alone.
    """

    name: str
    subject: str
    section: str
    expected: Mapping[str, str] = field(hash=False)
    apply: str
    undo: str
    restarts: str = ""
    alone: bool = False
    clash: str = ""
    select: str = ""
    why: str = ""


def on_odoo(
    name: str,
    expected: Mapping[str, str],
    path: str,
    pattern: str,
    *,
    section: str = "security",
    clash: str = "",
    select: str = "",
    why: str = "",
) -> Mutation:
    """Return a mutation of a file that Odoo reads at its start.

    Args:
        name: of the case.
        expected: as in `Mutation`.
        path: the file.
        pattern: script of sed (extended expressions) that changes it.
        section, clash, select, why: as in `Mutation`.
    """
    return Mutation(
        name,
        "odoo.conf" if path == "$ODOO" else next(iter(expected)).partition("::")[0],
        section,
        expected,
        f"change {path} {shlex.quote(pattern)}",
        f"put_back {path}",
        restarts="odoo",
        clash=clash,
        alone=bool(select),
        select=select,
        why=why,
    )
