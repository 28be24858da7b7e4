"""Routes, made from the OpenAPI document."""

import functools
import re

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, RequestRedirect, Rule

from . import document
from .problems import MEDIA_TYPE, Problem

MAX_ID = 2**31 - 1


def _pattern(operation):
    """Return the path of an operation in werkzeug's notation; a whole number, or one of the given names."""

    def converter(match):
        schema = operation.parameters["path", match[1]]["schema"]
        kind = f"any({', '.join(map(repr, schema['enum']))})" if "enum" in schema else "int"
        return f"<{kind}:{match[1]}>"

    return re.sub(r"{(\w+)}", converter, operation.path)


@functools.lru_cache(maxsize=1)
def routes():
    """Return the werkzeug map of all operations."""
    rules = [
        Rule(_pattern(operation), endpoint=operation.id, methods=[operation.method])
        for operation in document.operations().values()
    ]
    return Map(rules, strict_slashes=True, redirect_defaults=False)


def match(path, method):
    """Return (operation, path parameters).

    Raises:
        Problem: 404 for an unknown path or an id that no record can have, 405 with ``Allow`` for a wrong
            method.
    """
    adapter = routes().bind("")
    try:
        identifier, values = adapter.match(path, method)
    except MethodNotAllowed as error:
        allowed = ", ".join(sorted(error.valid_methods))
        raise Problem(405, f"This resource knows only {allowed}.", headers=[("Allow", allowed)]) from error
    except (NotFound, RequestRedirect) as error:
        raise Problem(404, "There is no such resource.") from error
    if any(isinstance(value, int) and not 0 < value <= MAX_ID for value in values.values()):
        raise Problem(404, "There is no such record.")
    return document.operations()[identifier], values


def check_accept(httprequest, operation):
    """Refuse a call whose Accept header has none of the operation's media types (406)."""
    accepted = httprequest.accept_mimetypes
    if accepted and not any(accepted.quality(kind) for kind in operation.media_types):
        given = ", ".join(sorted(operation.media_types - {MEDIA_TYPE})) or "application/json"
        raise Problem(406, f"This operation answers in {given} only.")
