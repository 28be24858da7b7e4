"""Clients of the API in their roles. No answer reaches a test before it was compared with the document."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import requests

from tests.api.contract import Contract
from verify.clients.api import BASE
from verify.clients.web import Client, Site

TOKEN_SECONDS = 600  # an access token lives 900
THROTTLED_SECONDS = 60  # the web server lets a login pass every other second
NOTHING = object()


def patiently(request: Callable[[], requests.Response]) -> requests.Response:
    """Send a request, and again as long as a limit of tries asks for patience, and return the last answer."""
    deadline = time.monotonic() + THROTTLED_SECONDS
    while (answer := request()).status_code == 429:
        seconds = int(answer.headers["Retry-After"])
        if time.monotonic() + seconds > deadline:
            break
        time.sleep(seconds)
    return answer


class CheckedClient(Client):
    """An HTTPS client that compares every answer with the contract."""

    def __init__(self, site: Site, contract: Contract) -> None:
        super().__init__(site)
        self.contract = contract

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send a request.

        Raises:
            ContractError: The answer is not as the document says.
        """
        answer = super().request(method, url, *arguments, **options)
        self.contract.check(answer)
        return answer


class Caller:
    """Somebody who calls the API, logged in when that is needed first.

    Args:
        site: The web server.
        contract: The live document.
        login: Name of the user, or None for somebody who has no token.
        password: The user's password.
    """

    def __init__(self, site: Site, contract: Contract, login: str | None = None, password: str = "") -> None:
        self.client = CheckedClient(site, contract)
        self.contract, self.login, self.password = contract, login, password
        self._tokens: dict[str, Any] = {}
        self._until = 0.0

    @property
    def tokens(self) -> dict[str, Any]:
        """The body of the last login."""
        if time.monotonic() > self._until:
            self.log_in()
        return self._tokens

    def log_in(self) -> None:
        """Log in anew. The web server's limit of logins is waited out as its answers ask for.

        Raises:
            AssertionError: The login is refused.
        """
        body = {"login": self.login, "password": self.password}
        answer = patiently(lambda: self.client.post(f"{BASE}/auth/tokens", json=body))
        assert answer.status_code == 200, f"{self.login}: {answer.status_code} {answer.text}"
        self._tokens, self._until = answer.json(), time.monotonic() + TOKEN_SECONDS

    def forget(self) -> None:
        """Make the next call log in anew: the tokens are no longer good."""
        self._until = 0.0

    def headers(self, **more: str) -> dict[str, str]:
        """Return the caller's credentials as headers, with others."""
        bearer = {"Authorization": f"Bearer {self.tokens['access_token']}"} if self.login else {}
        return {**bearer, **more}

    def prepare(
        self,
        operation_id: str,
        body: Any = NOTHING,
        *,
        id: int | None = None,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[str, str, dict[str, Any]]:
        """Return method, path and options of a request for an operation, with a new Idempotency-Key where
        it takes one."""
        operation = self.contract.operations[operation_id]
        key = {"Idempotency-Key": str(uuid4())} if operation.takes("header", "Idempotency-Key") else {}
        options: dict[str, Any] = {"headers": {**self.headers(), **key, **(headers or {})}}
        if query:
            options["params"] = query
        if body is not NOTHING:
            options["json"] = body
        path = operation.path if id is None else operation.path.replace("{id}", str(id))
        return operation.method, path, options

    def call(self, operation_id: str, body: Any = NOTHING, **options: Any) -> requests.Response:
        """Call an operation; see `prepare` for the options."""
        method, path, prepared = self.prepare(operation_id, body, **options)
        return self.client.request(method, path, **prepared)

    def get(self, operation_id: str, body: Any = NOTHING, **options: Any) -> Any:
        """Call an operation and return its body.

        Raises:
            AssertionError: It did not succeed.
        """
        answer = self.call(operation_id, body, **options)
        wanted = self.contract.operations[operation_id].success
        assert answer.status_code == wanted, f"{operation_id}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def tag(self, operation_id: str, id: int) -> dict[str, str]:
        """Return the If-Match header with the present tag of what an operation reads."""
        answer = self.call(operation_id, id=id)
        assert answer.status_code == 200, answer.text
        return {"If-Match": answer.headers["ETag"]}
