"""A server of the API's own beside Odoo's: granian's workers, with the same application before them.

Run as a program, with Odoo's Python: ``odoo-python -P serve.py --config /etc/odoo/odoo.conf --port 8073``. It
is not imported by the addon; ``-P`` keeps the addon's modules from being found by their bare names.
"""

import argparse
import gc
import logging
import socket

import odoo
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from odoo.service import server, wsgi_server
from odoo.tools import config

THREAD_IDLE = 600  # seconds until a thread ends, and what it holds of the database; granian's longest
STOPPED_WITHIN = 30  # seconds that a worker has for its last calls
# Its lines go where Odoo's go, in Odoo's form. The web server logs calls; to see which worker answers which
# one, give odoo.conf log_handler = :INFO,granian.access:DEBUG
ACCESS = "granian.access"
ACCESS_FORM = '"%(method)s %(path)s?%(query_string)s" %(status)d %(dt_ms).1f ms'
LOGGING = {"formatters": {}, "handlers": {}, "loggers": {"_granian": {}, ACCESS: {}}}


def behind_proxy(application):
    """Return the application with Odoo's rule of whom to believe a client's address: with ``proxy_mode`` the
    web server in front, which sends X-Forwarded-Host (odoo/service/wsgi_server.py)."""
    proxied = wsgi_server.ProxyFix(application)

    def entry(environ, start_response):
        believed = config["proxy_mode"] and "HTTP_X_FORWARDED_HOST" in environ
        return (proxied if believed else application)(environ, start_response)

    return entry


def for_granian(application):
    """Return the application as granian's side of WSGI is best served."""

    def entry(environ, start_response):
        # granian ends a body that its client breaks off without an error: the announced length has to tell
        if "CONTENT_LENGTH" in environ:
            environ.pop("wsgi.input_terminated", None)
        answer = application(environ, start_response)
        try:
            return [b"".join(answer)]  # a list is sent at once, anything else part by part
        finally:
            if hasattr(answer, "close"):
                answer.close()

    return entry


def load(path):
    """Load Odoo as its own server does before it forks, and return the API's application.

    Where the database cannot be reached, each worker loads the registry with its first call.
    """
    config.parse_config(["--config", path])
    odoo.multi_process = True
    server.load_server_wide_modules()
    odoo.http.root.load_addons()
    server.preload_registries([name.strip() for name in (config["db_name"] or "").split(",") if name.strip()])
    odoo.sql_db.close_all()
    from odoo.addons.pos_api.frame import dispatch

    return for_granian(behind_proxy(dispatch.application))


def resolved(interface, port):
    """Return the address of an interface that is given by name or address: granian takes no names. Of a name
    with both it is the one of IPv4, where Odoo listens too."""
    try:
        found = socket.getaddrinfo(interface, port, socket.AF_INET, socket.SOCK_STREAM)
    except socket.gaierror:
        found = socket.getaddrinfo(interface, port, type=socket.SOCK_STREAM)
    return found[0][4][0]


def arguments():
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="odoo.conf")
    parser.add_argument("--interface", default="127.0.0.1", help="address, or its name, to listen on")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--workers", type=int, required=True, help="processes")
    parser.add_argument("--threads", type=int, required=True, help="calls that a worker serves at a time")
    parser.add_argument("--worker-max-mb", type=int, required=True, help="MiB above which one is replaced")
    return parser.parse_args()


def main():
    """Serve until a signal ends it."""
    given = arguments()
    application = load(given.config)
    # What all workers share is not looked at by their garbage collectors, so it stays shared.
    gc.collect()
    gc.freeze()
    Granian(
        "pos_api",
        address=resolved(given.interface, given.port),
        port=given.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=given.workers,
        blocking_threads=given.threads,
        blocking_threads_idle_timeout=THREAD_IDLE,
        respawn_failed_workers=True,
        workers_max_rss=given.worker_max_mb,
        workers_kill_timeout=STOPPED_WITHIN,
        log_dictconfig=LOGGING,
        log_access=logging.getLogger(ACCESS).isEnabledFor(logging.DEBUG),
        log_access_format=ACCESS_FORM,
    ).serve(target_loader=lambda: application, wrap_loader=False)


if __name__ == "__main__":
    main()
