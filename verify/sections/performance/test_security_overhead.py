"""What security costs: TLS, the rate limiter and the access token, each on and off."""

import re
from collections.abc import Callable, Sequence
from statistics import median

import pytest

from verify.clients import addon
from verify.clients.api import BASE
from verify.clients.pool import open_pool
from verify.clients.standing_login import StandingLogin
from verify.clients.web import Site
from verify.estate.machines import Machine
from verify.measure.closed_loop import timed
from verify.measure.on_host import as_root
from verify.measure.statistics import interval_of_median

CONCERN = "Cost of security"

ROUNDS, REPEATS = 7, 50
TOKEN_ROUNDS, TOKEN_REPEATS, CAPPED_REPEATS = 5, 10, 3
# Longer would be felt in each call; EdDSA and ES256 need some 0.1 ms.
TOKEN_CHECK_MICROSECONDS = 2000
TOKEN_CHECK_ROUNDS, TOKEN_CHECK_REPEATS = 5, 200
# Signs a token and verifies it, without Odoo around; see `verify.clients.addon`. Microseconds, by round.
TOKEN_CHECK = """
import gc, time
ring, tokens = load("keys").load(options["pos_api_key_directory"]), load("tokens")
token, _ = tokens.issue(ring, settings, "verify", 1, 1)
def timed():
    began = time.perf_counter()
    tokens.verify(ring, settings, "verify", token)
    return (time.perf_counter() - began) * 1_000_000
rounds, repeats = json.loads(sys.argv[1])
gc.disable()
print(json.dumps([[timed() for _ in range(repeats)] for _ in range(rounds)]))
"""


def difference(less: Sequence[Sequence[float]], more: Sequence[Sequence[float]]) -> tuple[float, str]:
    """Return the median of the rounds' differences of medians, and its 95 % interval as text."""
    differences = [median(b) - median(a) for a, b in zip(less, more, strict=True)]
    low, high = interval_of_median(differences)
    return round(median(differences), 3), f"{low:.3f} to {high:.3f}"


@pytest.mark.explained_by("odoo")
def test_token_check(odoo_host: Machine, measure: Callable[..., None]) -> None:
    """The check of an access token alone takes no time that a till would feel."""
    rounds = addon.run(odoo_host, TOKEN_CHECK, [TOKEN_CHECK_ROUNDS, TOKEN_CHECK_REPEATS])
    medians = [median(found) for found in rounds]
    measure("check of a token, median", round(median(medians)), "µs")
    measure("from the fastest to the slowest round", f"{min(medians):.0f} to {max(medians):.0f}", "µs")
    assert median(medians) < TOKEN_CHECK_MICROSECONDS, "the check of a token costs more than it should"


@pytest.mark.writes
@pytest.mark.explained_by("nginx")
def test_tls_and_rate_limiter(nginx_host: Machine, measure: Callable[..., None]) -> None:
    """TLS and the rate limiter cost next to nothing on a connection that is kept."""
    dump = nginx_host.shell.output("nginx -T 2>/dev/null")
    certificate, key = (
        re.search(rf"^\s*{name}\s+(\S+);", dump, re.MULTILINE)
        for name in ("ssl_certificate", "ssl_certificate_key")
    )
    assert certificate and key, "nginx -T names no certificate"
    wanted = {"certificate": certificate[1], "key": key[1], "rounds": ROUNDS, "repeats": REPEATS}
    found = as_root(nginx_host, "security_layers", wanted)
    bare = median(median(seen) for seen in found["plain"])
    measure("bare answer without TLS, kept connection", round(bare, 3), "ms")
    for name, less, more in (
        ("TLS on a kept connection adds", "plain", "tls"),
        ("the rate limiter adds", "tls", "tls_limited"),
        ("TLS on a new connection adds", "plain_connect", "tls_connect"),
    ):
        value, interval = difference(found[less], found[more])
        measure(f"{name} (95 % interval {interval})", value, "ms")
    kept, _ = difference(found["plain"], found["tls_limited"])
    assert kept < 1, "TLS and the limiter cost more than 1 ms a request on a kept connection"


@pytest.mark.explained_by("odoo", "nginx")
def test_token_over_http(
    site: Site, reader: StandingLogin, cap: float | None, measure: Callable[..., None]
) -> None:
    """What a token costs is known: the same call without one, with a forged and with a good one."""
    assert reader.request("GET", "/auth/me").status_code == 200
    good = reader.tokens["access_token"]
    head, claims, signature = good.split(".")
    forged = f"{head}.{claims}.{signature[:10]}{'A' if signature[10] != 'A' else 'B'}{signature[11:]}"
    wanted = {
        "none": ({}, 401),
        "forged": ({"Authorization": f"Bearer {forged}"}, 401),
        "good": ({"Authorization": f"Bearer {good}"}, 200),
    }
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in wanted}
    with open_pool(site, 1) as pool:

        def ask(headers: dict[str, str], status: int) -> str:
            answer = pool.urlopen("GET", f"{BASE}/auth/me", headers={**pool.headers, **headers})
            return "" if answer.status == status else f"status {answer.status}, not {status}"

        for _ in range(TOKEN_ROUNDS):
            for name, (headers, status) in wanted.items():
                calls = [lambda headers=headers, status=status: ask(headers, status)] * (
                    CAPPED_REPEATS if cap else TOKEN_REPEATS
                )
                one = timed([calls], site.pace.wait if site.pace else None)
                assert not one.errors, f"{name} token: {one.errors[0]}"
                found[name].append(one.milliseconds)
    measure("refused for want of a token, median", round(median(map(median, found["none"])), 2), "ms")
    for name, less, more in (
        ("the check of a (forged) token adds", "none", "forged"),
        ("a good token, its user and its login in the database add", "forged", "good"),
    ):
        value, interval = difference(found[less], found[more])
        measure(f"{name} (95 % interval {interval})", value, "ms")
