"""The limit of logins while the tills are at work."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from verify.clients.api import BASE
from verify.clients.web import Client, Site
from verify.estate.machines import Machine
from verify.measure.knee import judged
from verify.reporting.document import Evidence
from verify.sections.load.bench import Bench
from verify.shop.people import People

CONCERN = "Load"

pytestmark = [pytest.mark.writes, pytest.mark.explained_by("nginx", "odoo")]

SECONDS = 5.0
MORE = 10  # logins than a burst may have
# A login without a password is refused before anybody's account is looked at.
LOGINS = """
import http.client, json, ssl, sys
port, host, path, count = sys.argv[1:]
context = ssl._create_unverified_context()
answers = []
for _ in range(int(count)):
    client = http.client.HTTPSConnection("127.0.0.1", int(port), context=context, timeout=30)
    headers = {"Host": host, "Content-Type": "application/json"}
    client.request("POST", path, json.dumps({"login": "tillstack-verify"}), headers)
    answer = client.getresponse()
    answers.append([answer.status, answer.headers.get("Retry-After", "")])
    client.close()
print(json.dumps(answers))
"""


def test_login_burst(
    site: Site,
    nginx_host: Machine,
    people: People,
    bench: Bench,
    keep: Callable[[Evidence], None],
    measure: Callable[..., None],
) -> None:
    """A burst of API logins from one address is refused with 429; calls and logins from elsewhere are not.

    The burst is sent by the web server's host itself, so that the controller's own limit is not used up.
    """
    bench.settle()
    count = int(nginx_host.variables["nginx_login_burst"]) + MORE
    with ThreadPoolExecutor(1) as threads, Client(site) as client:
        bursting = threads.submit(
            nginx_host.shell.output,
            "/usr/bin/python3 -c %s %s %s %s %s",
            LOGINS,
            str(site.https_port),
            site.host_header,
            f"{BASE}/auth/tokens",
            str(count),
        )
        step = judged(
            bench.plan.base_rate, bench.at_rate(bench.plan.base_rate, SECONDS), bench.plan.objectives
        )
        answers = json.loads(bursting.result())
        refused = [wait for status, wait in answers if status == 429]
        keep(bench.load_run("login burst", [step]))
        measure("logins sent", count)
        measure("logins refused", len(refused))
        assert refused, f"{count} logins in a row were all let through: see nginx_login_rate"
        assert all(wait.isdigit() and int(wait) > 0 for wait in refused), "429 without Retry-After"
        assert step.held, f"calls suffered from the burst of logins: {step.reason}"
        if not nginx_host.connection.local:
            credentials = {"login": people.other.login, "password": people.other.password}
            answer = client.post(f"{BASE}/auth/tokens", json=credentials)
            assert answer.status_code == 200, (
                f"a login from another address is answered by {answer.status_code}: it shares the limit"
            )
            bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            client.delete(f"{BASE}/auth/tokens/current", headers=bearer)
