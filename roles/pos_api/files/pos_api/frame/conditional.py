"""Entity tags, conditional reads and conditional writes (RFC 9110 sections 8.8.3 and 13.1)."""

import hashlib
import json

from werkzeug.http import parse_etags

from .call import CURRENT, Reply
from .problems import Problem

IF_NONE_MATCH, IF_MATCH = "If-None-Match", "If-Match"
IF_NONE_MATCH_KEY = "HTTP_IF_NONE_MATCH"  # in the WSGI environment


def etag(body):
    """Return the strong tag of a representation: a hash of it, which holds the id and the write dates, and
    also what lives in other tables (taxes, pricelists) and changes without them.

    One that tells its own tag in a member ``etag``, as items do that are read in lists only, has that one.
    """
    if isinstance(body, bytes):
        body = json.loads(body)
    if isinstance(body, dict) and "etag" in body:
        return body["etag"]
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return '"' + hashlib.sha256(canonical.encode()).hexdigest()[:32] + '"'


def tagged(reply):
    """Return a reply with its ``ETag``."""
    if reply.body is None or reply.status >= 300:
        return reply
    headers = {**reply.headers, "ETag": etag(reply.body)}
    if reply.status == 200:
        headers.setdefault("Cache-Control", "private, no-cache")
    return Reply(reply.status, reply.body, headers)


def unless_known(reply, if_none_match):
    """Return a reply, or the 304 where its client has this representation.

    Args:
        reply: that :func:`tagged` gave.
        if_none_match: the call's header, None without one.
    """
    tag = reply.headers.get("ETag")
    if tag and if_none_match and parse_etags(if_none_match).contains_weak(tag.strip('"')):
        return Reply(304, None, reply.headers)
    return reply


def check_precondition(call):
    """Compare ``If-Match`` with the tag of the present representation, before the operation changes it.

    A proxy that compresses answers turns a strong tag into a weak one (nginx does). Ours is a hash of the
    whole representation, so its weak form says as much, and is accepted.

    The comparison and the change are in one transaction at REPEATABLE READ: where another call changes the
    same rows meanwhile, PostgreSQL lets only one of them commit, and the other one is run again and fails
    here.

    Raises:
        Problem: 428 without the header, 412 where the tags differ; 404 where there is no such record.
    """
    current = CURRENT[call.operation.id](call)
    if IF_MATCH not in call.headers:
        raise Problem(
            428,
            "Send the ETag of the representation that the change is based on as If-Match.",
            "precondition-required",
        )
    tag = etag(current)
    if not parse_etags(call.headers[IF_MATCH]).contains_weak(tag.strip('"')):
        raise Problem(
            412,
            "The record is no longer as it was when it was read: read it again.",
            "precondition-failed",
            headers=[("ETag", tag)],
        )
