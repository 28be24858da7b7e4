"""Keys are rotated and logins end while tills go on: no valid call fails, none is accepted that has ended.

The log of the API's server tells which worker answered which call: each call carries a mark of its own in its
address, and the server is told to log calls, which it does not do by itself.
"""

from __future__ import annotations

import itertools
import re
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import jwt
import pytest
import requests

from tests.api.client import CheckedClient
from tests.api.forge import active_kid
from tests.api.shop import Shop
from tests.harness import deadline, playbook
from tests.harness.hosts import ROOT
from verify.clients.api import BASE
from verify.clients.web import Client

pytestmark = pytest.mark.hosts
ROTATE = ROOT / "playbooks" / "rotate_keys.yml"
THREADS = 10
PACE = 0.1  # seconds between two calls of one thread: a shop's steady load, not the most that the host bears
REVOKED_WITHIN = 5.0  # seconds after which no worker may accept a token any more
SECONDS = 300  # for one load, whatever happens
READ = re.compile(r"^\S+ \S+ (\d+) INFO \S+ odoo\.addons\.pos_api\.keys: .* signing with (\S+)$", re.M)
ANSWERED = re.compile(
    r"^\S+ \S+ (\d+) INFO \S+ granian\.access: .*[?&]q=(mark-[0-9a-f]+-\d+)[&\"].* (\d{3}) ", re.M
)
CONF = "/etc/odoo/odoo.conf"
START_SECONDS = 60


@pytest.fixture(scope="module", autouse=True)
def _calls_are_logged(shop: Shop) -> Iterator[None]:
    """Let the API's server log its calls while these tests run."""

    def restart(edit: str) -> None:
        shop.target.shell(f"{edit}; systemctl restart odoo-api")
        with Client(shop.site) as client:
            deadline.until(
                lambda: client.get(f"{BASE}/health").status_code == 200,
                START_SECONDS,
                "the API after its restart",
            )

    restart(f"cp -p {CONF} {CONF}.kept; echo 'log_handler = :INFO,granian.access:DEBUG' >>{CONF}")
    yield
    restart(f"mv {CONF}.kept {CONF}")


@dataclass(frozen=True)
class Call:
    """One call of the load.

    Args:
        mark: Found again in the log.
        kid: Key that its token is signed with.
        sent: When it was sent (`time.monotonic`).
        done: When its answer was there.
        status: HTTP status, 0 where there was no answer.
        said: What was wrong, "" for an answer.
    """

    mark: str
    kid: str
    sent: float
    done: float
    status: int
    said: str = ""


@dataclass
class Load:
    """Calls of many threads with a token that may be changed meanwhile.

    Args:
        shop: The shop.
        tokens: Access tokens that the threads use in turn.
    """

    shop: Shop
    tokens: list[str]
    calls: list[Call] = field(default_factory=list)
    end: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.name = f"mark-{secrets.token_hex(4)}"
        self.numbers = itertools.count()
        self.until = time.monotonic() + SECONDS

    def _work(self) -> None:
        with CheckedClient(self.shop.site, self.shop.contract) as client:
            while not self.end.wait(PACE) and time.monotonic() < self.until:
                number = next(self.numbers)
                mark, token = f"{self.name}-{number}", self.tokens[number % len(self.tokens)]
                self.calls.append(self._call(client, mark, token))

    def _call(self, client: CheckedClient, mark: str, token: str) -> Call:
        kid = jwt.get_unverified_header(token)["kid"]
        sent, status, said = time.monotonic(), 0, ""
        try:
            headers = {"Authorization": f"Bearer {token}"}
            status = client.get(f"{BASE}/products", params={"q": mark}, headers=headers).status_code
        except (requests.RequestException, AssertionError) as error:  # a contract that is broken, too
            said = str(error)[:500]
        return Call(mark, kid, sent, time.monotonic(), status, said)

    def so_far(self) -> list[Call]:
        """Return the calls that are done."""
        return list(self.calls)

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """Wait until the load has come so far."""
        deadline.until(condition, 60, what)


@contextmanager
def running(shop: Shop, tokens: list[str]) -> Iterator[Load]:
    """Keep a load up while the block runs."""
    load = Load(shop, tokens)
    with ThreadPoolExecutor(THREADS) as pool:
        threads = [pool.submit(load._work) for _ in range(THREADS)]
        try:
            yield load
        finally:
            load.end.set()
    for thread in threads:
        thread.result()


@dataclass(frozen=True)
class Log:
    """What the log of the API's server says since a moment.

    Args:
        answered: (worker, status) by mark.
        read: kids that a worker has read as the one to sign with, in this order, by worker.
        text: All of it.
    """

    answered: dict[str, tuple[str, int]]
    read: dict[str, list[str]]
    text: str


def workers(shop: Shop) -> int:
    """Return how many workers the API's server runs."""
    return int(shop.target.shell("pgrep --count --parent $(systemctl show -P MainPID odoo-api)"))


def cursor(shop: Shop) -> str:
    """Return the present end of the log."""
    return shop.target.shell("journalctl -u odoo-api -n 0 --show-cursor").split("-- cursor: ")[1].strip()


def log_since(shop: Shop, cursor: str) -> Log:
    """Return what the log says since its end was noted."""
    text = shop.target.shell(f"journalctl -u odoo-api -o cat --after-cursor='{cursor}'")
    read = defaultdict(list)
    for worker, kid in READ.findall(text):
        read[worker].append(kid)
    answered = {mark: (worker, int(status)) for worker, mark, status in ANSWERED.findall(text)}
    return Log(answered, dict(read), text)


def workers_of(log: Log, calls: list[Call]) -> dict[str, int]:
    """Return how many of the calls each worker answered."""
    found: dict[str, int] = defaultdict(int)
    for call in calls:
        if call.mark in log.answered:
            found[log.answered[call.mark][0]] += 1
    return dict(found)


def with_key(calls: list[Call], kid: str, since: float) -> list[Call]:
    """Return the calls with a token of a key that were sent after a time."""
    return [call for call in calls if call.kid == kid and call.sent > since]


def test_keys_are_rotated_under_load_and_no_valid_call_fails(shop: Shop) -> None:
    caller, log = shop.caller("cora"), cursor(shop)
    old = caller.tokens["access_token"]
    before = active_kid(shop.target)
    with running(shop, [old]) as load:
        load.wait_for(lambda: len(load.so_far()) > 5 * THREADS, "the load is up")
        result = playbook.run(
            shop.target.inventory, playbook=ROTATE, log=shop.target.inventory.parent / "rotate.log"
        )
        rotated = time.monotonic()
        assert result.status == 0, result.output[-4000:]
        after = active_kid(shop.target)
        caller.forget()
        load.tokens.append(caller.tokens["access_token"])  # old and new by turns
        number = workers(shop)

        def used() -> bool:
            seen, calls = log_since(shop, log), [call for call in load.so_far() if call.sent > rotated]
            sides = [with_key(calls, kid, rotated) for kid in (before, after)]
            return len(calls) > 60 * THREADS and all(len(workers_of(seen, one)) >= number for one in sides)

        load.wait_for(
            used,
            "every worker has answered with the old and with the new token after the rotation",
        )
    seen, calls = log_since(shop, log), load.calls
    failed = [call for call in calls if call.status != 200]
    old_after = workers_of(seen, with_key(calls, before, rotated))
    new_after = workers_of(seen, with_key(calls, after, rotated))
    during = sum(1 for call in calls if call.sent < rotated)
    print(
        f"{len(calls)} calls in {THREADS} threads, {during} before the rotation's end, {len(failed)} failed;"
        f" after it by worker, old key {old_after}, new key {new_after}"
    )
    assert before != after and jwt.get_unverified_header(load.tokens[1])["kid"] == after
    assert failed == []
    assert len(old_after) >= number, "every worker accepts the key before"
    assert len(new_after) >= number, "and the new one"
    for worker in new_after:
        assert seen.read[worker][-1] == after, f"worker {worker} signs with {seen.read[worker]}"
    assert " CRITICAL " not in seen.text


def test_what_the_rotation_left_behind(shop: Shop) -> None:
    """The key before can verify and no longer sign; a deployment has nothing to mend; all is Odoo's alone."""
    active = active_kid(shop.target)
    listing = shop.target.shell("cd /etc/odoo/jwt && stat -c '%n %a %U:%G' *").splitlines()
    assert {line.split(" ", 1)[1] for line in listing} == {"400 odoo:odoo"}
    private = [line.split()[0] for line in listing if re.search(r"(?<!\.pub)\.pem ", line)]
    assert private == [f"{active}.pem"]
    again = playbook.run(shop.target.inventory, "--tags", "pos_api_configure", "--check", "--diff")
    assert (again.status, again.changes()) == (0, [])


def make_user(shop: Shop, login: str) -> str:
    """Make a cashier and return the password."""
    password = secrets.token_urlsafe(12)
    program = f"""
groups = ("base.group_user", "point_of_sale.group_pos_user")
env["res.users"].with_context(no_reset_password=True).create({{
    "name": {login!r}, "login": {login!r}, "password": {password!r},
    "groups_id": [(6, 0, [env.ref(group).id for group in groups])],
}})
env.cr.commit()
print("MADE 1")
"""
    assert shop.odoo(program, "MADE") == 1
    return password


def log_out(shop: Shop, login: str, password: str, token: str) -> None:
    """End the login."""
    with CheckedClient(shop.site, shop.contract) as client:
        headers = {"Authorization": f"Bearer {token}"}
        answer = client.delete(f"{BASE}/auth/tokens/current", headers=headers)
    assert answer.status_code == 204, answer.text


def change_password(shop: Shop, login: str, password: str, token: str) -> None:
    """Set another password."""
    body = {"current_password": password, "new_password": secrets.token_urlsafe(12)}
    with CheckedClient(shop.site, shop.contract) as client:
        headers = {"Authorization": f"Bearer {token}"}
        while (answer := client.put(f"{BASE}/auth/password", json=body, headers=headers)).status_code == 429:
            time.sleep(int(answer.headers["Retry-After"]))
    assert answer.status_code == 204, answer.text


def deactivate(shop: Shop, login: str, password: str, token: str) -> None:
    """Archive the user as an administrator does in Odoo's web client."""
    database = shop.target.shell("sed -n 's/^db_name *= *//p' /etc/odoo/odoo.conf").strip()
    user = shop.value(f"SELECT id FROM res_users WHERE login = '{login}'")
    arguments = [database, 2, shop.target.secrets["odoo_admin_password"], "res.users", "write"]
    body = {
        "params": {
            "service": "object",
            "method": "execute_kw",
            "args": [*arguments, [[user], {"active": False}]],
        }
    }
    with Client(shop.site) as client:
        answer = client.post("/jsonrpc", json=body)
    assert answer.json().get("result") is True, answer.text[:500]


@pytest.mark.parametrize("end", [log_out, change_password, deactivate], ids=lambda end: end.__name__)
def test_what_has_ended_is_refused_by_every_worker(
    shop: Shop, end: Callable[[Shop, str, str, str], None]
) -> None:
    login = f"ending-{end.__name__}-{secrets.token_hex(2)}"
    password = make_user(shop, login)
    shop.passwords[login] = password
    token, log, number = shop.caller(login).tokens["access_token"], cursor(shop), workers(shop)
    with running(shop, [token]) as load:
        load.wait_for(
            lambda: len(workers_of(log_since(shop, log), load.so_far())) >= number,
            "every worker has answered",
        )
        end(shop, login, password, token)
        acknowledged = time.monotonic()
        load.wait_for(lambda: time.monotonic() > acknowledged + REVOKED_WITHIN, "the time has passed")
        load.wait_for(
            lambda: len(workers_of(log_since(shop, log), late(load.so_far(), acknowledged))) >= number,
            "every worker has answered after it",
        )
    seen, calls = log_since(shop, log), load.calls
    before = [call for call in calls if call.done < acknowledged]
    after = [call for call in calls if call.sent >= acknowledged]
    accepted = [call for call in after if call.status == 200]
    last = dict.fromkeys(workers_of(seen, after), 0.0)
    for call in accepted:
        worker = seen.answered[call.mark][0]
        last[worker] = max(last[worker], call.done - acknowledged)
    print(
        f"{end.__name__}: {len(before)} calls before, {len(after)} after it in {THREADS} threads,"
        f" {len(accepted)} of them accepted; last acceptance by worker in s {last}"
    )
    assert {call.status for call in before} <= {200, 401}
    assert len(workers_of(seen, [call for call in before if call.status == 200])) >= number
    assert len(last) >= number
    assert max(last.values()) <= REVOKED_WITHIN
    assert {call.status for call in late(after, acknowledged)} == {401}


def late(calls: list[Call], acknowledged: float) -> list[Call]:
    """Return the calls that were sent when nothing may be accepted any more."""
    return [call for call in calls if call.sent > acknowledged + REVOKED_WITHIN]
