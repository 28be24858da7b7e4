"""The operations that only read: what each is asked on a database whose records somebody else made."""

from datetime import UTC, datetime
from typing import Any

from verify.clients.api import BASE
from verify.reporting.recorder import NotRun
from verify.shop.calls import declared
from verify.shop.operations import OPERATIONS

READS = [name for name, one in OPERATIONS.items() if one.method == "GET"]
LISTS = [name for name in READS if "x-list" in declared()[name][2]]
# What the id of an operation's path, or its query, names.
KINDS = {
    "getProduct": "product",
    "getProductStock": "product",
    "getCustomer": "customer",
    "getEmployee": "employee",
    "getSession": "session",
    "getSalesReport": "session",
    "getOrder": "order",
    "getPayment": "payment",
}
FEW = 2


def asked(name: str, known: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return path below `BASE` and query of a read that has an answer.

    Raises:
        NotRun: the database has no such record yet.
    """
    path, query = OPERATIONS[name].path.removeprefix(BASE), {}
    today = datetime.now(UTC).date().isoformat()
    if name in KINDS and known[KINDS[name]] is None:
        raise NotRun(f"the database has no {KINDS[name]} yet")
    if name == "getSalesReport":
        query = {"session_id": known["session"]}
    elif name == "getLaborReport":
        query = {"date_from": today, "date_to": today}
    elif name in LISTS or name == "listChanges":
        query = {"limit": FEW}
    return path.replace("{id}", str(known.get(KINDS.get(name, ""), ""))), query
