"""Virtual cashiers: what the tills of a busy shop ask of the API, call by call, by chance from a seed.

The one list of what the load section and the Locust page send. Each call stands by itself, so that calls can
arrive at any rate: a payment takes a draft that an earlier call rang up, a refund a sale that is paid. While
there is none, a whole sale in one call takes its place, as a till makes it that rings up locally.
"""

import json
import random
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from verify.clients.api import BASE
from verify.measure.open_loop import Answer, Call
from verify.shop.people import GOODS_PRICE, MARK, SERVICE_PRICE, People

OFFLINE_ORDERS = 3
DRAFTS = 200  # more are not left open; closing a session wants none
SHIFT_ENDED = (404, 409, 412)
REPEATERS = 4  # threads that repeat calls without an answer
CLERKS = 8  # others are left for other checks
SOLD = 500  # that may be refunded


@dataclass(frozen=True)
class Task:
    """One kind of call.

    Args:
        operation: its operationId.
        group: its class of thresholds.
        weight: how many of a hundred calls.
        reason: why so many.
    """

    operation: str
    group: str
    weight: int
    reason: str


TASKS = (
    Task("listProducts", "list", 24, "a cashier looks up two or three articles a sale by name or page"),
    Task("listCustomers", "list", 11, "every other sale is for a customer who is looked up"),
    Task("listChanges", "list", 10, "each till asks for changes about once a sale"),
    Task("createOrder", "order", 16, "each sale is rung up: a draft with its first line"),
    Task("addOrderLine", "write", 18, "a basket has two lines, some three"),
    Task("createPayment", "order", 16, "each sale is paid"),
    Task("refundOrder", "order", 1, "a few of a hundred sales come back"),
    Task("syncOrders", "order", 2, "a till that was offline brings in its sales, a few at once"),
    Task("createAttendance", "write", 1, "staff clock in at the till"),
    Task("changeAttendance", "write", 1, "and out"),
)
PRODUCT_QUERIES: tuple[dict[str, Any], ...] = ({"limit": 50}, {"q": MARK})
CUSTOMER_QUERIES: tuple[dict[str, Any], ...] = ({"limit": 20}, {"q": MARK}, {"q": "customer@tillstack"})


@dataclass(frozen=True)
class _Order:
    """An order as the API last showed it; ``till``: 0 for the cashier's, 1 for the other's."""

    id: int
    due: float
    total: float
    till: int


@dataclass(frozen=True)
class _Shift:
    """An attendance and how to end it."""

    id: int
    employee: int
    etag: str


class Cashiers:
    """Draws calls and keeps track of what they made; not for several threads.

    A seed decides the calls, but not their Idempotency-Keys: those of an earlier run are used up.

    Args:
        people: verify's users with their tills.
        seed: decides the calls.
    """

    def __init__(self, people: People, seed: int) -> None:
        self._people = people
        self._chance = random.Random(seed)
        self._weights = [task.weight for task in TASKS]
        self._drafts: deque[_Order] = deque()
        self._sold: deque[_Order] = deque(maxlen=SOLD)
        self._shifts: deque[_Shift] = deque()
        self._clerks: deque[int] = deque()
        self._lost: list[Call] = []
        self._cursor = ""
        self._makers: dict[str, Callable[[], Call]] = {
            "listProducts": self._list_products,
            "listCustomers": self._list_customers,
            "listChanges": self._list_changes,
            "createOrder": self._create_order,
            "addOrderLine": self._add_line,
            "createPayment": self._pay,
            "refundOrder": self._refund,
            "syncOrders": self._sync,
            "createAttendance": self._clock_in,
            "changeAttendance": self._clock_out,
        }
        self._tokens: tuple[dict[str, str], ...] = ()
        for _ in range(CLERKS):
            self._clerks.append(people.clerks.get_nowait())

    def prepare(self) -> None:
        """Log in where that is due, and fetch all changes once; to be called before each run of a driver."""
        people = self._people
        self._tokens = tuple(one.bearer() for one in (people.cashier, people.other, people.manager))
        more = not self._cursor
        while more:
            query = {"limit": 500, **({"cursor": self._cursor} if self._cursor else {})}
            answer = people.cashier.request("GET", "/sync/changes", params=query)
            answer.raise_for_status()
            page = answer.json()
            self._cursor, more = page["cursor"], page["more"]

    def draw(self) -> Call:
        """Return the next call."""
        (task,) = self._chance.choices(TASKS, self._weights)
        return self._makers[task.operation]()

    def learn(self, call: Call, answer: Answer) -> str:
        """Take in an answer; return what is wrong with it, or nothing."""
        if not 200 <= answer.status < 300:
            # A proxy's 503 says nothing about whether the call was done.
            (self.lose if answer.status >= 500 else self.take_back)(call)
            return f"{call.operation}: HTTP status {answer.status}"
        try:
            return self._take(call, json.loads(answer.body), answer.etag)
        except (ValueError, KeyError, TypeError) as error:
            return f"{call.operation}: an answer of another shape ({type(error).__name__}: {error})"

    def lose(self, call: Call) -> None:
        """Remember a call whose answer did not come: whether it was done shows when it is repeated."""
        if call.method != "GET":
            self._lost.append(call)

    def take_back(self, call: Call) -> None:
        """Put back what a call had taken that was not sent, or refused."""
        if "order" in call.about:
            self._drafts.append(call.about["order"])
        if call.operation == "createAttendance":
            self._clerks.append(call.about["employee"])
        if "shift" in call.about:
            self._shifts.append(call.about["shift"])

    def tidy(self) -> list[str]:
        """Repeat what had no answer, clock everybody out, remove the drafts; return what could not be done.

        A repeated call has its old Idempotency-Key, so nothing is done twice.
        """
        wrong: list[str] = []
        again, self._lost = self._lost, []
        self.prepare()
        with ThreadPoolExecutor(REPEATERS) as threads:
            answers = list(threads.map(self._send, again))
        for call, answer in zip(again, answers, strict=True):
            # A shift whose end had no answer but was done has another ETag, or is out of the cashier's sight.
            if call.operation == "changeAttendance" and answer.status in SHIFT_ENDED:
                self._clerks.append(call.about["employee"])
            elif said := self.learn(call, answer):
                wrong.append(said)
        for _ in range(len(self._shifts)):
            call = self._clock_out()
            if said := self.learn(call, self._send(call)):
                wrong.append(said)
        while self._drafts:
            order = self._drafts.popleft()
            caller = (self._people.cashier, self._people.other)[order.till]
            shown = caller.request("GET", f"/orders/{order.id}")
            removed = caller.request(
                "DELETE", f"/orders/{order.id}", headers={"If-Match": shown.headers.get("ETag", "")}
            )
            if removed.status_code == 204:
                self._people.ledger.remove(order.id)
            else:
                wrong.append(f"draft {order.id}: HTTP status {removed.status_code}")
        while self._clerks:
            self._people.clerks.put(self._clerks.popleft())
        return wrong

    def _send(self, call: Call) -> Answer:
        """Send a call outside of any driver, with a token of now."""
        headers = {**call.headers, **self._tokens[call.about["caller"]]}
        client = self._people.cashier.client
        response = client.request(call.method, call.path, data=call.body, headers=headers)
        return Answer(response.status_code, response.content, response.headers.get("ETag", ""))

    def _call(
        self,
        operation: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        caller: int = 0,
        headers: dict[str, str] | None = None,
        **about: Any,
    ) -> Call:
        sent = {**self._tokens[caller], **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        if method == "POST":
            sent["Idempotency-Key"] = str(uuid4())
        return _call(operation, method, path, sent, body, {"caller": caller, **about})

    def _list_products(self) -> Call:
        category = {"category_id": self._people.category_id}
        query = self._chance.choice((*PRODUCT_QUERIES, category))
        return self._call("listProducts", "GET", f"/products?{urlencode(query)}")

    def _list_customers(self) -> Call:
        query = self._chance.choice(CUSTOMER_QUERIES)
        return self._call("listCustomers", "GET", f"/customers?{urlencode(query)}")

    def _list_changes(self) -> Call:
        return self._call("listChanges", "GET", f"/sync/changes?{urlencode({'cursor': self._cursor})}")

    def _line(self) -> dict[str, Any]:
        product = self._chance.choice((self._people.product_id, self._people.service_id))
        return {"product_id": product, "quantity": self._chance.randint(1, 3)}

    def _basket(self, till: int, lines: int) -> dict[str, Any]:
        session = (self._people.session_id, self._people.other_session_id)[till]
        return {"session_id": session, "lines": [self._line() for _ in range(lines)]}

    def _tender(self, amount: float, till: int) -> dict[str, Any]:
        """Return a payment; the other's till has the card in common with the cashier's."""
        people = self._people
        method = people.card_id if till else self._chance.choice((people.method_id, people.card_id))
        return {"payment_method_id": method, "amount": round(amount, 2)}

    def _sale(self, till: int) -> dict[str, Any]:
        """Return the body of a whole sale, paid to the cent: the till knows the prices."""
        body = self._basket(till, 2)
        prices = {self._people.product_id: GOODS_PRICE, self._people.service_id: SERVICE_PRICE}
        total = sum(prices[line["product_id"]] * line["quantity"] for line in body["lines"])
        return {**body, "payments": [self._tender(total, till)]}

    def _create_order(self) -> Call:
        till = self._chance.randrange(2)
        body = self._basket(till, 1) if len(self._drafts) < DRAFTS else self._sale(till)
        return self._call("createOrder", "POST", "/orders", body, caller=till, till=till)

    def draw_sale(self) -> Call:
        """Return a whole sale, ready to be sent."""
        till = self._chance.randrange(2)
        return self._call("createOrder", "POST", "/orders", self._sale(till), caller=till, till=till)

    def _add_line(self) -> Call:
        if not self._drafts:
            return self._create_order()
        order = self._drafts.popleft()
        path = f"/orders/{order.id}/lines"
        return self._call(
            "addOrderLine", "POST", path, self._line(), caller=order.till, till=order.till, order=order
        )

    def _pay(self) -> Call:
        if not self._drafts:
            return self.draw_sale()
        order = self._drafts.popleft()
        path, body = f"/orders/{order.id}/payments", self._tender(order.due, order.till)
        return self._call(
            "createPayment", "POST", path, body, caller=order.till, till=order.till, order=order
        )

    def _refund(self) -> Call:
        if not self._sold:
            return self.draw_sale()
        order = self._sold.popleft()
        body = {"payments": [{"payment_method_id": self._people.card_id, "amount": round(order.total, 2)}]}
        path = f"/orders/{order.id}/refunds"
        return self._call("refundOrder", "POST", path, body, caller=2, till=order.till, refunded=order)

    def _sync(self) -> Call:
        till = self._chance.randrange(2)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        orders = [
            {"idempotency_key": str(uuid4()), "ordered_at": now, "order": self._sale(till)}
            for _ in range(OFFLINE_ORDERS)
        ]
        return self._call("syncOrders", "POST", "/sync/orders", {"orders": orders}, caller=till, till=till)

    def _clock_in(self) -> Call:
        if not self._clerks:
            return self._clock_out() if self._shifts else self._list_products()
        employee = self._clerks.popleft()
        body = {"employee_id": employee, "pin": self._people.pin}
        return self._call("createAttendance", "POST", "/attendances", body, employee=employee)

    def _clock_out(self) -> Call:
        if not self._shifts:
            return self._clock_in() if self._clerks else self._list_products()
        shift = self._shifts.popleft()
        return self._call(
            "changeAttendance",
            "PATCH",
            f"/attendances/{shift.id}",
            {"pin": self._people.pin},
            headers={"If-Match": shift.etag},
            shift=shift,
            employee=shift.employee,
        )

    def _take(self, call: Call, answer: Any, etag: str) -> str:
        """File what an answer of success shows; return what is wrong with it, or nothing."""
        operation, ledger = call.operation, self._people.ledger
        if operation == "listChanges":
            self._cursor = answer["cursor"]
        elif operation == "syncOrders":
            asked = json.loads(call.body or b"{}")["orders"]
            for sent, result in zip(asked, answer["results"], strict=True):
                if result["order"] is None:
                    return f"syncOrders: an order is refused with HTTP status {result['status']}"
                ledger.acknowledge(result["order"], sent["idempotency_key"])
                self._file(result["order"], call.about["till"])
        elif operation == "createAttendance":
            self._shifts.append(_Shift(answer["id"], call.about["employee"], etag))
        elif operation == "changeAttendance":
            self._clerks.append(call.about["employee"])
        elif call.group != "list":
            order = answer["order"] if operation == "createPayment" else answer
            # The ledger's keys are those that orders are rung up with; a refund's is one of its own kind.
            made = operation == "createOrder"
            ledger.acknowledge(order, call.headers["Idempotency-Key"] if made else "")
            if operation != "refundOrder":
                self._file(order, call.about["till"])
        return ""

    def _file(self, order: dict[str, Any], till: int) -> None:
        filed = _Order(order["id"], float(order["due"]), float(order["total"]), till)
        if order["state"] == "draft":
            self._drafts.append(filed)
        else:
            self._sold.append(filed)


def _call(
    operation: str, method: str, path: str, headers: dict[str, str], body: Any = None, about: Any = None
) -> Call:
    return Call(
        operation=operation,
        group=next(task.group for task in TASKS if task.operation == operation),
        method=method,
        path=BASE + path,
        headers=headers,
        body=None if body is None else json.dumps(body).encode(),
        about=about,
    )


class Sellers:
    """Draws nothing but whole sales, each of which needs a server connection of the pool.

    Args:
        cashiers: who keep track of what is made.
    """

    def __init__(self, cashiers: Cashiers) -> None:
        self.draw = cashiers.draw_sale
        self.learn, self.lose, self.take_back = cashiers.learn, cashiers.lose, cashiers.take_back


class Readers:
    """Draws the calls of `TASKS` that change nothing, for a run that may only read.

    Args:
        bearer: the header that proves who calls.
        seed: decides the calls.
    """

    def __init__(self, bearer: dict[str, str], seed: int) -> None:
        self._bearer = bearer
        self._chance = random.Random(seed)
        self._tasks = [task for task in TASKS if task.group == "list"]
        self._weights = [task.weight for task in self._tasks]
        self._paths: dict[str, tuple[str, tuple[dict[str, Any], ...]]] = {
            "listProducts": ("/products", PRODUCT_QUERIES),
            "listCustomers": ("/customers", CUSTOMER_QUERIES),
            "listChanges": ("/sync/changes", ({"limit": 50},)),
        }

    def draw(self) -> Call:
        """Return the next call."""
        (task,) = self._chance.choices(self._tasks, self._weights)
        path, queries = self._paths[task.operation]
        query = urlencode(self._chance.choice(queries))
        return _call(task.operation, "GET", f"{path}?{query}", self._bearer)

    def learn(self, call: Call, answer: Answer) -> str:
        """Return what is wrong with an answer, or nothing."""
        return "" if answer.status == 200 else f"{call.operation}: HTTP status {answer.status}"

    def lose(self, call: Call) -> None:
        """Nothing is made, so nothing is lost."""

    def take_back(self, call: Call) -> None:
        """Nothing was taken."""
