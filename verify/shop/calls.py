"""What a call of the API is: how it is made, by whom, and what its answer has to say."""

import functools
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from uuid import uuid4

import requests

from verify.clients.api import BASE, PARTS
from verify.clients.odoo_rpc import OdooSession
from verify.clients.web import Client
from verify.shop.callers import Caller, patiently
from verify.shop.people import People

NOTHING = object()
DISCOVERY = "discovery"  # file of what stands beside the API's own operations
Role = Literal["anonymous", "cashier", "manager"]
ROLES: Mapping[str, Role] = {"anon": "anonymous", "cashier": "cashier", "manager": "manager"}
_ONCE = threading.RLock()


class PreparationError(Exception):
    """What a call needs first could not be made: the call itself cannot be judged."""


class NotOfferedError(Exception):
    """Odoo's settings switch off what the operation is for; the message says which."""


def _nothing(_: Any) -> None:
    return None


@dataclass(frozen=True)
class Call:
    """One call that has to succeed in the present state, when the right caller makes it.

    Attributes:
        id: for the path.
        query: parameters.
        body: JSON, or `NOTHING`.
        headers: beside the credentials and the Idempotency-Key; they win over both.
        check: looks at the answer, and notes what later calls build upon; raises AssertionError.
        effect: looks into Odoo, by its own web client as the administrator, for what the call has done.
    """

    id: int | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = NOTHING
    headers: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[requests.Response], None] = _nothing
    effect: Callable[[OdooSession], None] = _nothing


@dataclass(frozen=True)
class Request:
    """A call as it goes over the wire; ``path`` is absolute and has no query."""

    method: str
    path: str
    query: Mapping[str, Any]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Operation:
    """One operation of the document.

    Attributes:
        id: its operationId.
        group: class of thresholds, one of `verify.measure.thresholds.CLASSES`.
        role: who may call it at least.
        method: HTTP method.
        path: absolute path template.
        keyed: whether it takes an Idempotency-Key.
        tagged: whether it takes an If-Match.
        status: HTTP status of success.
        prepare: makes the state that one call needs, and returns the call; not to be timed.
        limit: how often it may sensibly be called in a run; None: as often as one likes.
        parallel: whether several calls at once make sense.
        foreign: HTTP status for another cashier, whose record it is not; None: the same as for the first.
    """

    id: str
    group: str
    role: Role
    method: str
    path: str
    keyed: bool
    tagged: bool
    status: int
    prepare: Callable[[People], Call]
    limit: int | None = None
    parallel: bool = True
    foreign: int | None = None

    def caller(self, people: People) -> Caller | None:
        """Return who makes the valid call; None for somebody without a login."""
        return {"anonymous": None, "cashier": people.cashier, "manager": people.manager}[self.role]

    def request(self, caller: Caller | None, call: Call) -> Request:
        """Return a call as a request of a caller, with a fresh Idempotency-Key where it takes one.

        Args:
            caller: whose credentials are sent; None for nobody's.
            call: from `prepare`.
        """
        headers = {
            **(caller.bearer() if caller else {}),
            **({"Idempotency-Key": str(uuid4())} if self.keyed else {}),
            **call.headers,
        }
        path = self.path if call.id is None else self.path.replace("{id}", str(call.id))
        return Request(self.method, path, call.query, headers, call.body)

    def send(self, people: People, call: Call) -> requests.Response:
        """Make a call as the one who may, and return the answer, whatever it is."""
        caller = self.caller(people)
        client = (caller or people.cashier).client
        return send(client, self.request(caller, call))


def send(client: Client, request: Request) -> requests.Response:
    """Send a request; a limit of logins is waited out."""
    options = {} if request.body is NOTHING else {"json": request.body}
    headers, query = dict(request.headers), dict(request.query)
    return patiently(
        lambda: client.request(request.method, request.path, params=query, headers=headers, **options)
    )


OPERATIONS: dict[str, Operation] = {}


@functools.cache
def declared() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Return method, path and operation object of each of the API's own operations, by operationId, as this
    version of the collection deploys them."""
    found = {}
    for part in PARTS.glob("*.json"):
        for path, item in json.loads(part.read_text())["paths"].items():
            for method, operation in item.items():
                if part.stem != DISCOVERY:
                    found[operation["operationId"]] = (method.upper(), path, operation)
    return found


def operation(name: str, group: str, **more: Any) -> Callable[[Callable[[People], Call]], Any]:
    """Enter a function that prepares a call into the table; see `Operation` for the rest."""

    def enter(prepare: Callable[[People], Call]) -> Callable[[People], Call]:
        method, path, operation = declared()[name]
        status = min(int(status) for status in operation["responses"] if status < "300")

        def prepared(people: People) -> Call:
            call = prepare(people)
            return replace(call, check=lambda answer: _judge(answer, status, call.check))

        OPERATIONS[name] = Operation(
            id=name,
            group=group,
            role=ROLES[operation["x-role"]],
            method=method,
            path=path,
            keyed=_takes(operation, "IdempotencyKey"),
            tagged=_takes(operation, "IfMatch"),
            status=status,
            prepare=prepared,
            **more,
        )
        return prepare

    return enter


def _takes(operation: dict[str, Any], parameter: str) -> bool:
    return {"$ref": f"#/components/parameters/{parameter}"} in operation.get("parameters", ())


def _judge(answer: requests.Response, status: int, check: Callable[[requests.Response], None]) -> None:
    expect("status", answer.status_code, status, answer.text[:500])
    check(answer)


def expect(what: str, found: object, wanted: object, said: str = "") -> None:
    """Compare what an answer says with what it has to say.

    Raises:
        AssertionError: they differ.
    """
    assert found == wanted, f"{what} is {found!r}, and has to be {wanted!r}{': ' + said if said else ''}"


def money(value: Any) -> float:
    """Return an amount or a quantity without binary noise."""
    return round(float(value), 6)


def make(caller: Caller, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
    """Make what a call needs first.

    Args:
        caller: who makes it.
        method, path: below `BASE`.
        body: JSON.
        headers: with underscores for hyphens.

    Raises:
        PreparationError: the answer is not one of success.
    """
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = caller.request(method, path, json=body, headers=named)
    if not answer.ok:
        raise PreparationError(
            f"{method} {BASE}{path}: HTTP status {answer.status_code}: {answer.text[:500]}"
        )
    return answer


def once(people: People, name: str, maker: Callable[[], Any]) -> Any:
    """Return what was made under this name in this run, making it where it was not."""
    with _ONCE:
        if name not in people.kept:
            people.kept[name] = maker()
        return people.kept[name]
