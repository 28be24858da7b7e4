"""HTTPS to one host under the name its certificate has, whatever the name resolves to."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from verify.clients.pace import Pace

REQUEST_SECONDS = 60


@dataclass(frozen=True)
class Site:
    """The web server of one host.

    Attributes:
        address: where to connect.
        name: server name, for SNI, the certificate and the Host header.
        https_port: TCP port.
        http_port: TCP port of the redirect.
        ca: file with the certificate authority, or None for the system's.
        pace: holds all requests under a rate; None: as fast as they come.
    """

    address: str
    name: str
    https_port: int
    http_port: int
    ca: Path | None
    pace: Pace | None = field(default=None, compare=False)

    @property
    def host_header(self) -> str:
        """The Host header a browser would send."""
        return self.name if self.https_port == 443 else f"{self.name}:{self.https_port}"

    @property
    def origin(self) -> str:
        """The address a user types."""
        return f"https://{self.host_header}"


def site_of(address: str, variables: Mapping[str, Any], ca: Path | None, pace: Pace | None = None) -> Site:
    """Return the web server of a host, from the public variables of its role nginx.

    Args:
        address: where to connect.
        variables: as `verify.estate.described` gives them.
        ca, pace: as in `Site`.
    """
    return Site(
        address=address,
        name=str(variables["nginx_server_name"]),
        https_port=int(variables["nginx_https_port"]),
        http_port=int(variables["nginx_http_port"]),
        ca=ca,
        pace=pace,
    )


class _NamedAdapter(HTTPAdapter):
    """Checks the certificate against the site's name although the connection goes to an address."""

    def __init__(self, name: str) -> None:
        self._name = name
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(
            *arguments, **options, server_hostname=self._name, assert_hostname=self._name
        )


class Client(requests.Session):
    """A requests session whose paths are relative to a site; certificates are always verified."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site
        self.trust_env = False
        # The system's authorities, as browsers and curl use them; requests would bring its own.
        self.verify = str(site.ca) if site.ca else ssl.get_default_verify_paths().capath or True
        self.headers["Host"] = site.host_header
        self.mount("https://", _NamedAdapter(site.name))

    def get(self, url: str | bytes, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send a GET; unlike `requests.Session.get` it does not follow redirects unless asked."""
        return self.request("GET", str(url), **options)

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send a request, at the site's pace; redirects are not followed unless asked."""
        if self.site.pace:
            self.site.pace.wait()
        options.setdefault("timeout", REQUEST_SECONDS)
        options.setdefault("allow_redirects", False)
        base = f"https://{self.site.address}:{self.site.https_port}"
        return super().request(method, base + url, *arguments, **options)
