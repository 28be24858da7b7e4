"""From the rows of a compiled read to its reply."""

from __future__ import annotations

import json

from ..frame import keyset, pagination
from ..frame.call import Reply


def of_rows(order):
    """Return the function that makes the reply of a list, or of one record.

    Args:
        order: the :class:`~..frame.keyset.Key` objects of the list.
    """

    def show(call, _caller, rows):
        """Return the reply with the rows, None where there is none, or one that Python has to show."""
        keys = None
        if rows and isinstance(rows[0], list):
            rows, keys = zip(*rows)
        if None in rows or (not rows and "id" in call.path):
            return None
        if "id" in call.path:
            return Reply(200, rows[0].encode())
        limit, cursor = call.query["limit"], None
        if len(rows) > limit:
            last = json.loads(keys[limit - 1]) if keys else [json.loads(rows[limit - 1])["id"]]
            cursor = keyset.cursor(call.query["sort"], keyset.values(order, last))
        return pagination.page(call, rows[: limit + 1], cursor, texts=True)

    return show
