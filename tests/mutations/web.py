"""Faults of the web server and its certificate."""

from __future__ import annotations

from collections.abc import Mapping

from tests.mutations.case import Mutation

NGINX = "security/test_nginx.py"
LOADED = "configuration/test_nginx.py"
# A certificate of the estate's own authority for the same key and name, good for five days.
SHORT = """
name=$(openssl x509 -in $TLS/server.pem -noout -ext subjectAltName | sed -n '2s/^ *//; 2s/ Address//p')
keep $TLS/server.pem
openssl req -new -key $TLS/server.key -subj /CN=mutation -out /root/mutation.csr
printf 'subjectAltName=%s\\nextendedKeyUsage=serverAuth\\n' "$name" >/root/mutation.ext
openssl x509 -req -in /root/mutation.csr -CA /etc/tillstack/ca.pem -CAkey $TLS/ca.key -CAcreateserial \
  -CAserial /root/mutation.srl -days 5 -extfile /root/mutation.ext -out $TLS/server.pem 2>/dev/null
rm /root/mutation.csr /root/mutation.ext
"""


def _site(
    name: str, expected: Mapping[str, str], script: str, subject: str = "nginx", why: str = ""
) -> Mutation:
    """Return a mutation of the site's file, which a reload brings into effect."""
    return Mutation(
        name,
        subject,
        "security",
        expected,
        f"change $SITE '{script}'; reload_nginx",
        "put_back $SITE; reload_nginx",
        clash="tls" if subject == "tls" else "",
        why=why,
    )


CASES = (
    _site(
        "mutation-tls-1.0",
        {
            f"{NGINX}::test_protocol_versions[TLSv1-False]": "ssl_protocols",
            "security/test_tls.py::test_weak_suites": "ECDHE-ECDSA-AES128-SHA",
        },
        "s/ssl_protocols .*/ssl_protocols TLSv1 TLSv1.2 TLSv1.3;/;"
        " s/ssl_ciphers .*/ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0;/",
        "tls",
        "TLS 1.0 has no suite that is not weak",
    ),
    _site(
        "mutation-weak-suite",
        {"security/test_tls.py::test_weak_suites": "ECDHE-ECDSA-AES128-SHA256"},
        "s/(ssl_ciphers .*);/\\1:ECDHE-ECDSA-AES128-SHA256;/",
        "tls",
    ),
    _site(
        "mutation-no-tls-1.3",
        {
            f"{NGINX}::test_protocol_versions[TLSv1_3-True]": "ssl_protocols",
            "security/test_tls.py::test_modern_suite": "ssl_protocols",
        },
        "s/ssl_protocols .*/ssl_protocols TLSv1.2;/",
        "tls",
        "one client speaks nothing else, and one would rather",
    ),
    _site(
        "mutation-no-hsts",
        {f"{NGINX}::test_security_headers": "max-age"},
        "/add_header Strict-Transport-Security/d",
        "headers",
    ),
    _site(
        "mutation-server-tokens-on",
        {f"{NGINX}::test_security_headers": "server_tokens"},
        "s/^server_tokens off;/server_tokens on;/",
        "headers",
    ),
    _site(
        "mutation-cookie-open-to-scripts",
        {f"{NGINX}::test_session_cookie": "httponly"},
        "s/^( *)proxy_redirect off;/\\1proxy_redirect off; proxy_cookie_flags session_id nohttponly;/",
        "headers",
    ),
    _site(
        "mutation-cookie-over-http",
        {f"{NGINX}::test_session_cookie": "secure is not in"},
        "/proxy_cookie_path/d",
        "headers",
    ),
    _site(
        "mutation-login-limit-gone",
        {f"{NGINX}::test_logins_are_limited": "were all let through"},
        "/limit_req zone=odoo_login/d",
        "limits",
    ),
    _site(
        "mutation-other-version-answers",
        {"security/test_api_inventory.py::test_other_versions": "/api/v2/health"},
        "s#^  location = /web/login \\{#  location = /api/v2/health { return 200; }\\n&#",
        "inventory",
    ),
    _site(
        "mutation-status-page-left",
        {"security/test_api_inventory.py::test_forgotten_paths": "/nginx_status"},
        "s#^  location = /web/login \\{#  location = /nginx_status { stub_status; }\\n&#",
        "inventory",
    ),
    _site(
        "mutation-database-manager-open",
        {"security/test_odoo.py::test_database_manager_is_closed[*]": "answers 200"},
        "/location \\^~ \\/web\\/database\\//d",
        "nginx",
    ),
    _site(
        "mutation-longpolling-dead",
        {"services/test_odoo.py::test_bus_message_arrives": ""},
        "s/server 127.0.0.1:8072/server 127.0.0.1:8079/",
        "nginx",
    ),
    Mutation(
        "mutation-certificate-ends-soon",
        "certificate",
        "security",
        {f"{NGINX}::test_certificate": "run site.yml"},
        f"{SHORT}reload_nginx",
        "put_back $TLS/server.pem; reload_nginx; rm /root/mutation.srl",
    ),
    Mutation(
        "mutation-certificate-not-loaded",
        "certificate",
        "configuration",
        {
            f"{LOADED}::test_files_are_loaded": "/etc/tillstack/tls/server.pem",
            f"{LOADED}::test_certificate_is_the_one_on_disk": "systemctl reload nginx",
        },
        SHORT,
        "put_back $TLS/server.pem; rm /root/mutation.srl",
        why="the file has changed, and a client sees the old one",
    ),
    Mutation(
        "mutation-nginx-not-reloaded",
        "nginx",
        "configuration",
        {f"{LOADED}::test_files_are_loaded": "/etc/nginx/sites-enabled/odoo.conf"},
        "keep $SITE; echo '# changed' >>$SITE",
        "put_back $SITE",
    ),
    Mutation(
        "mutation-api-past-its-server",
        "nginx",
        "configuration",
        {f"{LOADED}::test_api_goes_to_its_server": "they go to"},
        "change $SITE 's#proxy_pass http://odoo_api;#proxy_pass http://odoo;#'; reload_nginx",
        "put_back $SITE; reload_nginx",
    ),
    Mutation(
        "mutation-api-on-another-port",
        "nginx",
        "configuration",
        {f"{LOADED}::test_api_goes_to_its_server": "the API listens on port"},
        # Odoo's workers answer the API there, so that nothing else is wrong.
        "change $SITE 's#server (.*):8073#server \\1:8069#'; reload_nginx",
        "put_back $SITE; reload_nginx",
    ),
    Mutation(
        "mutation-api-connections-not-kept",
        "nginx",
        "configuration",
        {f"{LOADED}::test_api_goes_to_its_server": "keepalive"},
        "change $SITE '/^ *keepalive 32;/d'; reload_nginx",
        "put_back $SITE; reload_nginx",
    ),
)
