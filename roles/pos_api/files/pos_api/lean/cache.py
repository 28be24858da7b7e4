"""Answers kept in memory, each for the version of the database that it was made from.

An answer is given again only to a call whose own snapshot has the same version (see
:mod:`..models.change_log`). So the version must be read in the snapshot of the data, or before it: an answer
that is newer than its version is found by nobody, one that is older would be taken for new.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from .. import settings

OVERHEAD = 1024  # bytes that an entry takes beside its texts: objects, headers, its place in the dictionary


@dataclass(frozen=True)
class Answer:
    """A kept answer.

    Attributes:
        version: of what it was made from.
        body: bytes as they are sent.
        headers: {name: value} of further headers.
    """

    version: str
    body: bytes
    headers: dict


def _size(value):
    """Return the bytes of a key, what it shares with others counted in."""
    return sys.getsizeof(value) + (sum(map(_size, value)) if isinstance(value, tuple) else 0)


class Answers:
    """Answers of all threads, of which those used longest ago make room.

    Args:
        limit: bytes that all entries may take; 0 keeps none.
    """

    def __init__(self, limit):
        self.limit = limit
        self.size = 0
        self._newest = {}  # log of changes: its version that was asked for or kept last
        self._entries = OrderedDict()  # key: (Answer, bytes)
        self._lock = threading.Lock()

    def promises(self, key: Hashable, log):
        """Return whether there is an answer of the version of a log that was seen last, which :meth:`get` may
        give. It is a guess that saves asking for the version of an answer that is outdated."""
        answer, _size = self._entries.get(key, (None, 0))
        return answer is not None and answer.version == self._newest.get(log)

    def get(self, key: Hashable, version, log):
        """Return the :class:`Answer` of a key if it is of this version of a log, else None."""
        with self._lock:
            self._newest[log] = version
            answer, _size = self._entries.get(key, (None, 0))
            if answer is None or answer.version != version:
                return None
            self._entries.move_to_end(key)
            return answer

    def put(self, key: Hashable, answer, log):
        """Keep an answer in the place of the one of its key.

        Args:
            key: what makes the answer beside the database: statement, parameters, query.
            answer: :class:`Answer`; one that is larger than an eighth of the limit is not kept.
            log: name of the log of changes whose version the answer has.
        """
        size = OVERHEAD + _size(key) + len(answer.body)
        if size > self.limit // 8:
            return
        with self._lock:
            self._newest[log] = answer.version
            _answer, replaced = self._entries.pop(key, (None, 0))
            self._entries[key] = (answer, size)
            self.size += size - replaced
            while self.size > self.limit:
                _key, (_answer, freed) = self._entries.popitem(last=False)
                self.size -= freed


@functools.lru_cache(maxsize=1)
def answers():
    """Return the answers of this process."""
    return Answers(settings.current().cache_size)
