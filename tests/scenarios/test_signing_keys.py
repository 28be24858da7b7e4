"""Two Odoo hosts of one database: each signs with its own key and accepts the other's, at any time."""

from __future__ import annotations

import json
import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from tests.conftest import Deployed
from tests.harness import hosts, inventory, playbook, stack

pytestmark = pytest.mark.hosts
ROTATE = hosts.ROOT / "playbooks" / "rotate_keys.yml"
DEPLOY_KEYS = ("--tags", "pos_api_configure")
LOGIN, PASSWORD = "till", secrets.token_urlsafe(16)
USER = f"""
groups = ("base.group_user", "point_of_sale.group_pos_user")
env["res.users"].with_context(no_reset_password=True).create({{
    "name": {LOGIN!r}, "login": {LOGIN!r}, "password": {PASSWORD!r},
    "groups_id": [(6, 0, [env.ref(group).id for group in groups])],
}})
env.cr.commit()
"""
SHELL = (
    "cd /var/lib/odoo && runuser -u odoo -- env ODOO_RC=/etc/odoo/odoo.conf"
    " /opt/odoo/bin/odoo shell --no-http --log-level=warn"
)
# What the folder holds, so that private keys can be compared and never leave the host.
FOLDER = "cd /etc/odoo/jwt && sha256sum * && grep -l PRIVATE *.pem | sed 's/^/private /'"
LONG_AGO = """
python3 - <<'END'
import json, pathlib
path = pathlib.Path("/etc/odoo/jwt/state.json")
state = json.loads(path.read_text())
assert state["stopped"], state
state["stopped"] = {kid: at - 86400 for kid, at in state["stopped"].items()}
path.write_text(json.dumps(state))
END
"""


@dataclass(frozen=True)
class Pair:
    """An estate with two Odoo hosts.

    Args:
        one: The host with everything on it.
        two: A host with Odoo alone, on the first one's database.
        deployed: How the deployment of both ended.
    """

    one: stack.Target
    two: stack.Target
    deployed: playbook.Result

    def both(self) -> tuple[stack.Target, stack.Target]:
        """Return the hosts."""
        return self.one, self.two

    def rotate(self, *arguments: str) -> playbook.Result:
        """Run the rotation."""
        return playbook.run(self.one.inventory, *arguments, playbook=ROTATE)

    def deploy_keys(self) -> playbook.Result:
        """Run the part of site.yml that has to do with keys."""
        return playbook.run(self.one.inventory, *DEPLOY_KEYS)


def call(host: stack.Target, method: str, path: str, token: str = "", body: Any = None) -> tuple[int, Any]:
    """Call a host's own server of the API, past the web server, and return status and body."""
    lines = [f'request = "{method}"', 'header = "Content-Type: application/json"']
    lines += [f'header = "Authorization: Bearer {token}"'] if token else []
    lines += [f"data = {json.dumps(json.dumps(body))}"] if body is not None else []
    command = f"curl -sS --config - -w '\\n%{{http_code}}' http://127.0.0.1:8073{path}"
    said, _, status = hosts.send(host.run, host.host, command, "\n".join(lines)).rpartition("\n")
    return int(status), json.loads(said) if said else None


def log_in(host: stack.Target) -> dict[str, str]:
    """Return the tokens that a host gives the till."""
    body = {"login": LOGIN, "password": PASSWORD}
    status, tokens = call(host, "POST", "/api/v1/auth/tokens", body=body)
    assert status == 200, tokens
    return dict(tokens)


def accepted(pair: Pair, token: str) -> list[int]:
    """Return the statuses that both hosts give a token."""
    return [call(host, "GET", "/api/v1/auth/me", token)[0] for host in pair.both()]


def kid_of(token: str) -> str:
    """Return the key that a token is signed with."""
    return str(jwt.get_unverified_header(token)["kid"])


def published(host: stack.Target) -> set[str]:
    """Return the keys that a host says it accepts."""
    return {key["kid"] for key in call(host, "GET", "/.well-known/jwks.json")[1]["keys"]}


def active(host: stack.Target) -> str:
    """Return the key that a host signs with."""
    return host.shell("cat /etc/odoo/jwt/active").strip()


@pytest.fixture(scope="module")
def pair(deployed: Deployed, saved: str, request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Copies of the deployed host, made one estate: the second one loses its database and its keys."""
    one, two = (stack.clone(deployed, saved, name) for name in ("keys-one", "keys-two"))
    two.shell("systemctl disable --now pgbouncer postgresql@14-main nginx; rm -r /etc/odoo/jwt")
    groups = inventory.one_host(one.host) | {"odoo": [one.host, two.host]}
    own = {"nginx_server_name": hosts.addresses(deployed.run)[deployed.host]}
    inventory.write(one.inventory, deployed.run, groups, own)
    result = playbook.run(one.inventory, log=one.inventory.parent / "keys-pair.log")
    assert result.status == 0, result.output[-4000:]
    hosts.send(one.run, one.host, f"sudo bash -c '{SHELL}'", USER)
    yield Pair(one, two, result)
    if not request.config.getoption("--keep-hosts"):
        hosts.call(deployed.run, "rm", one.host, two.host)


def test_each_host_has_its_own_key_and_accepts_the_other_s(pair: Pair) -> None:
    tokens = [log_in(host)["access_token"] for host in pair.both()]
    assert [kid_of(token) for token in tokens] == [active(host) for host in pair.both()]
    assert len({kid_of(token) for token in tokens}) == 2
    assert [accepted(pair, token) for token in tokens] == [[200, 200], [200, 200]]
    for host, other in (pair.both(), pair.both()[::-1]):
        folder = host.shell(FOLDER).splitlines()
        assert [line.split()[1] for line in folder if line.startswith("private ")] == [f"{active(host)}.pem"]
        (checksum,) = (line.split()[0] for line in folder if line.endswith(f"  {active(host)}.pem"))
        assert checksum not in other.shell(FOLDER), "a private key has left its host"
    assert pair.deploy_keys().changes() == []


def test_a_rotation_that_leaves_a_host_out_is_refused(pair: Pair) -> None:
    before = [host.shell(FOLDER) for host in pair.both()]
    result = pair.rotate("--limit", pair.one.host)
    assert result.status != 0
    assert f"{pair.two.host} would not accept what {pair.one.host} signs" in " ".join(result.output.split())
    assert [host.shell(FOLDER) for host in pair.both()] == before


def test_a_rotation_before_the_api_s_own_server_is_deployed_is_refused(pair: Pair) -> None:
    unit, away = "/etc/systemd/system/odoo-api.service", "/root/odoo-api.service"
    before = [host.shell(FOLDER) for host in pair.both()]
    pair.two.shell(f"mv {unit} {away}")
    try:
        refused = pair.rotate()
    finally:
        pair.two.shell(f"mv {away} {unit}")
    assert (refused.status, refused.changes()) == (2, [])
    assert f"{pair.two.host} has no odoo-api.service yet" in " ".join(refused.output.split())
    assert [host.shell(FOLDER) for host in pair.both()] == before


def test_a_dry_run_says_what_would_come_and_changes_nothing(pair: Pair) -> None:
    before = [host.shell(FOLDER) for host in pair.both()]
    result = pair.rotate("--check", "--diff")
    assert result.status == 0, result.output[-4000:]
    assert len(result.changes()) == 2, "the next key of each"
    assert [host.shell(FOLDER) for host in pair.both()] == before


def test_a_rotation_keeps_every_token_good_on_both_hosts(pair: Pair) -> None:
    before = [log_in(host)["access_token"] for host in pair.both()]
    pids = [host.shell("systemctl show -P MainPID odoo odoo-api") for host in pair.both()]
    result = pair.rotate()
    assert result.status == 0, result.output[-4000:]
    assert "PRIVATE" not in result.output
    after = [log_in(host)["access_token"] for host in pair.both()]
    assert not {kid_of(token) for token in before} & {kid_of(token) for token in after}
    assert [accepted(pair, token) for token in before + after] == [[200, 200]] * 4
    assert [host.shell("systemctl show -P MainPID odoo odoo-api") for host in pair.both()] == pids
    again = pair.deploy_keys()
    assert (again.status, again.changes()) == (0, [])


@pytest.mark.parametrize(
    "task, number",
    [
        ("Keys | Take over the others' public keys", 1),  # keys are made, and not published everywhere
        ("Rotate | Sign with the next key", 1),  # published everywhere, and nobody signs with them
        ("Keys | Take over the others' public keys", 2),  # signed with, and the old ones not put away
    ],
)
def test_a_rotation_killed_at_any_stage_costs_no_token_and_is_run_again(
    pair: Pair, task: str, number: int
) -> None:
    before = [log_in(host)["access_token"] for host in pair.both()]
    passed = iter(range(1, 9))
    result = playbook.run(
        pair.one.inventory,
        playbook=ROTATE,
        on_line=lambda line: line.startswith("TASK [") and task in line and next(passed) == number,
    )
    assert result.status == -signal.SIGKILL, result.output[-2000:]
    between = [log_in(host)["access_token"] for host in pair.both()]
    assert [accepted(pair, token) for token in before + between] == [[200, 200]] * 4
    result = pair.rotate()
    assert result.status == 0, result.output[-4000:]
    after = [log_in(host)["access_token"] for host in pair.both()]
    assert [accepted(pair, token) for token in before + between + after] == [[200, 200]] * 6


def test_a_key_whose_overlap_has_passed_goes_with_the_next_deployment(pair: Pair) -> None:
    token = log_in(pair.two)["access_token"]
    assert pair.rotate().status == 0
    assert accepted(pair, token) == [200, 200]
    for host in pair.both():
        host.shell(LONG_AGO)
    assert len(pair.deploy_keys().changes()) == 2
    assert [published(host) for host in pair.both()] == [{active(pair.one), active(pair.two)}] * 2
    assert accepted(pair, token) == [401, 401]
    assert pair.deploy_keys().changes() == []


def test_a_leaked_key_is_refused_at_once_and_tills_go_on(pair: Pair) -> None:
    tokens = [log_in(host) for host in pair.both()]
    result = pair.rotate("-e", "pos_api_key_leaked=true")
    assert result.status == 0, result.output[-4000:]
    assert [accepted(pair, token["access_token"]) for token in tokens] == [[401, 401]] * 2
    assert [published(host) for host in pair.both()] == [{active(pair.one), active(pair.two)}] * 2
    for token, host in zip(tokens, reversed(pair.both()), strict=True):
        body = {"refresh_token": token["refresh_token"]}
        status, renewed = call(host, "POST", "/api/v1/auth/tokens/refresh", body=body)
        assert status == 200, renewed
        assert accepted(pair, renewed["access_token"]) == [200, 200]
    assert pair.deploy_keys().changes() == []


def test_a_new_host_is_not_given_a_key_behind_the_others_backs(pair: Pair) -> None:
    pair.two.shell("mv /etc/odoo/jwt /etc/odoo/jwt.aside")
    try:
        result = playbook.run(pair.one.inventory, "--limit", pair.two.host, *DEPLOY_KEYS)
        assert result.status != 0
        said = " ".join(result.output.split())
        assert f"{pair.two.host} has no signing key yet, and {pair.one.host} must accept" in said
        assert pair.two.shell("ls /etc/odoo").split().count("jwt") == 0
    finally:
        pair.two.shell("mv /etc/odoo/jwt.aside /etc/odoo/jwt")
