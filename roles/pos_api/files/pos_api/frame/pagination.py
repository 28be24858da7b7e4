"""Pages of lists: limit, offset and the Link header (RFC 8288)."""

from urllib.parse import urlencode

from .call import Reply


def page(call, items):
    """Return the reply for a page.

    Args:
        call: :class:`~.call.Call` whose query holds ``limit`` and ``offset``.
        items: up to ``limit + 1`` representations; the one too many tells that there is a next page.
    """
    limit, offset = call.query["limit"], call.query["offset"]
    links = []
    if len(items) > limit:
        links.append((offset + limit, "next"))
    if offset > 0:
        links.append((max(offset - limit, 0), "prev"))

    def target(start):
        query = {name: _text(value) for name, value in call.query.items()}
        return call.operation.path + "?" + urlencode({**query, "offset": start, "limit": limit})

    headers = {"Link": ", ".join(f'<{target(start)}>; rel="{rel}"' for start, rel in links)} if links else {}
    return Reply(200, {"items": items[:limit], "limit": limit, "offset": offset}, headers)


def _text(value):
    if isinstance(value, bool):
        return str(value).lower()  # as it is sent, not as Python spells it
    return ",".join(map(str, value)) if isinstance(value, list) else value
