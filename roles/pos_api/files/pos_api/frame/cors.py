"""Calls from pages of other origins (CORS, Fetch standard): refused by browsers unless the estate names the
origins."""

import functools

from werkzeug.wrappers import Response

from .. import settings
from . import document, routing

MAX_AGE = 600  # seconds that a browser may keep a preflight's answer
SAFE = ("Authorization", "Content-Type")  # what every operation may need; the rest is in the document


def _allowed(httprequest):
    """Return the caller's origin where the estate allows it, else None."""
    origin = httprequest.headers.get("Origin")
    return origin if origin in settings.current().cors_origins else None


def preflight(httprequest):
    """Return the answer to a preflight of an allowed origin, None for anything else.

    Raises:
        Problem: 404 for an unknown path, 405 for a method that it does not have.
    """
    method = httprequest.headers.get("Access-Control-Request-Method")
    if httprequest.method != "OPTIONS" or not method or not _allowed(httprequest):
        return None
    operation, _path = routing.match(httprequest.path, method)
    answer = Response(b"", status=204)
    answer.headers.pop("Content-Type", None)
    answer.headers["Access-Control-Allow-Methods"] = operation.method
    answer.headers["Access-Control-Allow-Headers"] = ", ".join((*SAFE, *sorted(operation.headers())))
    answer.headers["Access-Control-Max-Age"] = str(MAX_AGE)
    return answer


@functools.lru_cache(maxsize=1)
def _headers():
    """Return the names of the response headers in the document, as browsers want them."""
    declared = [declared for item in document.load()["paths"].values() for declared in item.values()]
    answers = [answer for one in declared for answer in one["responses"].values()]
    return ", ".join(sorted({name for answer in answers for name in answer.get("headers", ())}))


def expose(httprequest, answer):
    """Let an allowed origin's page read an answer and the headers that the document names."""
    if not settings.current().cors_origins:
        return
    answer.headers.add("Vary", "Origin")
    origin = _allowed(httprequest)
    if origin:
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Access-Control-Expose-Headers"] = _headers()
