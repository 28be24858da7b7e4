"""The day done by the API."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from tests.api import day_plan
from tests.api.client import Caller
from tests.api.shop import Shop

PATIENCE = 20  # tries
BUSY: list[str] = []  # operations that the server was too busy for


def surely(caller: Caller, operation: str, body: Any, **options: Any) -> Any:
    """Call as a till does: again with the same key, as the answer asks for, while the server is overloaded.

    Returns:
        The body of the answer.
    """
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    for _ in range(PATIENCE):
        answer = caller.call(operation, body, headers=headers, **options)
        if answer.status_code != 503:
            break
        BUSY.append(operation)
        time.sleep(int(answer.headers["Retry-After"]))
    wanted = caller.contract.operations[operation].success
    assert answer.status_code == wanted, f"{operation}: {answer.status_code} {answer.text}"
    return answer.json()


class Till:
    """One till, its cashier and the manager."""

    def __init__(self, shop: Shop, name: str, plan: dict[str, Any]) -> None:
        self.shop, self.plan, self.methods = shop, plan, shop["tills"][name]
        self.cashier, self.manager = shop.caller(plan["cashier"]), shop.caller(plan["manager"])
        body = {"config_id": self.methods["id"], "opening_cash": plan["opening"]}
        self.session = int(surely(self.cashier, "openSession", body)["id"])

    def body(self, sale: dict[str, Any]) -> dict[str, Any]:
        """Return the body of an order, with its payment where that needs no total."""
        products = self.shop["products"]
        lines = [
            {"product_id": products[line["product"]], **{k: v for k, v in line.items() if k != "product"}}
            for line in sale["lines"]
        ]
        body: dict[str, Any] = {"session_id": self.session, "lines": lines}
        if sale["customer"]:
            body["customer_id"] = self.shop["customers"][sale["customer"]]
        if sale["tender"] == "note":
            body["payments"] = [self.payment("cash", day_plan.NOTE)]
        return body

    def payment(self, method: str, amount: float) -> dict[str, Any]:
        """Return the body of a payment."""
        return {"payment_method_id": self.methods[method], "amount": round(amount, 2)}

    def sell(self, sale: dict[str, Any]) -> dict[str, Any]:
        """Sell, and return the paid order."""
        order: dict[str, Any] = surely(self.cashier, "createOrder", self.body(sale))
        for payment in self.tenders(sale["tender"], order["due"]):
            order = surely(self.cashier, "createPayment", payment, id=order["id"])["order"]
        assert order["state"] == "paid", order
        if sale["invoice"]:
            surely(self.cashier, "invoiceOrder", {}, id=order["id"])
        return order

    def tenders(self, tender: str, due: float) -> list[dict[str, Any]]:
        """Return the payments that are made when the total is known."""
        if tender == "note":
            return []
        if tender == "split":
            part = round(due * 0.4, 2)
            return (
                [self.payment("card", part), self.payment("cash", due - part)]
                if part
                else [self.payment("cash", due)]
            )
        return [self.payment(tender, due)]

    def refund(self, refund: dict[str, Any], sold: list[dict[str, Any]]) -> None:
        """Take a sale back, or its first line."""
        order = sold[refund["sale"]]
        body: dict[str, Any] = {"payments": [self.payment(refund["method"], order["total"])]}
        if not refund["whole"]:
            line = order["lines"][0]
            body["lines"] = [{"line_id": line["id"], "quantity": line["quantity"]}]
            body["payments"] = [self.payment(refund["method"], line["subtotal_with_tax"])]
        taken = surely(self.manager, "refundOrder", body, id=order["id"])
        assert taken["state"] == "paid", taken

    def sync(self) -> None:
        """Bring in what was sold offline, some of it twice, and all of it once more."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        orders = [
            {"idempotency_key": uuid.uuid4().hex, "ordered_at": now, "order": self.body(sale)}
            for sale in self.plan["offline"]
        ]
        batch = {"orders": orders + orders[: day_plan.DUPLICATES]}
        first = surely(self.cashier, "syncOrders", batch)["results"]
        again = surely(self.cashier, "syncOrders", batch)["results"]
        made = [result["order"]["id"] for result in first]
        assert len(set(made)) == day_plan.OFFLINE, first
        assert made[: day_plan.DUPLICATES] == made[day_plan.OFFLINE :], first
        assert [result["order"]["id"] for result in again] == made
        assert {result["order"]["state"] for result in first} == {"paid"}

    def move(self, caller: Caller, direction: str) -> None:
        """Put cash in or take it out."""
        amount = self.plan[f"cash {direction}"]
        body = {"direction": direction, "amount": amount, "reason": f"Change {direction}"}
        surely(caller, "moveCash", body, id=self.session)

    def close(self) -> None:
        """Count and close."""
        expected = self.cashier.get("getSession", id=self.session)["cash"]["expected"]
        counted = round(expected + self.plan["difference"], 2)
        surely(self.cashier, "closeSession", {"counted_cash": counted}, id=self.session)


def _day(till: Till) -> int:
    sold = [till.sell(sale) for sale in till.plan["sales"]]
    till.move(till.cashier, "in")
    for refund in till.plan["refunds"]:
        till.refund(refund, sold)
    till.move(till.manager, "out")
    if till.plan["offline"]:
        till.sync()
    till.close()
    return till.session


def run(shop: Shop, plans: list[dict[str, Any]], names: list[str]) -> list[int]:
    """Do the day, the cashiers side by side, and return the sessions."""
    tills = [Till(shop, name, plan) for name, plan in zip(names, plans, strict=True)]
    with ThreadPoolExecutor(len(tills)) as pool:
        return list(pool.map(_day, tills))
