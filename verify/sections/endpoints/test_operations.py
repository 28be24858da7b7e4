"""Every operation of the document: who may call it, what it does, and what it does not do twice."""

import contextlib
from dataclasses import replace
from typing import Any

import pytest
import requests

from verify.clients.contract import Contract
from verify.clients.odoo_rpc import OdooSession
from verify.clients.web import Client
from verify.reporting.recorder import NotRun
from verify.shop.callers import Caller
from verify.shop.calls import ROLES
from verify.shop.operations import OPERATIONS, Call, NotOfferedError, Operation, Request, send
from verify.shop.people import People

CONCERN = "API"
NOBODY = 2147483647  # an id that no record has
STALE = '"stale"'
CLOSED = [name for name, one in OPERATIONS.items() if one.role != "anonymous"]
KEYED = [name for name, one in OPERATIONS.items() if one.keyed]
TAGGED = [name for name, one in OPERATIONS.items() if one.tagged]
# What makes another body of a valid one, by operation.
OTHER_BODY: dict[str, dict[str, Any]] = {
    "addOrderLine": {"quantity": 7},
    "createAttendance": {"pin": "0"},
    "createCustomer": {"street": "Other"},
    "createEmployee": {"job_title": "Other"},
    "createOrder": {"note": "Other"},
    "createPayment": {"amount": 7},
    "invoiceOrder": {"customer_id": 1},
    "moveCash": {"amount": 7},
    "openSession": {"notes": "Other"},
    "refundOrder": {"note": "Other"},
}

pytestmark = pytest.mark.explained_by("odoo", "nginx")


@pytest.fixture
def operation(request: pytest.FixtureRequest) -> Operation:
    """The operation that a check is about."""
    return OPERATIONS[request.param]


@pytest.fixture
def call(operation: Operation, people: People) -> Call:
    """A call of the operation that has to succeed; what it needs first that fails is no finding about it."""
    return prepared(operation, people)


def prepared(operation: Operation, people: People) -> Call:
    """Return a call of an operation that has to succeed.

    Raises:
        NotRun: Odoo's settings switch off what it is for.
    """
    try:
        return operation.prepare(people)
    except NotOfferedError as error:
        raise NotRun(str(error)) from error


def by(operation: Operation, caller: Caller, call: Call) -> requests.Response:
    """Make a call as somebody."""
    return send(caller.client, operation.request(caller, call))


def noted(answer: requests.Response, call: Call) -> requests.Response:
    """Return an answer after later calls know of it; what it says is judged once, by `test_operation`."""
    with contextlib.suppress(AssertionError):
        call.check(answer)
    return answer


@pytest.mark.parametrize("operation", CLOSED, indirect=True)
def test_anonymous(operation: Operation, client: Client, contract: Contract) -> None:
    """A caller without a token is refused, and told how to get in."""
    method, path = operation.method, operation.path.replace("{id}", str(NOBODY))
    body = {} if method in ("POST", "PUT", "PATCH") else None
    answer = client.request(method, path, json=body, headers={"If-Match": STALE})
    contract.check_problem(answer, 401)
    contract.check(operation.id, answer)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.writes
@pytest.mark.parametrize("operation", OPERATIONS, indirect=True)
def test_operation(
    operation: Operation, call: Call, people: People, odoo: OdooSession, contract: Contract
) -> None:
    """The operation does what its document says, for those who may, and for nobody else."""
    method, path, described = contract.operations[operation.id]
    role = ROLES[described["x-role"]]
    assert (method, path, role) == (operation.method, operation.path, operation.role)
    if operation.role == "manager":
        contract.check_problem(by(operation, people.cashier, call), 403)
    if operation.foreign:
        contract.check_problem(by(operation, people.other, call), operation.foreign)
    answer = operation.send(people, call)
    contract.check(operation.id, answer)
    call.check(answer)
    call.effect(odoo)
    if operation.role == "cashier":
        as_manager = replace(people, cashier=people.manager)
        second = prepared(operation, as_manager)
        answer = operation.send(as_manager, second)
        contract.check(operation.id, answer)
        second.check(answer)


@pytest.mark.writes
@pytest.mark.parametrize("operation", TAGGED, indirect=True)
def test_precondition(operation: Operation, call: Call, people: People, contract: Contract) -> None:
    """A change that is based on nothing, or on what has changed since, is refused."""
    headers = {name: value for name, value in call.headers.items() if name != "If-Match"}
    without = replace(call, headers=headers)
    answer = operation.send(people, without)
    contract.check_problem(answer, 428)
    contract.check(operation.id, answer)
    answer = operation.send(people, replace(call, headers={**call.headers, "If-Match": STALE}))
    contract.check_problem(answer, 412)
    contract.check(operation.id, answer)
    assert noted(operation.send(people, call), call).ok


@pytest.mark.writes
@pytest.mark.parametrize("operation", KEYED, indirect=True)
def test_repetition(operation: Operation, call: Call, people: People, contract: Contract) -> None:
    """A repeated call gets the first answer again; its key is good for no other call."""
    caller = operation.caller(people)
    assert caller
    first = operation.request(caller, call)
    contract.check_problem(send(caller.client, without_key(first)), 400)
    answer = noted(send(caller.client, first), call)
    assert answer.ok, answer.text[:500]
    again = send(caller.client, first)
    assert (again.status_code, again.json()) == (answer.status_code, answer.json())
    assert again.headers.get("Idempotency-Replayed") == "true", "the repetition is not marked as one"
    assert "Idempotency-Replayed" not in answer.headers, "the first call is marked as a repetition"
    other = replace(first, body={**first.body, **OTHER_BODY[operation.id]})
    refused = send(caller.client, other)
    contract.check_problem(refused, 422)
    assert refused.json()["type"].endswith("idempotency-key-reused"), refused.text


def without_key(request: Request) -> Request:
    """Return a request without its Idempotency-Key."""
    headers = {name: value for name, value in request.headers.items() if name != "Idempotency-Key"}
    return replace(request, headers=headers)


@pytest.mark.writes
def test_price_control(people: People, contract: Contract) -> None:
    """A cashier sets no price where the till leaves prices to managers."""
    line = {"product_id": people.product_id, "quantity": 1, "unit_price": 0.5}
    body = {"session_id": people.session_id, "lines": [line]}
    answer = people.cashier.request("POST", "/orders", json=body)
    contract.check_problem(answer, 403)
    assert answer.json()["type"].endswith("price-control"), answer.text


@pytest.mark.writes
def test_wrong_pin(people: People, contract: Contract) -> None:
    """Nobody clocks in with a wrong PIN."""
    body = {"employee_id": people.employee_id, "pin": "wrong"}
    answer = people.cashier.request("POST", "/attendances", json=body)
    contract.check_problem(answer, 403)
    assert answer.json()["type"].endswith("wrong-pin"), answer.text


@pytest.mark.writes
def test_overpaid_by_card(people: People, contract: Contract) -> None:
    """A card is not charged more than the total."""
    body = {
        "session_id": people.session_id,
        "lines": [{"product_id": people.service_id, "quantity": 1}],
        "payments": [{"payment_method_id": people.card_id, "amount": 1000}],
    }
    contract.check_problem(people.cashier.request("POST", "/orders", json=body), 422)
