"""The request class of the API: Odoo's WebRequest with a session that is never read from or written to a
store."""

from odoo import http


def _memory_session(database):
    """Return a session that lives as long as the request; the client's cookies play no part in it."""
    session = http.OpenERPSession({}, "", True)
    session.db = database
    return session


class ApiRequest(http.WebRequest):
    """A request to the API, in one transaction; what Odoo code sees as ``odoo.http.request``.

    Used as a context manager: leaving it without an exception commits and tells the other workers of changed
        caches.
    """

    _request_type = "api"

    def __init__(self, httprequest, database):
        httprequest.session = _memory_session(database)
        super().__init__(httprequest)
        self.params = {}


def is_api():
    """Return whether the code runs for a call of the API."""
    return bool(http.request) and getattr(http.request, "_request_type", None) == "api"
