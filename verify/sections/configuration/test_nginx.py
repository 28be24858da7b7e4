"""What the running web server has read, against what its files say now."""

import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from verify.clients.tls import served_certificate
from verify.clients.web import Site
from verify.estate.machines import Machine

CONCERN = "Web server"

pytestmark = pytest.mark.explained_by("nginx")

LOADED = "/run/tillstack-nginx/loaded"


def test_files_are_valid(nginx_host: Machine) -> None:
    """The configuration's files can be read, so that a restart would not end in a stopped web server."""
    said = nginx_host.shell.output("nginx -t 2>&1 || true")
    assert "test is successful" in said, f"mend nginx_settings or nginx_server_settings: {said[-500:]}"


def test_files_are_loaded(nginx_host: Machine) -> None:
    """The running web server has read its files as they are now."""
    changed = nginx_host.shell.output("sha256sum --check --quiet %s 2>&1 || true", LOADED)
    assert changed == "", f"changed since the last reload, run systemctl reload nginx: {changed}"


def test_certificate_is_the_one_on_disk(nginx_host: Machine, site: Site) -> None:
    """The certificate that is served is the one in its file."""
    dump = nginx_host.shell.output("nginx -T 2>/dev/null")
    path = "\n".join(set(re.findall(r"^[^#]*\bssl_certificate\s+(\S+);", dump, re.MULTILINE)))
    assert path and len(path.splitlines()) == 1, f"wanted one ssl_certificate in nginx -T, found: {path!r}"
    stored = x509.load_pem_x509_certificate(nginx_host.shell.text(path).encode())
    assert served_certificate(site).fingerprint(SHA256()) == stored.fingerprint(SHA256()), (
        f"{path} is newer than what is served: run systemctl reload nginx"
    )
