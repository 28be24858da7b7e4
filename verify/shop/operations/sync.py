"""Keeping a till that works offline up to date."""

from datetime import UTC, datetime
from uuid import uuid4

import requests

from verify.shop.callers import Caller
from verify.shop.calls import Call, expect, make, once, operation
from verify.shop.operations.customers import new_customer
from verify.shop.people import People
from verify.shop.selling import basket, check_lines, check_order, payments, tender

MOST = 500  # records in an answer


def last_cursor(caller: Caller) -> str:
    """Return the cursor behind everything that there is."""
    page = make(caller, "GET", f"/sync/changes?limit={MOST}").json()
    while page["more"]:
        page = make(caller, "GET", f"/sync/changes?limit={MOST}&cursor={page['cursor']}").json()
    return str(page["cursor"])


@operation("listChanges", "list")
def list_changes(people: People) -> Call:
    """Fetch what has changed since the last time: a customer, at least."""
    name = f"cursor of {people.cashier.login}"
    cursor = once(people, name, lambda: last_cursor(people.cashier))
    made = make(people.cashier, "POST", "/customers", new_customer()).json()["id"]

    def check(answer: requests.Response) -> None:
        body = answer.json()
        shown = {customer["id"] for customer in body["customers"]["changed"]}
        expect("whether the new customer is told of", made in shown or body["more"], True)
        people.kept[name] = body["cursor"]

    return Call(query={"cursor": cursor, "limit": MOST}, check=check)


@operation("syncOrders", "order")
def sync_orders(people: People) -> Call:
    """Send an order that was taken offline, twice."""
    key = str(uuid4())
    item = {
        "idempotency_key": key,
        "ordered_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "order": basket(people, payments=[tender(people.card_id)]),
    }

    def check(answer: requests.Response) -> None:
        first, second = answer.json()["results"]
        expect("the results", (first["status"], second["status"]), (201, 200), answer.text[:500])
        people.ledger.acknowledge(first["order"], key)
        expect("whether the second is the first one", second["order"]["id"], first["order"]["id"])
        check_order(first["order"], "paid")
        check_lines(people, first["order"])
        expect("its payments", [one[0] for one in payments(first["order"])], [people.card_id])

    return Call(body={"orders": [item, item]}, check=check)
