"""What verify can't work with ends it at once, with status 2 and an error that says what to do."""

from __future__ import annotations

import ipaddress
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import Deployed
from tests.harness.stack import Target
from tests.harness.verifying import Verified, verify

pytestmark = pytest.mark.hosts

NOBODY = "192.0.2.1"  # RFC 5737: documentation only, so nobody answers
INSTALL = """
site=$(readlink -f /etc/nginx/sites-enabled/odoo.conf)
cat > /etc/ssl/expired.pem <<'END'
{pem}
END
chmod 600 /etc/ssl/expired.pem
sed -i -E 's#(ssl_certificate|ssl_certificate_key) [^;]+;#\\1 /etc/ssl/expired.pem;#' "$site"
nginx -t -q
systemctl reload nginx
"""


def inventory_like(target: Target, folder: Path, **variables: object) -> Path:
    """Return a copy of a deployment's inventory with other variables."""
    copy = folder / f"{target.host}-{'-'.join(variables)}"
    shutil.copytree(target.inventory, copy)
    own = copy / "group_vars" / "all" / "zzz.yml"
    own.write_text(yaml.safe_dump(variables))
    return copy


def refused(run: Verified, *texts: str) -> None:
    """Look for status 2 and for texts in what was printed.

    Raises:
        AssertionError: It ended otherwise, or does not say so.
    """
    assert run.status == 2, run.output[-4000:]
    for text in ("could not run", *texts):
        assert text in run.output, run.output[-4000:]
    assert "Traceback" not in run.output


def test_no_such_inventory(results: Path) -> None:
    run = verify(results / "nowhere", results / "nowhere-report")
    refused(run, "nowhere")


def test_no_such_host(deployed: Deployed, results: Path) -> None:
    copy = inventory_like(deployed, results, ansible_host=NOBODY)
    hosts = yaml.safe_load((copy / "hosts.yml").read_text())
    hosts["all"]["hosts"][deployed.host]["ansible_host"] = NOBODY
    hosts["all"]["hosts"][deployed.host]["ansible_ssh_common_args"] = "-o ConnectTimeout=3"
    (copy / "hosts.yml").write_text(yaml.safe_dump(hosts))
    refused(verify(copy, results / "no-host-report"), "no host of the inventory answers", deployed.host)


def test_unknown_section(deployed: Deployed, results: Path) -> None:
    run = verify(deployed.inventory, results / "section-report", "--section", "speed")
    refused(run, "--section speed", "performance")


@pytest.mark.parametrize(
    ("value", "named"),
    [("fast", "verify_thresholds"), ({"read": {"p95_ms": "soon"}}, "verify_thresholds")],
    ids=["no mapping", "no number"],
)
def test_unreadable_thresholds(deployed: Deployed, results: Path, value: object, named: str) -> None:
    folder = results / f"thresholds-{type(value).__name__}"
    copy = inventory_like(deployed, folder, verify_thresholds=value)
    refused(verify(copy, folder / "report"), named)


def test_wrong_credentials(deployed: Deployed, results: Path) -> None:
    copy = inventory_like(deployed, results, odoo_admin_password="not the password")
    run = verify(copy, results / "credentials-report", "--section", "services")
    refused(run, "odoo_admin_password", "admin")
    assert "not the password" not in run.output


def expired_certificate(name: str, address: str) -> tuple[str, str]:
    """Return an authority's certificate, and key and certificate of an expired server, as PEM."""
    now, key = datetime.now(UTC), ec.generate_private_key(ec.SECP256R1())
    authority_key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])

    def built(
        subject: x509.Name, public: ec.EllipticCurvePublicKey, until: datetime, ca: bool
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if not ca:
            names = x509.SubjectAlternativeName([_general(name), _general(address)])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(authority_key, hashes.SHA256())

    authority = built(issuer, authority_key.public_key(), now + timedelta(days=30), ca=True)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "till")])
    server = built(subject, key.public_key(), now - timedelta(days=1), ca=False)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = serialization.Encoding.PEM
    return authority.public_bytes(pem).decode(), private.decode() + server.public_bytes(pem).decode()


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def test_expired_certificate(clone_of: Callable[[str], Target], results: Path) -> None:
    target = clone_of("expired")
    name = yaml.safe_load((target.inventory / "group_vars" / "all" / "own.yml").read_text())[
        "nginx_server_name"
    ]
    authority, server = expired_certificate(name, name)
    trusted = results / "expired-ca.pem"
    trusted.write_text(authority)
    target.shell(INSTALL.format(pem=server))
    run = verify(target.inventory, results / "expired-report", "--ca-file", str(trusted))
    refused(run, "certificate", "expired", "nginx_tls_mode")
    without = verify(
        target.inventory, results / "expired-rest", "--section", "configuration", "-k", "postgresql"
    )
    assert without.status == 0, without.output[-4000:]
