"""What verify measures is what other tools measure: wrk over HTTPS, and PostgreSQL's own pgbench."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import pytest

from tests.harness.selling import site_of
from tests.harness.stack import Target, wait_until_it_serves
from verify.clients.api import BASE
from verify.clients.pool import open_pool
from verify.clients.standing_login import sign
from verify.clients.web import Site
from verify.estate.described import describe, read_groups
from verify.estate.machines import Machine, Machines
from verify.measure.closed_loop import timed
from verify.measure.on_host import as_odoo
from verify.measure.open_loop import Answer, Bounds, Call, OpenLoop, constant

pytestmark = pytest.mark.hosts

# The answer is small, and the server takes this long for it without computing: it is the server that both
# clients see, and what else the machine does makes it hardly slower.
SECONDS_SLOW = 0.02
SLOWLY = f"""
addon=$(readlink -f /opt/odoo/addons)/pos_api
sed -i 's/^def get_sales_report(call):$/&\\n    call.env.cr.execute("SELECT pg_sleep({SECONDS_SLOW})")/' \\
  "$addon/operations/sales_report.py"
grep -q pg_sleep "$addon/operations/sales_report.py"
systemctl restart odoo odoo-api
"""
PATH = f"{BASE}/reports/sales?date_from={date.today() - timedelta(1)}&date_to={date.today()}"
ROUNDS, CALLS, SECONDS = 15, 30, 1
AGREE = 0.10
PAUSE_MS = 30
LAG_MS = 3
STATEMENT = "SELECT pg_sleep(0.005)"
PGBENCH = r"""
setting() {{ sed -n "s/^db_$1 *= *//p" /etc/odoo/odoo.conf; }}
export PGPASSWORD=$(setting password)
cd $(mktemp -d)
echo '{statement};' > statement.sql
/usr/lib/postgresql/14/bin/pgbench -n -f statement.sql -c 1 -T {seconds} -l --log-prefix=times \
  -h "$(setting host)" -p "$(setting port)" -U "$(setting user)" "$(setting name)" >/dev/null
cat times.*
"""


class SalesReport:
    """One call, again and again, as the open-loop driver draws it."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers

    def draw(self) -> Call:
        """Return the call."""
        return Call("getSalesReport", "report", "GET", PATH, self.headers)

    def learn(self, call: Call, answer: Answer) -> str:
        """Return what is wrong with an answer."""
        return "" if answer.status == 200 else f"status {answer.status}"

    def lose(self, call: Call) -> None:
        """Nothing is made, so nothing is lost."""

    def take_back(self, call: Call) -> None:
        """Nothing was taken."""


@pytest.fixture
def machine(
    clone_of: Callable[[str], Target], request: pytest.FixtureRequest
) -> Iterator[tuple[Machine, Site]]:
    """A deployed host whose report of sales waits for the database, reached as verify reaches it."""
    target = clone_of("wrk" if "wrk" in request.node.name else "pgbench")
    target.shell(SLOWLY)
    wait_until_it_serves(target)
    inventories = [str(target.inventory)]
    machines = Machines(describe(inventories, read_groups(inventories)))
    found = machines.get(target.host)
    yield found, site_of(target, machines.estate.host(target.host))
    machines.close()


def by_wrk(site: Site, script: Path) -> float:
    """Return wrk's median of one client, in milliseconds."""
    url = f"https://{site.address}:{site.https_port}{PATH}"
    command = ["wrk", "-t1", "-c1", f"-d{SECONDS}", "--latency", "-s", str(script), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    found = re.search(r"50%\s+([\d.]+)(us|ms|s)", said)
    assert found, said
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


def agrees(ours: list[float], theirs: list[float]) -> None:
    """Compare what was measured in turns, round by round: the machine is not as fast in one as in another.

    Args:
        ours: Milliseconds that verify's client measured, one for each round.
        theirs: Milliseconds that the other client measured just before.

    Raises:
        AssertionError: The median of the ratios is further from 1 than `AGREE`.
    """
    ratio = median(our / their for our, their in zip(ours, theirs, strict=True))
    print(f"ours {median(ours):.3f} ms, theirs {median(theirs):.3f} ms, ratio {ratio:.3f}")
    assert abs(ratio - 1) <= AGREE, (ours, theirs)


def test_https_as_wrk_sees_it(machine: tuple[Machine, Site], tmp_path: Path) -> None:
    host, site = machine
    token = sign(host, host, "pos")["access_token"]
    # wrk unpacks nothing, so nobody gets anything packed.
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    script = tmp_path / "headers.lua"  # not on the command line, which all users see
    script.touch(0o600)
    script.write_text(
        "".join(f'wrk.headers["{name}"] = "{value}"\n' for name, value in headers.items())
        + f'wrk.headers["Host"] = "{site.host_header}"\n'
    )
    slow = tmp_path / "slow.lua"
    slow.touch(0o600)
    slow.write_text(f"{script.read_text()}function delay() return {PAUSE_MS} end\n")
    busy, closed, paused, opened, lags = [], [], [], [], []
    with open_pool(site, 1) as pool, OpenLoop(site, Bounds(in_flight=10, answer_seconds=10)) as driver:

        def ask() -> str:
            answer = pool.urlopen("GET", PATH, headers={**pool.headers, **headers})
            return "" if answer.status == 200 else f"status {answer.status}"

        for _ in range(ROUNDS):
            busy.append(by_wrk(site, script))
            one = timed([[ask] * CALLS])
            assert not one.errors, one.errors[:1]
            closed.append(median(one.milliseconds))
            paused.append(by_wrk(site, slow))
            rate = 1000 / (PAUSE_MS + paused[-1])
            driven = driver.run(SalesReport(headers), constant(rate, SECONDS), SECONDS)
            assert not any(sample.failure for sample in driven.samples)
            opened.append(median((one.finished - one.sent) * 1000 for one in driven.samples))
            lags.append(median((one.sent - one.intended) * 1000 for one in driven.samples))
    agrees(closed, busy)
    # A server that rests between two calls answers the next one more slowly: wrk has to rest as well.
    agrees(opened, paused)
    # Verify counts from the time at which a call was due, which wrk does not know.
    assert median(lags) < LAG_MS, lags


def test_statements_as_pgbench_sees_them(machine: tuple[Machine, Site]) -> None:
    host, _ = machine
    pgbench, ours = [], []
    wanted = {"statements": {"one": STATEMENT}, "rounds": 1, "clients": 1, "repeats": 200, "rate": None}
    for _ in range(ROUNDS):
        said = host.shell.output("bash -c %s", PGBENCH.format(statement=STATEMENT, seconds=1))
        pgbench.append(median(float(line.split()[2]) / 1000 for line in said.splitlines()))
        (found,) = as_odoo(host, "database_client", wanted)["one"]
        ours.append(median(found["milliseconds"]))
    agrees(ours, pgbench)
