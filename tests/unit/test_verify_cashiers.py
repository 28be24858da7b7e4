"""The virtual cashiers: what they ask for, what they remember, and what they do about a lost answer."""

import json
from collections import Counter
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from verify.clients.api import PARTS
from verify.measure.open_loop import Answer, Call
from verify.shop.cashiers import CLERKS, TASKS, Cashiers, Readers
from verify.shop.ledger import Ledger

SESSIONS = (7, 8)


class Caller:
    """A user of the API whose calls are answered from here."""

    def __init__(self, answers: list[tuple[int, Any]]) -> None:
        self.answers, self.sent, self.client = answers, [], self

    def bearer(self) -> dict[str, str]:
        return {"Authorization": "Bearer none"}

    def request(self, method: str, path: str, **options: Any) -> Any:
        self.sent.append((method, path, options))
        status, body = self.answers.pop(0)
        return SimpleNamespace(
            status_code=status,
            content=json.dumps(body).encode(),
            headers={"ETag": '"1"'},
            json=lambda: body,
            raise_for_status=lambda: None,
        )


def changes() -> tuple[int, Any]:
    return 200, {"cursor": "c1", "more": False}


@pytest.fixture
def answers() -> list[tuple[int, Any]]:
    return [changes()]


@pytest.fixture
def people(answers: list[tuple[int, Any]]) -> Any:
    caller, clerks = Caller(answers), SimpleQueue()
    for number in range(CLERKS):
        clerks.put(number)
    return SimpleNamespace(
        cashier=caller,
        other=caller,
        manager=caller,
        ledger=Ledger(),
        clerks=clerks,
        pin="1",
        category_id=1,
        session_id=SESSIONS[0],
        other_session_id=SESSIONS[1],
        product_id=3,
        service_id=4,
        method_id=5,
        card_id=6,
    )


@pytest.fixture
def cashiers(people: Any) -> Cashiers:
    cashiers = Cashiers(people, seed=1)
    cashiers.prepare()
    return cashiers


def order(number: int, state: str = "draft", due: float = 11.0) -> dict[str, Any]:
    return {
        "id": number,
        "name": "/",
        "state": state,
        "total": 11.0,
        "due": due,
        "tax": 1.0,
        "paid": 11.0 - due,
        "session": {"id": SESSIONS[0]},
        "receipt_number": f"R{number}",
    }


def drawn(cashiers: Cashiers, operation: str) -> Call:
    """Return the next call of an operation; what comes before it is taken back."""
    for _ in range(10_000):
        call = cashiers.draw()
        if call.operation == operation and (operation != "createPayment" or "order" in call.about):
            return call
        cashiers.take_back(call)
    raise AssertionError(f"{operation} is never drawn")


def answered(cashiers: Cashiers, call: Call, body: Any, status: int = 201) -> str:
    return cashiers.learn(call, Answer(status, json.dumps(body).encode(), '"1"'))


def test_the_tasks_are_operations_of_the_api_and_a_hundred_in_all() -> None:
    known = {
        item["operationId"]
        for part in PARTS.glob("*.json")
        for path in json.loads(part.read_text())["paths"].values()
        for item in path.values()
    }
    assert {task.operation for task in TASKS} <= known
    assert sum(task.weight for task in TASKS) == 100
    assert all(task.reason for task in TASKS)


def test_calls_are_drawn_by_their_weights_and_the_same_for_a_seed(people: Any, answers: Any) -> None:
    answers.append(changes())
    mixes = []
    for _ in range(2):
        cashiers = Cashiers(people, seed=3)
        cashiers.prepare()
        mixes.append(Counter(cashiers.draw().operation for _ in range(2000)))
        for number in range(CLERKS):
            people.clerks.put(number)
    assert mixes[0] == mixes[1]
    assert mixes[0]["listProducts"] == pytest.approx(480, rel=0.2)


def test_every_call_that_makes_something_has_a_key_of_its_own(cashiers: Cashiers) -> None:
    calls = [cashiers.draw() for _ in range(500)]
    keys = [call.headers["Idempotency-Key"] for call in calls if call.method == "POST"]
    assert len(set(keys)) == len(keys) > 100


def test_a_payment_takes_a_draft_and_what_is_acknowledged_is_in_the_ledger(
    cashiers: Cashiers, people: Any
) -> None:
    made = drawn(cashiers, "createOrder")
    assert answered(cashiers, made, order(1)) == ""
    paying = drawn(cashiers, "createPayment")
    assert paying.path.endswith("/orders/1/payments")
    assert json.loads(paying.body or b"")["amount"] == 11.0
    assert answered(cashiers, paying, {"order": order(1, "paid", 0.0)}) == ""
    (entered,) = people.ledger.orders()
    assert (entered.id, entered.state, entered.key) == (1, "paid", made.headers["Idempotency-Key"])


def test_a_refused_payment_leaves_its_draft_to_the_next(cashiers: Cashiers) -> None:
    answered(cashiers, drawn(cashiers, "createOrder"), order(1))
    assert answered(cashiers, drawn(cashiers, "createPayment"), {}, 429) == "createPayment: HTTP status 429"
    assert drawn(cashiers, "createPayment").path.endswith("/orders/1/payments")


@pytest.mark.parametrize("status", [503, None])
def test_a_payment_without_an_answer_is_repeated_with_its_key(
    cashiers: Cashiers, people: Any, answers: list[tuple[int, Any]], status: int | None
) -> None:
    answered(cashiers, drawn(cashiers, "createOrder"), order(1))
    paying = drawn(cashiers, "createPayment")
    if status:
        assert answered(cashiers, paying, {}, status)
    else:
        cashiers.lose(paying)
    answers.append((201, {"order": order(1, "paid", 0.0)}))
    assert cashiers.tidy() == []
    _, path, options = people.cashier.sent[-1]
    assert (path, options["headers"]["Idempotency-Key"]) == (paying.path, paying.headers["Idempotency-Key"])
    assert [(entered.id, entered.state) for entered in people.ledger.orders()] == [(1, "paid")]
    assert people.clerks.qsize() == CLERKS


def test_drafts_are_removed_at_the_end(
    cashiers: Cashiers, people: Any, answers: list[tuple[int, Any]]
) -> None:
    answered(cashiers, drawn(cashiers, "createOrder"), order(1))
    answers += [(200, order(1)), (204, None)]
    assert cashiers.tidy() == []
    assert people.ledger.removed() == {1}


def test_an_answer_of_another_shape_is_wrong(cashiers: Cashiers) -> None:
    assert "another shape" in answered(cashiers, drawn(cashiers, "createOrder"), {"id": 1})


def test_readers_only_read() -> None:
    readers = Readers({"Authorization": "Bearer none"}, seed=1)
    calls = [readers.draw() for _ in range(200)]
    assert {call.method for call in calls} == {"GET"}
    assert {call.operation for call in calls} == {"listProducts", "listCustomers", "listChanges"}
