"""How fast every operation of the API answers, to one client and to ten at once."""

from collections.abc import Callable, Sequence

import pytest
import requests

from verify.clients.web import REQUEST_SECONDS, Client
from verify.measure.closed_loop import Round, dealt, timed
from verify.reporting.recorder import NotRun
from verify.shop.operations import OPERATIONS, Call, NotOfferedError, Operation
from verify.shop.people import People

CONCERN = "Response times"
pytestmark = [pytest.mark.explained_by("odoo", "nginx", "pgbouncer", "postgresql"), pytest.mark.writes]

# Rounds, and calls in a round, by clients. What writes needs its own records made for each call first.
READING = (5, {1: 8, 10: 20})
WRITING = (3, {1: 5, 10: 10})
# What can't be made ready in advance, or not often, is called one by one.
RARE_CALLS = 9


class Prepared:
    """A call that is ready to go: nothing but the exchange itself is timed."""

    def __init__(self, operation: Operation, people: People, client: Client, call: Call) -> None:
        self.operation, self.client, self.call = operation, client, call
        request = operation.request(operation.caller(people), call)
        body = {} if request.body is Call().body else {"json": request.body}
        url = f"https://{client.site.address}:{client.site.https_port}{request.path}"
        self.request = client.prepare_request(
            requests.Request(request.method, url, params=request.query, headers=request.headers, **body)
        )
        self.adapter = client.get_adapter(url)
        self.answer: requests.Response | None = None

    def __call__(self) -> str:
        answer = self.adapter.send(self.request, verify=self.client.verify, timeout=REQUEST_SECONDS)
        _ = answer.content
        self.answer = answer
        wanted = self.operation.status
        return (
            ""
            if answer.status_code == wanted
            else f"status {answer.status_code}, not {wanted}: {answer.text}"
        )


def one_round(operation: Operation, people: People, clients: Sequence[Client], calls: int) -> Round:
    """Prepare calls, time them, and look at what they answered.

    Raises:
        AssertionError: an answer is not what it has to be.
    """
    prepared = [
        [Prepared(operation, people, client, operation.prepare(people)) for _ in share]
        for client, share in zip(clients, dealt(range(calls), len(clients)), strict=False)
    ]
    found = timed(prepared)
    for share in prepared:
        for call in share:
            if call.answer is not None and call.answer.status_code == operation.status:
                call.call.check(call.answer)
    return found


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_operation(
    name: str, people: People, judge: Callable[[str, str, int, Sequence[Round]], list[str]]
) -> None:
    """{name} answers in time, to one client and to ten at once."""
    operation = OPERATIONS[name]
    rounds, counts = READING if operation.method == "GET" else WRITING
    if operation.limit is not None or not operation.parallel:
        rounds, counts = min(RARE_CALLS, (operation.limit or RARE_CALLS) - 1), {1: 1}
    short = []
    for clients, calls in counts.items():
        own = [Client(people.site) for _ in range(clients)]
        try:
            one_round(operation, people, own, clients)  # connections, caches and plans are there from now on
            found = [one_round(operation, people, own, calls) for _ in range(rounds)]
        except NotOfferedError as error:
            raise NotRun(str(error)) from error
        finally:
            for client in own:
                client.close()
        short += judge(name, operation.group, clients, found)
    assert not short, "; ".join(short)
