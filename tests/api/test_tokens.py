"""The attack table of access tokens, from outside: every row against a live host, reads and writes alike.

What only the host could sign (wrong claims behind a right signature) is signed with the test host's own key.
"""

from __future__ import annotations

import http.client
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from tests.api import forge as forging
from tests.api.client import Caller
from tests.api.contract import PROBLEM_TYPE
from tests.api.forge import Forge, encode, mac, malleable
from tests.api.shop import Shop
from verify.clients.api import BASE
from verify.clients.web import Client

pytestmark = pytest.mark.hosts
PREFIX = "urn:tillstack:pos-api:"
BEARER = 'Bearer realm="pos-api"'
DAY = 86400


@dataclass(frozen=True)
class Attack:
    """One request's credentials, and the refusal that they must meet.

    Args:
        name: What is wrong with them.
        headers: Header fields, several of one name where given as pairs.
        params: Query parameters.
        refused: "invalid-token" for a token that is refused, "unauthorized" where none was seen.
    """

    name: str
    headers: tuple[tuple[str, str], ...] = ()
    params: dict[str, str] = field(default_factory=dict)
    refused: str = "invalid-token"


def bearing(name: str, token: str) -> Attack:
    """Return the attack of sending a token as one does."""
    return Attack(name, (("Authorization", f"Bearer {token}"),))


def none_spellings(forge: Forge) -> Iterator[Attack]:
    for name in ("none", "None", "NONE", "nOnE", "", " none", None, 0, False, [], ["none"]):
        for signature in ("", "AA", forge.good.rpartition(".")[2]):
            yield bearing(f"alg {name!r}, signature {signature[:2]!r}", forge.unsigned(name, signature))


def empty_signatures(forge: Forge) -> Iterator[Attack]:
    signed, _, signature = forge.good.rpartition(".")
    ends = ("", ".", ".=", ".AA", "." + "A" * 86, f".{signature}.", f".{signature}.{signature}")
    for number, end in enumerate(ends):
        yield bearing(f"end {number}: {end[:3]!r}", signed + end)


def confusions(forge: Forge) -> Iterator[Attack]:
    for form, secret in forge.public_forms().items():
        for algorithm in ("HS256", "HS384", "HS512"):
            header = {**forge.header, "alg": algorithm}
            yield bearing(f"{algorithm} with the public key as {form}", mac(header, forge.claims, secret))
    good = forge.good.rpartition(".")[2]
    for algorithm in ("HS256", "RS256", "PS256", "ES256", "ES384", "ES256K", "eddsa", "EDDSA", "Ed25519"):
        yield bearing(f"the right signature called {algorithm}", forge.unsigned(algorithm, good))
    yield bearing("RS256 of a stranger", forge.forge_with("RS256", forge.stranger.rsa))
    yield bearing("ES256 of a stranger", forge.forge_with("ES256", forge.stranger.curve))


def wrong_keys(forge: Forge) -> Iterator[Attack]:
    head, body, signature = forge.good.split(".")
    yield bearing("a stranger's key", forge.forge())
    yield bearing("a stranger's key, the manager's id", forge.forge(sub="2"))
    yield bearing("claims changed", f"{head}.{encode({**forge.claims, 'sub': '2'})}.{signature}")
    yield bearing("header changed", f"{encode({**forge.header, 'typ': 'at+jwt'})}.{body}.{signature}")
    yield bearing("the signature of another token", f"{head}.{body}.{forge.sign(jti='x').rpartition('.')[2]}")
    yield bearing("half a signature", f"{head}.{body}.{signature[:43]}")
    yield bearing("the signature's other S", malleable(forge.good))
    flipped = bytearray(forging.decode(signature))
    flipped[0] ^= 1
    yield bearing("one bit of the signature", f"{head}.{body}.{encode(bytes(flipped))}")


def key_ids(forge: Forge) -> Iterator[Attack]:
    kid = str(forge.header["kid"])
    names: list[Any] = [
        *("unknown", "", " ", f"{kid} ", kid.upper(), f"{kid}.pem", f"{kid}.pub", "active", "state.json"),
        *(
            f"../jwt/{kid}",
            f"./{kid}",
            f"/etc/odoo/jwt/{kid}",
            f"{kid}\0",
            f"{kid}\n",
            "*",
            "%s",
            "${jndi:x}",
        ),
        *("../../../../../../dev/null", "/proc/sys/kernel/ostype", "| sleep 10", "$(id)", "x" * 1000),
        *(
            f"{kid}' OR '1'='1",
            "x' UNION SELECT 'AA'--",
            "'; DROP TABLE res_users;--",
            "1; SELECT pg_sleep(9)",
        ),
        *(None, 0, 1.5, True, [kid], {"kid": kid}),
    ]
    for name in names:
        yield bearing(f"kid {name!r} of a stranger"[:60], forge.forge(header={"kid": name}))
        if name != forge.header["kid"]:
            yield bearing(f"kid {name!r}"[:60], forge.sign(header={"kid": name}))
    for name, secret in (("../../../../../../dev/null", b""), ("/proc/sys/kernel/ostype", b"Linux\n")):
        yield bearing(f"HS256 with {name}", mac({"alg": "HS256", "kid": name}, forge.claims, secret))
    without = {name: value for name, value in forge.header.items() if name != "kid"}
    yield bearing("no kid", Forge._signed(without, forge.claims, forge.key))


def brought_keys(forge: Forge, address: str) -> Iterator[Attack]:
    jwk = forge.stranger.jwk("theirs")
    members: list[dict[str, Any]] = [
        {"jwk": jwk},
        {"jku": f"{address}/jwks.json"},
        {"x5u": f"{address}/chain.pem"},
        {"x5c": ["MIIB"]},
        {"x5t": "AAAA"},
        {"jwk": jwk, "jku": f"{address}/jwks.json", "x5u": f"{address}/chain.pem"},
    ]
    for member in members:
        for kid in (forge.header["kid"], "theirs"):
            name = f"{'+'.join(member)}, kid {'ours' if kid != 'theirs' else kid}"
            yield bearing(f"{name}, a stranger's key", forge.forge(header={**member, "kid": kid}))
            yield bearing(f"{name}, our key", forge.sign(header={**member, "kid": kid}))
    for member in ({"crit": ["exp"]}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"cty": "JWT"}):
        yield bearing(f"{'+'.join(member)}, our key", forge.sign(header=member))


def past(forge: Forge) -> Iterator[Attack]:
    now = int(time.time())
    for seconds in (0, 1, 60, DAY):
        yield bearing(f"expired {seconds} s ago", forge.sign(exp=now - seconds, iat=now - seconds - 60))
    yield bearing("expired before it was issued", forge.sign(exp=now - 10, iat=now))
    yield bearing("expired in 1970", forge.sign(exp=0))
    yield bearing("expired before 1970", forge.sign(exp=-(2**40)))


def future(forge: Forge) -> Iterator[Attack]:
    now = int(time.time())
    for seconds in (30, 3600, 365 * DAY, 2**53):
        yield bearing(f"valid in {seconds} s", forge.sign(nbf=now + seconds))
        yield bearing(f"issued in {seconds} s", forge.sign(iat=now + seconds))


def missing(forge: Forge) -> Iterator[Attack]:
    for claim in forge.claims:
        yield bearing(f"without {claim}", forge.sign(drop=claim))
        yield bearing(f"{claim} is null", forge.sign(**{claim: None}))
    for body in ([], "text", 1, None, {}):
        yield bearing(f"claims are {body!r}", Forge._signed(forge.header, body, forge.key))  # type: ignore[arg-type]
    yield bearing("claims are no JSON", f"{encode(forge.header)}.{encode(b'x')}.AA")


def long_lives(forge: Forge) -> Iterator[Attack]:
    now, life = int(time.time()), forge.claims["exp"] - forge.claims["iat"]
    for seconds in (1, DAY, 365 * DAY, 2**40, 10**30):
        yield bearing(f"{seconds} s too long", forge.sign(iat=now, nbf=now, exp=now + life + seconds))
    yield bearing("issued long ago", forge.sign(iat=now - 365 * DAY, exp=now + life))
    for moment in (
        "9" * 400,
        float("inf"),
        float("nan"),
        1e300,
        True,
        [now + 60],
        {"at": now + 60},
        f"{now + 60}",
    ):
        yield bearing(f"exp {moment!r}"[:40], forge.sign(exp=moment))
        yield bearing(f"iat {moment!r}"[:40], forge.sign(iat=moment))
        yield bearing(f"nbf {moment!r}"[:40], forge.sign(nbf=moment))


def wrong_claims(forge: Forge) -> Iterator[Attack]:
    family = forge.claims["fam"]
    claims: list[dict[str, Any]] = [
        *({"iss": value} for value in ("somebody", "", "Tillstack", "tillstack ", ["tillstack"], 1)),
        *({"aud": value} for value in ("else", "", "pos-api2", "POS-API", [], ["other"], {"pos-api": 1}, 1)),
        *({"typ": value} for value in ("refresh", "", "Access", "id", ["access"], 1)),
        *({"sub": value} for value in ("1", "2", "0", "-1", "9" * 30, "1 OR 1=1", "٣", 2, True, ["2"], "")),
        *({"fam": value} for value in (family + 10**6, str(family), True, 0, -1, 2**63, 1.5)),
        *({"jti": value} for value in (1, ["x"])),
    ]  # fmt: skip
    for changed in claims:
        yield bearing(f"{changed}", forge.sign(**changed))


def other_databases(forge: Forge) -> Iterator[Attack]:
    for value in (forging.other_database(), "", forge.claims["db"].upper(), [forge.claims["db"]], 1):
        yield bearing(f"db {value!r}", forge.sign(db=value))


def in_the_address(forge: Forge) -> Iterator[Attack]:
    for name in ("access_token", "token", "bearer", "jwt", "authorization", "Authorization"):
        yield Attack(f"?{name}", params={name: forge.good}, refused="unauthorized")
    yield Attack(
        "?Authorization=Bearer", params={"Authorization": f"Bearer {forge.good}"}, refused="unauthorized"
    )


def elsewhere(forge: Forge) -> Iterator[Attack]:
    token = forge.good
    for header in (
        ("Authorization", ""), ("Authorization", token), ("Authorization", f"Token {token}"),
        ("Authorization", f"JWT {token}"), ("Authorization", f"Basic {token}"),
        ("Authorization", "Basic bW9uYTp4"),
        ("X-Authorization", f"Bearer {token}"), ("Proxy-Authorization", f"Bearer {token}"),
        ("X-Access-Token", token), ("Cookie", f"access_token={token}; Authorization=Bearer {token}"),
    ):  # fmt: skip
        yield Attack(f"{header[0]}: {header[1][:8]}", (header,), refused="unauthorized")


def oversized(forge: Forge) -> Iterator[Attack]:
    for size in (4097, 5000):  # more than the addon's 4096, less than the web server's 8192
        yield bearing(f"{size} characters", "x" * size)
        yield bearing(f"a good one with {size} more", forge.good + "A" * size)
        yield bearing(f"signed, with {size} of ballast", forge.sign(ballast="x" * size))


# The rows of the table that are an access token with one thing wrong; the others have their own tests below.
ROWS: dict[str, Callable[[Forge], Iterator[Attack]]] = {
    "alg none in all spellings": none_spellings,
    "empty signature": empty_signatures,
    "HS/RS confusion": confusions,
    "wrong key": wrong_keys,
    "kid injection": key_ids,
    "past exp": past,
    "future nbf": future,
    "missing claims": missing,
    "huge lifetime": long_lives,
    "wrong aud, iss, typ": wrong_claims,
    "token of another database": other_databases,
    "token in the URL": in_the_address,
    "token in other places": elsewhere,
    "oversized token": oversized,
}


@dataclass(frozen=True)
class Tried:
    """An operation to try an attack on.

    Args:
        id: Its operationId.
        id_in_path: The record.
        options: What else a good request has.
    """

    id: str
    id_in_path: int | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Field:
    """What is attacked, with which tools, and what came of it.

    Args:
        shop: The shop.
        caller: A manager, so that a token that is accepted is enough for every operation.
        forge: Makes tokens.
        sent: Number of requests with credentials that must be refused.
        accepted: Those that were not.
    """

    shop: Shop
    caller: Caller
    forge: Forge
    sent: int = 0
    accepted: list[str] = field(default_factory=list)

    def operations(self) -> list[Tried]:
        """Return the operations: three that read, three that write, one that would end the login."""
        product = self.shop["products"]["coffee"]
        return [
            Tried("getMe"),
            Tried("listProducts"),
            Tried("getProduct", product),
            Tried("createCustomer", options={"body": {"name": "Forged"}}),
            Tried("changeProduct", product, {"body": {"price": 0.01}, "headers": {"If-Match": '"stale"'}}),
            Tried("createOrder", options={"body": {"lines": [{"product_id": product, "quantity": 1}]}}),
            Tried("deleteCurrentToken"),
        ]

    def send(self, tried: Tried, attack: Attack) -> requests.Response:
        """Send one request with the attack's credentials and no others."""
        options = dict(tried.options)
        anonymous = Caller(self.shop.site, self.shop.contract)
        body = {"body": options.pop("body")} if "body" in options else {}
        method, path, prepared = anonymous.prepare(tried.id, id=tried.id_in_path, **body, **options)
        prepared["headers"] |= {name: value.encode() for name, value in attack.headers}
        prepared["params"] = attack.params
        return self.caller.client.request(method, path, **prepared)

    def refused(self, attack: Attack) -> None:
        """Try an attack on every operation, and note what was accepted.

        Raises:
            AssertionError: It was refused in another way than it must be.
        """
        for tried in self.operations():
            answer = self.send(tried, attack)
            self.sent += 1
            where = f"{tried.id}, {attack.name}: {answer.status_code} {answer.text[:300]}"
            if answer.status_code != 401:
                self.accepted.append(where)
            check_refusal(answer, attack, where)


def check_refusal(answer: requests.Response, attack: Attack, where: str) -> None:
    """Compare an answer with RFC 6750, section 3, and RFC 9457.

    Raises:
        AssertionError: It is another answer.
    """
    challenge = answer.headers.get("WWW-Authenticate", "")
    assert answer.status_code == 401, where
    assert challenge.startswith(BEARER), f"{where} {challenge}"
    # no error where no token was seen, so that nothing is told to who did not try (RFC 6750, section 3.1)
    assert ('error="invalid_token"' in challenge) is (attack.refused == "invalid-token"), (
        f"{where} {challenge}"
    )
    assert ("error=" in challenge) is (attack.refused == "invalid-token"), f"{where} {challenge}"
    assert answer.headers["Content-Type"] == PROBLEM_TYPE, where
    problem = answer.json()
    assert (problem["type"], problem["status"]) == (PREFIX + attack.refused, 401), where
    assert answer.headers["Cache-Control"] == "no-store", where
    assert "Set-Cookie" not in answer.headers, where
    assert "Traceback" not in answer.text and "eyJ" not in answer.text, where


def written(shop: Shop) -> dict[str, Any]:
    """Return what would be different had one write been accepted."""
    (row,) = shop.rows(
        f"""
        SELECT (SELECT count(*) FROM res_partner WHERE name = 'Forged') AS customers,
               (SELECT list_price FROM product_template t JOIN product_product p ON p.product_tmpl_id = t.id
                 WHERE p.id = {shop["products"]["coffee"]}) AS price,
               (SELECT count(*) FROM pos_order) AS orders,
               (SELECT count(*) FROM pos_api_audit WHERE operation <> 'createToken') AS audited
        """
    )
    return row


@pytest.fixture(scope="module")
def battle(shop: Shop) -> Iterator[Field]:
    """A manager's good token, which is good before and after, and a database in which nothing changes."""
    caller = shop.caller("mona")
    good = caller.tokens["access_token"]
    battle = Field(shop, caller, forging.take(shop.target, good))
    before = written(shop)
    yield battle
    assert written(shop) == before


def test_the_tools_make_tokens_that_are_accepted(battle: Field) -> None:
    """Else every refusal below would prove nothing."""
    product = battle.shop["products"]["coffee"]
    for token in (
        battle.forge.good,
        battle.forge.sign(),
        battle.forge.sign(jti="another", ballast="x" * 100),
    ):
        headers = {"Authorization": f"Bearer {token}"}
        anonymous = Caller(battle.shop.site, battle.shop.contract)
        for id, id_in_path in (("getMe", None), ("listProducts", None), ("getProduct", product)):
            answer = anonymous.call(id, id=id_in_path, headers=headers)
            assert answer.status_code == 200, answer.text
    # the writes below are refused for their token alone: with a good one they come to what is not there
    further = {"changeProduct": 412, "createOrder": 409}
    for tried in battle.operations():
        if tried.id in further:
            answer = battle.send(tried, bearing("good", battle.forge.good))
            assert answer.status_code == further[tried.id], f"{tried.id}: {answer.status_code} {answer.text}"


@pytest.mark.parametrize("row", ROWS)
def test_a_forged_token_is_refused(battle: Field, row: str) -> None:
    for attack in ROWS[row](battle.forge):
        battle.refused(attack)


def test_no_key_is_fetched_or_taken_from_a_token(battle: Field) -> None:
    with listener(battle.shop.site.address) as (address, visits):
        for attack in brought_keys(battle.forge, address):
            battle.refused(attack)
        assert visits == [], "the server went where a token sent it"
        requests.get(f"{address}/jwks.json", timeout=10)
        assert len(visits) == 1, "the listener does not listen"


@contextmanager
def listener(host: str) -> Iterator[tuple[str, list[str]]]:
    """Listen on this machine, and yield the address by which a host reaches it and what was asked for."""
    visits: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            visits.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))
        own = probe.getsockname()[0]
    with http.server.ThreadingHTTPServer((own, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{own}:{server.server_port}", visits
        finally:
            server.shutdown()
            thread.join()


def test_a_refresh_token_is_no_access_token(battle: Field) -> None:
    battle.refused(bearing("the refresh token", battle.caller.tokens["refresh_token"]))
    battle.refused(bearing("an access token called refresh", battle.forge.sign(typ="refresh")))


def test_an_access_token_is_no_refresh_token(battle: Field) -> None:
    """The good one is too long for the field; what fits is unknown. The login lives on."""
    anonymous = Caller(battle.shop.site, battle.shop.contract)
    good = battle.forge.good
    for token, status, kind in ((good, 422, "invalid"), (good[:255], 401, "invalid-token")):
        answer = polite(anonymous, "refreshToken", {"refresh_token": token})
        battle.sent += 1
        if answer.status_code != status:
            battle.accepted.append(f"refresh: {answer.status_code}")
        assert (answer.status_code, answer.json()["type"]) == (status, PREFIX + kind), answer.text
        if status == 401:
            assert answer.headers["WWW-Authenticate"].startswith(f'{BEARER}, error="invalid_token"')
    assert battle.caller.call("getMe").status_code == 200


def polite(caller: Caller, operation: str, body: dict[str, Any]) -> requests.Response:
    """Call an operation that the web server limits, and come again when it says so."""
    while True:
        answer = caller.call(operation, body)
        if answer.status_code != 429:
            return answer
        time.sleep(int(answer.headers["Retry-After"]))


@pytest.mark.parametrize("size", [20_000, 200_000])
def test_a_header_that_is_no_header_any_more_is_refused_before_odoo(battle: Field, size: int) -> None:
    for tried in battle.operations():
        answer = battle.send(tried, bearing("huge", battle.forge.good + "A" * size))
        battle.sent += 1
        if answer.status_code != 431:
            battle.accepted.append(f"{tried.id}: {answer.status_code}")
        assert answer.status_code == 431, answer.text[:300]
        assert answer.headers["Content-Type"] == PROBLEM_TYPE


def raw(shop: Shop, method: str, path: str, headers: list[tuple[str, str]]) -> http.client.HTTPResponse:
    """Send a request whose headers may repeat."""
    site = shop.site
    context = ssl.create_default_context(cafile=str(site.ca))
    line = http.client.HTTPSConnection(site.address, site.https_port, timeout=60, context=context)
    plain = socket.create_connection((site.address, site.https_port), timeout=60)
    line.sock = context.wrap_socket(plain, server_hostname=site.name)
    line.putrequest(method, BASE + path, skip_host=True)
    for name, value in [("Host", site.host_header), *headers]:
        line.putheader(name, value)
    line.endheaders()
    answer = line.getresponse()
    answer.body = answer.read()  # type: ignore[attr-defined]
    line.close()
    return answer


def test_two_authorization_headers_are_refused(battle: Field) -> None:
    """Whichever of them is good: who reads the other one than we do would see another caller."""
    good, forged = f"Bearer {battle.forge.good}", f"Bearer {battle.forge.forge()}"
    assert raw(battle.shop, "GET", "/auth/me", [("Authorization", good)]).status == 200
    pairs = [
        (good, good),
        (good, forged),
        (forged, good),
        (good, "Basic bW9uYTp4"),
        ("Basic bW9uYTp4", good),
        (good, ""),
    ]
    for pair in pairs:
        for method, path in (("GET", "/auth/me"), ("GET", "/products"), ("DELETE", "/auth/tokens/current")):
            answer = raw(battle.shop, method, path, [("Authorization", value) for value in pair])
            battle.sent += 1
            if answer.status not in (400, 401):
                battle.accepted.append(f"{method} {path} with two headers: {answer.status}")
            assert answer.status in (400, 401), answer.body  # type: ignore[attr-defined]
            assert answer.headers["Content-Type"] == PROBLEM_TYPE, answer.body  # type: ignore[attr-defined]
    for both in (f"{good},{good}", f"{good}, {forged}", f"{good} {forged[7:]}", f"{forged}, {good}"):
        battle.refused(Attack(f"joined {both[-9:]} {len(both)}", (("Authorization", both),)))
    assert battle.caller.call("getMe").status_code == 200, "DELETE was not obeyed"


def web_session(shop: Shop, login: str) -> str:
    """Return the session cookie of a login to Odoo's web client."""
    database = shop.target.shell("sed -n 's/^db_name *= *//p' /etc/odoo/odoo.conf").strip()
    body = {"params": {"db": database, "login": login, "password": shop.passwords[login]}}
    with Client(shop.site) as client:
        while (answer := client.post("/web/session/authenticate", json=body)).status_code == 429:
            time.sleep(int(answer.headers["Retry-After"]))
    assert answer.json()["result"]["uid"] == shop["users"][login]
    return answer.cookies["session_id"]


def test_a_session_cookie_counts_for_nothing(battle: Field) -> None:
    sid = web_session(battle.shop, "mona")
    for header in (("Cookie", f"session_id={sid}"), ("X-Openerp-Session-Id", sid)):
        battle.refused(Attack(f"{header[0]} alone", (header,), refused="unauthorized"))
        battle.refused(
            Attack(
                f"{header[0]} with a forged token",
                (header, ("Authorization", f"Bearer {battle.forge.forge()}")),
            )
        )
    cashier = battle.shop.caller("anna")
    for header in ({"Cookie": f"session_id={sid}"}, {"X-Openerp-Session-Id": sid}):
        answer = cashier.call("getMe", headers=header)
        assert (answer.json()["login"], answer.json()["role"]) == ("anna", "cashier"), (
            "the token alone says who"
        )
        assert "Set-Cookie" not in answer.headers
        product = battle.shop["products"]["coffee"]
        answer = cashier.call(
            "changeProduct", {"price": 0.01}, id=product, headers={**header, "If-Match": '"x"'}
        )
        assert answer.status_code == 403, "a manager's cookie lends a cashier nothing"


def test_nothing_was_accepted(battle: Field) -> None:
    print(f"{battle.sent} requests with credentials to refuse, {len(battle.accepted)} accepted")
    assert battle.accepted == []
    assert battle.sent > 2000, "run the whole file: this counts what it has tried"
