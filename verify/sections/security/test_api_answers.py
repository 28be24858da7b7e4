"""API8:2023 security misconfiguration: headers, refusals that give nothing away, methods, other origins."""

import re
from collections.abc import Iterator

import pytest
import requests

from verify.clients import api
from verify.clients.web import Client
from verify.estate.described import Estate

CONCERN = "OWASP API8 misconfiguration"

pytestmark = pytest.mark.explained_by("odoo", "nginx")

FOREIGN = "https://foreign.invalid"  # RFC 2606
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "instance", "errors"}
# What the text of an exception, a path on the host or the name of a program would look like.
TALKATIVE = re.compile(
    r"Traceback|File \"|psycopg2|werkzeug|odoo\.|/opt/|/usr/|SELECT |Error:|Exception|nginx/\d|Python/\d",
    re.I,
)


def _refusals(client: Client) -> Iterator[tuple[str, requests.Response]]:
    """Yield refusals of every kind that needs no login, with what was tried."""
    orders = f"{api.BASE}/orders"
    yield "no token", client.get(orders)
    yield "no JSON Web Token", client.get(orders, headers={"Authorization": "Bearer a.b.c"})
    yield "unknown path", client.get(f"{api.BASE}/tillstack-nothing")
    yield "unknown method", client.request("PROPFIND", f"{api.BASE}/health")
    yield "TRACE", client.request("TRACE", f"{api.BASE}/health")
    yield "NUL in the path", client.get(f"{api.BASE}/orders/%00")
    yield "no UTF-8 in the path", client.get(f"{api.BASE}/orders/%ff%fe")
    yield "a number without end", client.get(f"{api.BASE}/orders/{'9' * 300}")
    yield (
        "wrong type",
        client.post(f"{api.BASE}/auth/tokens", data="<a/>", headers={"Content-Type": "text/xml"}),
    )
    yield (
        "broken JSON",
        client.post(
            f"{api.BASE}/auth/tokens", data='{"login": ', headers={"Content-Type": "application/json"}
        ),
    )
    yield "unwanted format", client.get(f"{api.BASE}/health", headers={"Accept": "application/x-nothing"})
    yield "unknown parameter", client.get(f"{api.BASE}/health", params={"debug": "1"})


def test_headers(client: Client) -> None:
    """API8: answers are not stored, not sniffed, not framed, and start no session."""
    answer = client.get(f"{api.BASE}/health")
    wanted = {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
    }
    found = {name: answer.headers.get(name) for name in wanted}
    assert found == wanted, "run site.yml --tags nginx,pos_api"
    assert answer.headers.get("X-Frame-Options") in ("DENY", "SAMEORIGIN")
    assert "Set-Cookie" not in answer.headers, "the API keeps no session"
    assert "X-Powered-By" not in answer.headers


def test_refusals_give_nothing_away(client: Client) -> None:
    """API8: refusals are problem documents (RFC 9457) without a trace of code, paths, versions or queries."""
    wrong = []
    for tried, answer in _refusals(client):
        kind = answer.headers.get("Content-Type", "")
        if not 400 <= answer.status_code < 500:
            wrong.append(f"{tried}: HTTP status {answer.status_code}")
        elif not kind.startswith("application/problem+json"):
            wrong.append(f"{tried}: {answer.status_code} as {kind}")
        elif more := set(answer.json()) - PROBLEM_MEMBERS:
            wrong.append(f"{tried}: members {sorted(more)}")
        elif said := TALKATIVE.search(answer.text):
            wrong.append(f"{tried}: says {said.group(0)!r}")
    assert not wrong, "; ".join(wrong)


def test_foreign_origins(client: Client, estate: Estate) -> None:
    """API8: a page of another site may not read the API's answers, unless its origin was allowed."""
    allowed = estate.variable("pos_api_cors_origins") or []
    assert "*" not in allowed, "pos_api_cors_origins lets every site in"
    plain = client.get(f"{api.BASE}/health", headers={"Origin": FOREIGN})
    asked = client.request(
        "OPTIONS",
        f"{api.BASE}/orders",
        headers={"Origin": FOREIGN, "Access-Control-Request-Method": "POST"},
    )
    for answer in (plain, asked):
        opened = [name for name in answer.headers if name.lower().startswith("access-control-allow")]
        assert opened == [], f"{FOREIGN} is let in by {opened}: take it out of pos_api_cors_origins"


def test_trace_is_refused(client: Client) -> None:
    """API8: TRACE, which would show a request's credentials to a script, is refused everywhere."""
    statuses = {
        path: client.request("TRACE", path).status_code for path in ("/", "/web/login", f"{api.BASE}/health")
    }
    assert set(statuses.values()) == {405}, str(statuses)


def test_odoo_debugging_is_off(client: Client) -> None:
    """API8: Odoo shows no interactive debugger and lists no files of its host."""
    for path in ("/web/static/", "/web/static/../../../../../../etc/passwd", "/console"):
        answer = client.get(path)
        assert "Werkzeug Debugger" not in answer.text and "root:x:0" not in answer.text, path
        assert "Index of /" not in answer.text, f"{path}: the web server lists a folder, take autoindex out"
