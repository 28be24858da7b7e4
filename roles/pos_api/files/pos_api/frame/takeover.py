"""Takes the API's paths from Odoo's dispatcher, before it looks at media type, session file or cookie.

Odoo chooses the request class by media type, so that ``application/json`` always becomes JSON-RPC. The choice
for the API's paths is made here instead, at the WSGI entry of the server, which is why the addon is loaded
server-wide.
"""

import functools
import logging
import sys

from odoo import http

from .. import settings
from . import dispatch, routing

_logger = logging.getLogger(__name__)

PREFIX = "/api/v1"
WELL_KNOWN = "/.well-known/jwks.json"


def is_ours(path):
    """Return whether the API answers this path."""
    return path in (PREFIX, WELL_KNOWN) or path.startswith(PREFIX + "/")


def take_over():
    """Put the API in front of Odoo's WSGI entry (the manifest's ``post_load``).

    Raises:
        SystemExit: odoo.conf holds a value that the addon cannot use. A server that started all the same
            would answer every call of the API with an error and would look healthy to systemd.
    """
    try:
        settings.current()
    except settings.SettingsError as error:
        _logger.critical("%s", error)
        sys.exit(str(error))
    routing.routes()  # read now, so that a document that cannot be used ends the start as well
    original = http.Root.__call__

    @functools.wraps(original)
    def entry(root, environ, start_response):
        if is_ours(environ.get("PATH_INFO", "")):
            return dispatch.application(environ, start_response)
        return original(root, environ, start_response)

    http.Root.__call__ = entry
    _logger.info("POS API: answering %s and %s", PREFIX, WELL_KNOWN)
