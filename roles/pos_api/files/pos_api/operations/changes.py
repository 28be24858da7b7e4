"""What has changed since a till asked last.

A row's write date is the beginning of the transaction that wrote it, which may commit long after a till has
asked. So the cursor holds no time to compare with, but the oldest transaction that was still running when it
asked (the xmin of its snapshot): every row version that it did not see was written by this transaction or a
later one, whatever its commit. What is sent twice does no harm.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import astuple, dataclass, replace

from ..frame.call import Reply, operation
from ..frame.principal import database_id
from ..frame.problems import Problem, invalid
from ..models.tombstone import CURSOR_LIFE
from ..records import matching, read
from ..resources.sync import SECTIONS

MAX_ID = 2**31 - 1
MAX_TRANSACTIONS = 2**30  # rows hold 32 bits of their transaction's number, so that half of 2^32 can be told


@dataclass(frozen=True)
class Cursor:
    """Where a till is: within a round through all sections.

    Attributes:
        mark: of the database and the companies; see :func:`_present`.
        since, since_time: the oldest running transaction and the time (Unix) at the beginning of the last
            round: what was written later is sent. None in the first round, which sends everything.
        until, until_time: the same at the beginning of this round; what the next one begins with.
        section: index of the section that comes next.
        after: id after which it goes on.
    """

    mark: str
    since: int | None
    since_time: int | None
    until: int
    until_time: int
    section: int = 0
    after: int = 0

    def text(self):
        """Return what clients get to see."""
        packed = json.dumps(astuple(self), separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _is_count(value, most=2**63 - 1):
    return type(value) is int and 0 <= value <= most


def _read_cursor(text):
    """Return the :class:`Cursor` that a client sends back.

    Raises:
        Problem: 422 for what is none.
    """
    refused = invalid(("query:cursor", "is no cursor of this API"))
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        cursor = Cursor(*values)
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise refused from error
    counts = [cursor.until, cursor.until_time]
    if (cursor.since, cursor.since_time) != (None, None):
        counts += [cursor.since, cursor.since_time]
    if not (
        isinstance(cursor.mark, str)
        and all(map(_is_count, counts))
        and _is_count(cursor.section, len(SECTIONS) - 1)
        and _is_count(cursor.after, MAX_ID)
        and cursor.text() == text
    ):
        raise refused
    return cursor


def _present(env):
    """Return (mark, oldest running transaction, the next one, Unix time) of this call's snapshot.

    The mark changes where a cursor means nothing any more: in another database, after a restore (transactions
    are counted from elsewhere then: PostgreSQL's cluster, database or timeline is another one), and where the
    user has come to see other companies.
    """
    env.cr.execute(
        """
        SELECT txid_snapshot_xmin(snapshot), txid_snapshot_xmax(snapshot),
               extract(epoch FROM now())::bigint,
               concat_ws(':', system_identifier, pg_database.oid,
                         left(pg_walfile_name(pg_current_wal_lsn()), 8))
          FROM txid_current_snapshot() AS snapshot, pg_control_system(), pg_database
         WHERE datname = current_database()
        """
    )
    oldest, following, now, cluster = env.cr.fetchone()
    named = f"{database_id(env)}:{cluster}:{sorted(env.companies.ids)}"
    return hashlib.sha256(named.encode()).hexdigest()[:12], oldest, following, now


def _start(call):
    """Return the cursor to go on from.

    Raises:
        Problem: 409 for one that is too old, or of another database.
    """
    mark, oldest, following, now = _present(call.env)
    if "cursor" not in call.query:
        return Cursor(mark, None, None, oldest, now)
    cursor = _read_cursor(call.query["cursor"])
    first, time = cursor.until, cursor.until_time
    if cursor.since is not None:
        first, time = min(first, cursor.since), min(time, cursor.since_time)
    known = following - MAX_TRANSACTIONS < first and max(cursor.until, cursor.since or 0) <= following
    if cursor.mark != mark or not known or now - time > CURSOR_LIFE.total_seconds():
        raise Problem(
            409,
            "The cursor is too old, or of another database or other companies: start anew without one.",
            "cursor-expired",
        )
    if cursor.section == 0 and cursor.after == 0 and cursor.since == cursor.until:
        return replace(cursor, until=oldest, until_time=now)  # the first page of a round
    return cursor


def _changed(call, section, cursor, limit):
    """Return up to ``limit`` ids of a section that were written or deleted since the last round, in order."""
    buried = "SELECT d.record_id FROM pos_api_tombstone d WHERE d.section = %(section)s AND fresh(d)"
    sources = " UNION ".join((*section.sources, buried))
    # age() counts back from the present transaction, so it holds when the 32 bits wrap around
    fresh = r"age(\1.xmin) <= (SELECT age(%(since)s::xid))"
    call.env.cr.execute(
        f"SELECT id FROM ({re.sub(r'fresh[(]([a-z])[)]', fresh, sources)}) AS found (id)"
        " WHERE id > %(after)s ORDER BY id LIMIT %(limit)s",
        {
            "section": section.name,
            "since": str(cursor.since % 2**32),
            "after": cursor.after,
            "limit": limit,
        },
    )
    return [number for (number,) in call.env.cr.fetchall()]


def _page(call, section, cursor, limit):
    """Return (records to show, ids to remove, id of the last one or None where the section is at its end)."""
    model, scope = matching(call, section.resource)
    if cursor.since is None:
        ids = model.search([*scope, ("id", ">", cursor.after)], order="id", limit=limit + 1).ids
        found = model.browse(ids[:limit])
    else:
        ids = _changed(call, section, cursor, limit + 1)
        found = model.search([*scope, ("id", "in", ids[:limit])], order="id")
    removed = sorted(set(ids[:limit]) - set(found.ids))
    return found, removed, ids[limit - 1] if len(ids) > limit else None


@operation("listChanges")
def list_changes(call):
    cursor, room, body = _start(call), call.query["limit"], {}
    for section in SECTIONS:
        body[section.name] = {"changed": [], "removed": []}
    while cursor.section < len(SECTIONS) and room:
        section = SECTIONS[cursor.section]
        found, removed, last = _page(call, section, cursor, room)
        body[section.name] = {"changed": read(found, section.resource), "removed": removed}
        room -= len(found) + len(removed)
        following = {"after": last} if last else {"section": cursor.section + 1, "after": 0}
        cursor = replace(cursor, **following)
    more = cursor.section < len(SECTIONS)
    if not more:
        cursor = Cursor(cursor.mark, cursor.until, cursor.until_time, cursor.until, cursor.until_time)
    return Reply(200, {**body, "cursor": cursor.text(), "more": more})
