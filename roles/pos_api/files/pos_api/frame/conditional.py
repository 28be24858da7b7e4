"""Entity tags and conditional reads (RFC 9110 sections 8.8.3 and 13.1.2)."""

import hashlib
import json

from werkzeug.http import parse_etags

from .call import Reply

IF_NONE_MATCH = "If-None-Match"


def etag(body):
    """Return the strong tag of a representation: a hash of it, which holds the id and the write dates, and
    also what lives in other tables (taxes, pricelists) and changes without them."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return '"' + hashlib.sha256(canonical.encode()).hexdigest()[:32] + '"'


def tagged(reply, if_none_match):
    """Return the reply with its ``ETag``, or the 304 where the client has this representation."""
    if reply.status != 200:
        return reply
    tag = etag(reply.body)
    headers = {**reply.headers, "ETag": tag, "Cache-Control": "private, no-cache"}
    if if_none_match and parse_etags(if_none_match).contains_weak(tag.strip('"')):
        return Reply(304, None, headers)
    return Reply(200, reply.body, headers)
