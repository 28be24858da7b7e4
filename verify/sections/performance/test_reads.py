"""How fast the operations that read answer one client, under the cap of a read-only run."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from verify.clients.api import BASE
from verify.clients.pool import open_pool
from verify.clients.standing_login import StandingLogin
from verify.clients.web import Site
from verify.measure.closed_loop import Round, timed
from verify.shop.operations import OPERATIONS
from verify.shop.reads import READS, asked

CONCERN = "Response times"
pytestmark = [pytest.mark.explained_by("odoo", "nginx", "pgbouncer", "postgresql"), pytest.mark.read_only]

ROUNDS, REPEATS = 5, 2


@pytest.mark.parametrize("name", READS)
def test_read(
    name: str,
    site: Site,
    reader: StandingLogin,
    known: dict[str, Any],
    judge: Callable[[str, str, int, Sequence[Round]], list[str]],
) -> None:
    """{name} answers one client in time."""
    operation = OPERATIONS[name]
    path, query = asked(name, known)
    first = reader.request("GET", path, params=query)
    assert first.status_code == operation.status, first.text[:500]
    token = {"Authorization": f"Bearer {reader.tokens['access_token']}"}
    with open_pool(site, 1) as pool:

        def ask() -> str:
            answer = pool.request("GET", f"{BASE}{path}", fields=query, headers={**pool.headers, **token})
            return "" if answer.status == operation.status else f"status {answer.status}"

        pause = site.pace.wait if site.pace else None
        found = [timed([[ask] * REPEATS], pause) for _ in range(ROUNDS)]
    short = judge(name, operation.group, 1, found)
    assert not short, "; ".join(short)
