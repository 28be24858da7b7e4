"""What must hold before any check can be judged; where it does not, the run ends at once with status 2."""

import ssl
from dataclasses import dataclass
from typing import Literal, NoReturn

import pytest

from verify.clients.api import BASE
from verify.clients.database import superuser_rows
from verify.clients.tls import trusting_handshake
from verify.clients.web import Client, Site
from verify.estate.described import Estate, UnreachableError
from verify.estate.machines import Machines
from verify.estate.shell import CommandError
from verify.measure.thresholds import ThresholdError, read_thresholds

EXIT_COULD_NOT_RUN = 2
FLAG = "tillstack.verify_writes"


@dataclass(frozen=True)
class Mode:
    """What a run may do.

    Args:
        name: whether it may change data.
        cap: requests per second that it does not go above; None when it may write.
    """

    name: Literal["read-only", "writing"]
    cap: float | None


def cannot_run(reason: str) -> NoReturn:
    """End the run: nothing can be judged."""
    pytest.exit(f"could not run: {reason}", EXIT_COULD_NOT_RUN)


def check(machines: Machines) -> None:
    """End the run where no host answers, or a threshold can't be understood."""
    estate = machines.estate
    unreachable = dict(estate.unreachable)
    for name in estate.hosts:
        try:
            machines.get(name)
        except UnreachableError as error:
            unreachable[name] = str(error)
    if unreachable and len(unreachable) == len(estate.hosts.keys() | unreachable.keys()):
        reasons = "; ".join(f"{name}: {reason}" for name, reason in sorted(unreachable.items()))
        cannot_run(f"no host of the inventory answers: {reasons}")
    try:
        read_thresholds(estate.variable("verify_thresholds"))
    except ThresholdError as error:
        cannot_run(str(error))


def decide(machines: Machines, *, read_only: bool) -> Mode:
    """Return whether this run may change data: the inventory and the database itself must both say so.

    Args:
        machines: the estate.
        read_only: the operator asked for no changes.
    """
    estate = machines.estate
    cap = float(estate.variable("verify_read_only_rate") or 0) or None
    if read_only or estate.variable("verify_writes") is not True or not _flagged(machines, estate):
        return Mode("read-only", cap)
    return Mode("writing", None)


def _flagged(machines: Machines, estate: Estate) -> bool:
    """Return whether the database carries the flag that the role verify sets."""
    database = estate.variable("odoo_database")
    query = f"SELECT value FROM ir_config_parameter WHERE key = '{FLAG}'"
    try:
        for machine in machines.of_group("postgresql"):
            rows = superuser_rows(machine, query, database)
            if [row["value"] for row in rows] == ["allowed"]:
                return True
    except (CommandError, UnreachableError):
        return False  # the checks will say what is wrong there
    return False


def check_certificate(site: Site) -> None:
    """End the run where no client would trust the web server: nothing behind it can be judged over HTTPS.

    A server that does not answer at all is a finding of the checks, not of this.
    """
    try:
        trusting_handshake(site)
    except ssl.SSLCertVerificationError as error:
        cannot_run(
            f"the certificate of {site.name} ({site.address}:{site.https_port}) is not trusted:"
            f" {error.verify_message}. See nginx_tls_mode; renew it or give its authority by --ca-file,"
            " or run what does without it: --section configuration"
        )
    except OSError:
        return


def check_administrator(site: Site, credentials: tuple[str, str]) -> None:
    """End the run where the administrator's password is not the inventory's."""
    login, password = credentials
    with Client(site) as client:
        answer = client.post(f"{BASE}/auth/tokens", json={"login": login, "password": password})
        if answer.status_code == 401:
            cannot_run(
                f"user {login} is refused at {site.origin} with the inventory's odoo_admin_password:"
                " put the present password there"
            )
        if answer.status_code == 200:
            token = answer.json()["access_token"]
            client.delete(f"{BASE}/auth/tokens/current", headers={"Authorization": f"Bearer {token}"})
