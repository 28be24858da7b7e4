"""Pages of lists: limit, offset or cursor, and the Link header (RFC 8288)."""

from urllib.parse import urlencode

from .call import Reply
from .keyset import NAME

_BODY = '{{"items": [{items}], "limit": {limit}, "offset": {offset}}}'  # as json.dumps writes it


def page(call, items, cursor=None, texts=False):
    """Return the reply for a page.

    The next page is linked by its cursor, after an offset by its offset. The page before is linked by an
    offset only: a cursor leads forward.

    Args:
        call: :class:`~.call.Call` whose query holds ``limit`` and ``offset``.
        items: up to ``limit + 1`` representations; the one too many tells that there is a next page.
        cursor: that of the last item on this page (see :mod:`.keyset`); None where there is none.
        texts: whether the items are texts of JSON already.
    """
    limit, offset = call.query["limit"], call.query["offset"]
    links = []
    if len(items) > limit:
        links.append((("offset", offset + limit) if offset or not cursor else (NAME, cursor), "next"))
    if offset > 0:
        links.append((("offset", max(offset - limit, 0)), "prev"))
    kept = {name: _text(value) for name, value in call.query.items() if name not in ("offset", NAME)}

    def target(place):
        return call.operation.path + "?" + urlencode({**kept, **dict([place])})

    headers = {"Link": ", ".join(f'<{target(place)}>; rel="{rel}"' for place, rel in links)} if links else {}
    shown = items[:limit]
    if texts:
        return Reply(200, _BODY.format(items=", ".join(shown), limit=limit, offset=offset).encode(), headers)
    return Reply(200, {"items": shown, "limit": limit, "offset": offset}, headers)


def _text(value):
    if isinstance(value, bool):
        return str(value).lower()  # as it is sent, not as Python spells it
    return ",".join(map(str, value)) if isinstance(value, list) else value
