"""The one place where refusals become ``application/problem+json`` answers (RFC 9457)."""

import json
from contextlib import contextmanager
from http import HTTPStatus

from odoo import exceptions
from werkzeug.wrappers import Response

TYPE_PREFIX = "urn:tillstack:pos-api:"
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A refusal. Raised anywhere below the dispatcher; the transaction is rolled back.

    Args:
        status: HTTP status code.
        detail: one sentence for the caller; never the text of an internal exception.
        slug: last part of the problem's type, for example ``no-open-session``; without it ``about:blank``.
        headers: further response headers.
        extensions: further members of the problem document, for example ``errors``.
    """

    def __init__(self, status, detail, slug=None, headers=(), **extensions):
        super().__init__(detail)
        self.status = int(status)
        self.detail = detail
        self.slug = slug
        self.headers = tuple(headers)
        self.extensions = extensions


def invalid(*errors):
    """Return the 422 for fields or parameters. Each error is (where, sentence); where is a JSON pointer into
    the body (``/lines/0/qty``) or ``query:name``, ``header:name``, ``path:name``."""
    listed = []
    for where, sentence in errors:
        kind, _, name = where.partition(":")
        listed.append({kind: name, "detail": sentence} if name else {"pointer": where, "detail": sentence})
    first = listed[0]
    name = first.get("pointer") or first.get("query") or first.get("header") or first.get("path") or "body"
    return Problem(422, f"{name}: {first['detail']}", "invalid", errors=listed)


def unauthorized(detail, error=None, slug="unauthorized"):
    """Return the 401 with the challenge of RFC 6750 section 3; no ``error`` where no credentials were
    sent."""
    challenge = 'Bearer realm="pos-api"'
    if error:
        challenge += f', error="{error}", error_description="{detail}"'
    return Problem(401, detail, slug, headers=[("WWW-Authenticate", challenge)])


@contextmanager
def translated():
    """Turn Odoo's refusals into problems, without their text unless it is meant for the user."""
    try:
        yield
    except exceptions.AccessError as error:
        raise Problem(403, "Your user may not do this.", "forbidden") from error
    except exceptions.MissingError as error:
        raise Problem(404, "There is no such record.") from error
    except exceptions.AccessDenied as error:
        raise unauthorized("The credentials are not valid.") from error
    except exceptions.UserError as error:
        raise Problem(422, str(error.args[0]), "refused") from error


def document(problem, instance):
    """Return the problem document of a :class:`Problem`; ``instance`` is the request's path."""
    return {
        "type": TYPE_PREFIX + problem.slug if problem.slug else "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        **problem.extensions,
    }


def response(problem, instance):
    """Return the werkzeug response of a :class:`Problem`; ``instance`` is the request's path."""
    answer = Response(json.dumps(document(problem, instance)), status=problem.status, content_type=MEDIA_TYPE)
    answer.headers["Cache-Control"] = "no-store"
    for name, value in problem.headers:
        answer.headers[name] = value
    return answer
