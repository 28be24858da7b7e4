"""What the running web server has read, against what its files say now."""

import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from verify.clients.tls import served_certificate
from verify.clients.web import Site
from verify.estate.machines import Machine, Machines, has_own_api

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


def test_api_goes_to_its_server(nginx_host: Machine, machines: Machines) -> None:
    """The API's paths go to the port of the API's own server, over kept connections, or to Odoo where there
    is none: by what the Odoo hosts say, not by what the web server was told."""
    dump = nginx_host.shell.output("nginx -T 2>/dev/null")
    told = int(nginx_host.variables["nginx_odoo_api_port"])
    odoo_hosts = [host for host in machines.estate.hosts.values() if "odoo" in host.groups]
    behind = [host for host in odoo_hosts if host.name == nginx_host.name] or odoo_hosts
    ports = {int(host.variables["pos_api_port"]) if has_own_api(host) else 0 for host in behind}
    assert len(ports) <= 1, f"pos_api_port or pos_api_server differ between the Odoo hosts: {sorted(ports)}"
    # Odoo's own workers can always answer, and may be told to.
    port = ports.pop() if ports and told else told
    places = re.findall(r"location [^{]*(?:/api/v1|jwks[.]json)[^{]*\{[^}]*?proxy_pass http://(\w+);", dump)
    wanted = "odoo_api" if port else "odoo"
    assert places and set(places) == {wanted}, (
        f"they go to {sorted(set(places))}, not to {wanted}: run site.yml"
    )
    if port:
        (upstream,) = re.findall(r"upstream odoo_api \{([^}]*)\}", dump)
        servers = set(re.findall(r"server (\S+)", upstream))
        hosts = nginx_host.variables["nginx_odoo_hosts"]
        assert servers == {f"{host}:{port}" for host in hosts}, (
            f"upstream odoo_api has {sorted(servers)}, the API listens on port {port}: run site.yml"
            " without nginx_odoo_api_port"
        )
        assert re.search(r"\bkeepalive \d+;", upstream), "each call opens a connection: see keepalive"


def test_certificate_is_the_one_on_disk(nginx_host: Machine, site: Site) -> None:
    """The certificate that is served is the one in its file."""
    dump = nginx_host.shell.output("nginx -T 2>/dev/null")
    path = "\n".join(set(re.findall(r"^[^#]*\bssl_certificate\s+(\S+);", dump, re.MULTILINE)))
    assert path and len(path.splitlines()) == 1, f"wanted one ssl_certificate in nginx -T, found: {path!r}"
    stored = x509.load_pem_x509_certificate(nginx_host.shell.text(path).encode())
    assert served_certificate(site).fingerprint(SHA256()) == stored.fingerprint(SHA256()), (
        f"{path} is newer than what is served: run systemctl reload nginx"
    )
