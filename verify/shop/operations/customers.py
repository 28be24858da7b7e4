"""Customers."""

from uuid import uuid4

import requests

from verify.clients.odoo_rpc import OdooSession, call
from verify.shop.calls import Call, expect, operation
from verify.shop.people import MARK, TEMPORARY, People

EMAIL = "customer@tillstack.invalid"


def new_customer() -> dict[str, str]:
    """Return the body of a new customer."""
    return {"name": f"{TEMPORARY} customer {uuid4().hex}", "email": "temporary@tillstack.invalid"}


@operation("listCustomers", "list")
def list_customers(people: People) -> Call:
    """Look for verify's customer by the address."""

    def check(answer: requests.Response) -> None:
        expect("the customers", [item["id"] for item in answer.json()["items"]], [people.customer_id])

    return Call(query={"q": EMAIL}, check=check)


@operation("createCustomer", "write")
def create_customer(people: People) -> Call:
    """Create a customer."""
    body = new_customer()
    made: list[int] = []

    def check(answer: requests.Response) -> None:
        shown = answer.json()
        made.append(shown["id"])
        expect("the customer", {name: shown[name] for name in body}, body)
        expect("Location", answer.headers.get("Location"), f"/api/v1/customers/{shown['id']}")

    def effect(odoo: OdooSession) -> None:
        (stored,) = call(odoo, "res.partner", "read", made[-1:], list(body))
        expect("the stored customer", {name: stored[name] for name in body}, body)

    return Call(body=body, check=check, effect=effect)


@operation("getCustomer", "read")
def get_customer(people: People) -> Call:
    """Read verify's customer."""

    def check(answer: requests.Response) -> None:
        body = answer.json()
        wanted = (people.customer_id, f"{MARK} customer", EMAIL)
        expect("the customer", (body["id"], body["name"], body["email"]), wanted)

    return Call(id=people.customer_id, check=check)
