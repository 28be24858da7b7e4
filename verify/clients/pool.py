"""Kept-open HTTPS connections for timed calls: urllib3, at a fraction of the cost of a requests session."""

import ssl

import urllib3

from verify.clients.web import REQUEST_SECONDS, Site


def open_pool(site: Site, clients: int) -> urllib3.HTTPSConnectionPool:
    """Return a pool with one connection for each client, whose certificates are verified as in `web.Client`.

    Args:
        site: the web server.
        clients: clients at the same time.
    """
    return urllib3.HTTPSConnectionPool(
        site.address,
        site.https_port,
        maxsize=clients,
        block=True,
        timeout=REQUEST_SECONDS,
        retries=False,
        ca_certs=str(site.ca) if site.ca else None,
        ca_cert_dir=None if site.ca else ssl.get_default_verify_paths().capath,
        server_hostname=site.name,
        assert_hostname=site.name,
        headers={"Host": site.host_header, "User-Agent": "tillstack-verify"},
    )
