"""Users of the API who stay logged in for as long as a run lasts."""

import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import requests

from verify.clients.api import BASE
from verify.clients.web import Client, Site

THROTTLED_SECONDS = 90  # the web server lets a login pass every other second
RENEWED_SHARE = 0.25  # of its life, an access token's rest at which a new one is fetched


class LoginRefusedError(Exception):
    """The API did not let one of verify's own users in."""


def patiently(
    request: Callable[[], requests.Response], seconds: float = THROTTLED_SECONDS
) -> requests.Response:
    """Send a request, while throttled again after what Retry-After asks for; return the last answer.

    Args:
        request: sends it.
        seconds: how long a limit of tries is waited out altogether.
    """
    deadline = time.monotonic() + seconds
    while (answer := request()).status_code == 429:
        pause = int(answer.headers.get("Retry-After", 1))
        if time.monotonic() + pause > deadline:
            break
        time.sleep(pause)
    return answer


class Caller:
    """A user of the API; threads may share it, and each has connections of its own.

    Args:
        site: the web server.
        login: name of the user.
        password: of this run.
    """

    def __init__(self, site: Site, login: str, password: str) -> None:
        self.site, self.login, self.password = site, login, password
        self._lock = threading.Lock()
        self._local = threading.local()
        self._clients: list[Client] = []
        self._tokens: dict[str, Any] = {}
        self._renew_at = 0.0

    @property
    def client(self) -> Client:
        """The thread's own HTTPS client, without credentials."""
        if not hasattr(self._local, "client"):
            self._local.client = Client(self.site)
            with self._lock:
                self._clients.append(self._local.client)
        client: Client = self._local.client
        return client

    @property
    def tokens(self) -> dict[str, Any]:
        """The body of the last login, which is made anew when the access token nears its end."""
        client = self.client
        with self._lock:
            if time.monotonic() > self._renew_at:
                self._tokens = self._log_in(client)
                life = float(self._tokens["expires_in"])
                self._renew_at = time.monotonic() + life * (1 - RENEWED_SHARE)
            return self._tokens

    def bearer(self) -> dict[str, str]:
        """Return the header that proves who calls."""
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request with the access token, and a fresh Idempotency-Key where it has none.

        Args:
            method: HTTP method.
            path: below `BASE`.
            options: for requests.
        """
        headers = {**self.bearer(), "Idempotency-Key": str(uuid4()), **options.pop("headers", {})}
        return self.client.request(method, BASE + path, headers=headers, **options)

    def another_login(self) -> dict[str, Any]:
        """Return the tokens of a login beside the caller's own.

        Raises:
            LoginRefusedError: it is refused.
        """
        return self._log_in(self.client)

    def forget(self, password: str | None = None) -> None:
        """Make the next request log in anew, with a new password where one is given."""
        with self._lock:
            self.password = password or self.password
            self._renew_at = 0.0

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for client in self._clients:
                client.close()

    def _log_in(self, client: Client) -> dict[str, Any]:
        body = {"login": self.login, "password": self.password}
        answer = patiently(lambda: client.post(f"{BASE}/auth/tokens", json=body))
        if answer.status_code != 200:
            raise LoginRefusedError(
                f"{self.login}: HTTP status {answer.status_code}: {answer.text[:300]};"
                " for 429 see nginx_login_rate and pos_api_login_failures_per_source"
            )
        tokens: dict[str, Any] = answer.json()
        return tokens
