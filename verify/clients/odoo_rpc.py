"""Odoo's own JSON-RPC, as its web client speaks it."""

from dataclasses import dataclass
from typing import Any

from verify.clients.web import REQUEST_SECONDS, Client, Site


class OdooError(Exception):
    """Odoo answered a call with an error."""


@dataclass(frozen=True)
class OdooSession:
    """A logged-in web session."""

    client: Client
    user_id: int
    partner_id: int


def rpc(client: Client, path: str, parameters: dict[str, Any], seconds: float = REQUEST_SECONDS) -> Any:
    """Send one JSON-RPC request.

    Args:
        client: a client of the site.
        path: a route of type json, such as /web/session/authenticate.
        parameters: the route's arguments.
        seconds: how long to wait for the answer.

    Raises:
        requests.Timeout: no answer in time.
        OdooError: the answer is an error, or no JSON-RPC answer at all.
    """
    answer = client.post(
        path, json={"jsonrpc": "2.0", "method": "call", "params": parameters}, timeout=seconds
    )
    if answer.status_code != 200 or "json" not in answer.headers.get("Content-Type", ""):
        raise OdooError(f"{path}: HTTP status {answer.status_code}: {answer.text[:200]}")
    body = answer.json()
    if "error" in body:
        error = {"name": "", "message": body["error"].get("message"), **body["error"].get("data", {})}
        raise OdooError(f"{path}: {error['name']}: {error['message']}")
    return body.get("result")


def log_in(site: Site, database: str, login: str, password: str) -> OdooSession:
    """Start a web session.

    Raises:
        OdooError: login or password is wrong.
    """
    client = Client(site)
    session = rpc(client, "/web/session/authenticate", {"db": database, "login": login, "password": password})
    return OdooSession(client, session["uid"], session["partner_id"])


def call(session: OdooSession, model: str, method: str, *arguments: Any, **keywords: Any) -> Any:
    """Call a model's public method with the rights of the session's user."""
    return rpc(
        session.client,
        f"/web/dataset/call_kw/{model}/{method}",
        {"model": model, "method": method, "args": list(arguments), "kwargs": keywords},
    )
