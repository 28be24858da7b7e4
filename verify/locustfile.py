"""Locust's page over verify's virtual cashiers, for those who want to watch and turn the dial themselves.

    locust --locustfile verify/locustfile.py --inventory inventory/mine --users 20 --spawn-rate 2

The calls are those of `verify.shop.cashiers`, the estate is the inventory's, and must be one that verify may
write in. No verdict comes from here: Locust's users wait for their answers (a closed loop), so an estate that
stalls is asked less; ``pytest verify --section load`` judges.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locust import User, constant_throughput, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from verify import preflight
from verify.clients.odoo_rpc import OdooSession, log_in
from verify.clients.web import Client, Site, site_of
from verify.estate.described import describe, read_groups
from verify.estate.machines import Machine, Machines
from verify.measure.open_loop import Answer
from verify.shop.cashiers import Cashiers
from verify.shop.ledger import Ledger
from verify.shop.people import dismiss, gather

OWN_CA = "/etc/tillstack/ca.pem"


@dataclass(frozen=True)
class Shop:
    """The open shop; all users share it, and none of them waits while it draws or learns."""

    site: Site
    odoo: OdooSession
    series: str
    cashiers: Cashiers


SHOPS: list[Shop] = []


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    """Add what verify needs to know."""
    parser.add_argument(
        "--inventory",
        action="append",
        env_var="TILLSTACK_INVENTORY",
        help="Ansible inventory of the estate; may be given more than once",
    )


@events.test_start.add_listener
def open_shop(environment: Environment, **_: Any) -> None:
    """Make verify's users and open their tills.

    Raises:
        SystemExit: no inventory, or verify may not write in its estate.
    """
    inventories = environment.parsed_options.inventory or []
    if not inventories:
        raise SystemExit("say which estate to load: --inventory inventory/mine")
    machines = Machines(describe(inventories, read_groups(inventories)))
    if preflight.decide(machines, read_only=False).name != "writing":
        raise SystemExit("verify may not write here: see verify_writes in the documentation")
    estate = machines.estate
    site = _site(machines.of_group("nginx")[0])
    database, series = (str(estate.variable(name)) for name in ("odoo_database", "odoo_series"))
    odoo = log_in(site, database, "admin", str(estate.variable("odoo_admin_password")))
    machines.close()
    people = gather(odoo, site, series, Ledger())
    cashiers = Cashiers(people, seed=int(time.time()))
    cashiers.prepare()
    SHOPS.append(Shop(site, odoo, series, cashiers))


@events.test_stop.add_listener
def close_shop(**_: Any) -> None:
    """Put everything away again."""
    while SHOPS:
        shop = SHOPS.pop()
        shop.cashiers.tidy()
        dismiss(shop.odoo, shop.series)


def _site(machine: Machine) -> Site:
    variables = machine.variables
    authority = None
    if variables["nginx_tls_mode"] == "own_ca":
        authority = Path(tempfile.mkdtemp(prefix="tillstack-"), "ca.pem")
        authority.write_text(machine.shell.text(OWN_CA) + "\n")
    return site_of(machine.address, variables, authority)


class Till(User):
    """A till that makes one call a second, or as many as the estate lets it."""

    wait_time = constant_throughput(1)

    def on_start(self) -> None:
        """Connect."""
        self.client = Client(SHOPS[0].site)

    @task
    def next_call(self) -> None:
        """Make the next call of the shop."""
        cashiers = SHOPS[0].cashiers
        call = cashiers.draw()
        began, length = time.perf_counter(), 0
        failure: Exception | None = None
        try:
            response = self.client.request(call.method, call.path, data=call.body, headers=call.headers)
        except OSError as error:  # as requests' own exceptions are
            cashiers.lose(call)
            failure = error
        else:
            length = len(response.content)
            answer = Answer(response.status_code, response.content, response.headers.get("ETag", ""))
            if said := cashiers.learn(call, answer):
                failure = RuntimeError(said)
        events.request.fire(
            request_type=call.method,
            name=call.operation,
            response_time=(time.perf_counter() - began) * 1000,
            response_length=length,
            exception=failure,
            context={},
        )
