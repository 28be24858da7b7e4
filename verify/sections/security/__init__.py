"""What an attacker would try, against the API, the web server, Odoo, the databases and the hosts.

The OWASP API Security Top Ten of 2023, and where its risks are checked; each title names its id:

===== ===================================================== ============================================
API1  broken object level authorization                     test_api_authorization
API2  broken authentication                                 test_api_authentication, test_passwords
API3  broken object property level authorization            test_api_authorization
API4  unrestricted resource consumption                     test_api_limits, test_nginx
API5  broken function level authorization                   test_api_authorization
API6  unrestricted access to sensitive business flows       test_api_authorization
API7  server side request forgery                           test_api_requests
API8  security misconfiguration                             test_api_answers, test_nginx, test_tls, ...
API9  improper inventory management                         test_api_inventory, test_versions
API10 unsafe consumption of APIs                            does not apply, see below
===== ===================================================== ============================================

API10 is about what a service believes of other services' answers. The POS API calls none: it has no client of
HTTP, takes no address from a request (which API7 checks), and payment terminals, webhooks and the like are
outside of it. Odoo's outgoing mail goes to the server that an administrator set, and nothing is read back.
"""
