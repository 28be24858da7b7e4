"""How the API's lists answer as the shop grows: their first page and their deepest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import median
from urllib.parse import parse_qsl, urlencode, urlsplit

from urllib3 import HTTPSConnectionPool

from tests.bench.subjects import LIMIT, SUBJECTS
from verify.clients.api import BASE
from verify.measure.closed_loop import timed
from verify.shop.operations import OPERATIONS
from verify.shop.reads import LISTS

PATHS = tuple(path for name in LISTS if "{" not in (path := OPERATIONS[name].path.removeprefix(BASE)))
REPEATS = 30
GREATEST = 100  # records of a page, on the way to the last one
_NEXT = re.compile(r'<([^>]*)>; *rel="?next"?')


@dataclass(frozen=True)
class Depth:
    """A list at one size of the shop.

    Args:
        path: of the list, below `BASE`.
        size: of the shop.
        first_ms, deepest_ms: median answer of its first and its deepest page.
        deepest: path and query of that page.
        wrong: what was wrong with an answer, or nothing.
    """

    path: str
    size: str
    first_ms: float
    deepest_ms: float
    deepest: str
    wrong: str


def measured(pool: HTTPSConnectionPool, bearer: dict[str, str], path: str, size: str) -> Depth:
    """Return how a list answers one client.

    Args:
        pool: of the web server.
        bearer: header of a caller who may see everything in it.
        path: of the list.
        size: of the shop, for the result.
    """
    headers = {**pool.headers, **bearer}
    first = f"{BASE}{path}?limit={LIMIT}"
    deepest = deepest_page(pool, headers, first)
    first_ms, wrong = _median(pool, headers, first, path)
    deepest_ms, more = _median(pool, headers, deepest, path)
    return Depth(path, size, first_ms, deepest_ms, deepest, wrong or more)


def deepest_page(pool: HTTPSConnectionPool, headers: dict[str, str], first: str) -> str:
    """Return the last full step of a list, as its own links lead there.

    A link with an offset is followed by halving; any other one from page to page, of `GREATEST` records each.

    Args:
        pool, headers: how to ask.
        first: path and query of the first page.

    Raises:
        AssertionError: a page is not answered by 200.
    """
    following = _following(pool, headers, first)
    if following is None:
        return first
    if "offset" in dict(parse_qsl(urlsplit(following).query)):
        low, high = LIMIT, 2 * LIMIT
        while _following(pool, headers, _with(following, offset=high)):
            low, high = high, 2 * high
        while high - low > LIMIT:
            middle = (low + high) // 2
            low, high = (
                (middle, high)
                if _following(pool, headers, _with(following, offset=middle))
                else (low, middle)
            )
        return _with(following, offset=low)
    last = following
    while (following := _following(pool, headers, _with(last, limit=GREATEST))) is not None:
        last = following
    return _with(last, limit=LIMIT)


def _following(pool: HTTPSConnectionPool, headers: dict[str, str], path: str) -> str | None:
    """Return the link to the next page, None on the last one."""
    answer = pool.request("GET", path, headers=headers)
    assert answer.status == 200, f"GET {path}: HTTP status {answer.status}: {answer.data[:300]!r}"
    found = _NEXT.search(answer.headers.get("Link", ""))
    return found[1] if found else None


def _with(path: str, **changed: int) -> str:
    parts = urlsplit(path)
    query = {**dict(parse_qsl(parts.query)), **{name: str(value) for name, value in changed.items()}}
    return f"{parts.path}?{urlencode(query)}"


def _median(pool: HTTPSConnectionPool, headers: dict[str, str], url: str, path: str) -> tuple[float, str]:
    """Return the median of a page, each time with a filter that is new, where the list has one."""
    fresh = next((one.fresh[0] for one in SUBJECTS if one.path == path), "")
    urls = iter(
        f"{url}&{fresh.replace('@fresh@', str(10**8 + number))}" if fresh else url
        for number in range(REPEATS + 1)
    )

    def ask() -> str:
        answer = pool.urlopen("GET", next(urls), headers=headers)
        return "" if answer.status == 200 else f"GET {url}: HTTP status {answer.status}"

    ask()
    found = timed([[ask] * REPEATS])
    return round(median(found.milliseconds or (0.0,)), 3), found.errors[0] if found.errors else ""
