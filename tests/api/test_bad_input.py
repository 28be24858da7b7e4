"""Bad input of every kind to every operation that writes: refused by name, and nothing is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import requests

from tests.api import bad_bodies
from tests.api.bad_bodies import Bad
from tests.api.calls import CALLS, gone
from tests.api.client import Caller, patiently
from tests.api.contract import Operation
from tests.api.refusals import NAMES
from tests.api.scene import Scene, Valid
from tests.api.shop import PIN, Shop

pytestmark = pytest.mark.hosts
JSON = "application/json"
WRITES = [name for name in CALLS if not name.startswith(("get", "list"))]
TEN_MEGABYTES = b'{"note": "' + b"x" * 10_000_000 + b'"}'
BAD_TYPES = {
    "no type": None,
    "text": "text/plain",
    "a form": "application/x-www-form-urlencoded",
    "XML": "application/xml",
    "another charset": "application/json; charset=iso-8859-1",
    "UTF-16": "application/json; charset=utf-16",
    "merge patch": "application/merge-patch+json",
}
BAD_IDS = ("0", "-1", "abc", "1.5", "99999999999999999999", "1%00", "NaN", "%ff")
# Written to by others than the call: the scheduler, counted tries, and what the test itself logs in with.
UNWATCHED = (
    "ir_cron",
    "ir_cron_trigger",
    "pos_api_login_attempt",
    "pos_api_change",
    "pos_api_caller_change",
    "bus_bus",
    "bus_presence",
)
# Every row that is new or changed has a new xmin, every row that is gone is missing in the count.
FINGERPRINT = """
    SELECT relname AS name, query_to_xml(format(
             'SELECT count(*), max(xmin::text::bigint) FROM %I', relname), true, true, '')::text AS state
      FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


@pytest.fixture(scope="module")
def foreign(scene: Scene) -> dict[str, list[int]]:
    """Ids of other companies' and other cashiers' records, by the name of the member or operation."""
    shop, stranger, other = scene.shop, scene.shop.caller("stranger"), scene.callers["other cashier"]
    theirs = shop["other"]
    opened = stranger.get("openSession", {"config_id": theirs["till"]["id"], "opening_cash": 0})["id"]
    line = {"product_id": theirs["product"], "quantity": 1}
    tender = {"payment_method_id": theirs["till"]["card"], "amount": 1}
    order = stranger.get("createOrder", {"session_id": opened, "lines": [line], "payments": [tender]})
    till = shop["tills"]["bad input of others"]
    own = other.get("openSession", {"config_id": till["id"], "opening_cash": 0})["id"]
    line = {"product_id": shop["products"]["coffee"], "quantity": 1}
    tender = {"payment_method_id": till["card"], "amount": 1}
    bela = other.get("createOrder", {"session_id": own, "lines": [line], "payments": [tender]})
    shift = stranger.get("createAttendance", {"employee_id": theirs["employee"], "pin": PIN})
    return {
        "product_id": [theirs["product"]],
        "customer_id": [theirs["customer"]],
        "session_id": [opened, own],
        "payment_method_id": [theirs["till"]["cash"], till["cash"]],
        "employee_id": [theirs["employee"]],
        "config_id": [theirs["till"]["id"]],
        "user_id": [theirs["user"]],
        "line_id": [order["lines"][0]["id"], bela["lines"][0]["id"]],
        "sessions": [opened, own],
        "orders": [order["id"], bela["id"]],
        "payments": [order["payments"][0]["id"], bela["payments"][0]["id"]],
        "employees": [theirs["employee"]],
        "attendances": [shift["id"]],
        "products": [theirs["product"]],
    }


def fingerprint(shop: Shop) -> dict[str, str]:
    """Return row count and latest transaction of every table."""
    return {row["name"]: row["state"] for row in shop.rows(FINGERPRINT) if row["name"] not in UNWATCHED}


def refused(answer: requests.Response, bad: Bad) -> str:
    """Return what is wrong with the answer to a bad body, empty if it is refused as it has to be."""
    said = f"{bad.what}: {answer.status_code} {answer.text[:300]}"
    problem = answer.json()
    if "results" in problem:  # of offline orders each has an answer of its own
        problem = problem["results"][0]["problem"] or {"status": 200}
    if not 400 <= problem["status"] < 500:
        return said
    if bad.word and bad.word not in problem["detail"]:
        return f"{said} does not say {bad.word}"
    pointers = [error.get("pointer", "") + "/" for error in problem.get("errors", [])]
    if bad.pointer is not None and not any(one.startswith(bad.pointer + "/") for one in pointers):
        return f"{said} does not name {bad.pointer!r}"
    return ""


def send(caller: Caller, operation: str, valid: Valid, body: bytes, kind: str | None = JSON) -> Any:
    """Send a body for an operation whose call is valid in all else."""
    method, path, options = caller.prepare(operation, id=valid.id, headers=dict(valid.headers))
    options["headers"]["Content-Type"] = kind
    return patiently(lambda: caller.client.request(method, path, data=body, **options))


def bad_bodies_of(operation: Operation, schema: dict[str, Any], body: Any, foreign: Any) -> list[Bad]:
    """Return every bad body for an operation."""
    return [
        *bad_bodies.of_fields(schema, body),
        *bad_bodies.of_ids(schema, body, foreign),
        *bad_bodies.of_wholes(body),
    ]


def wrong_bodies(caller: Caller, operation: Operation, valid: Valid, foreign: Any) -> list[str]:
    """Send every bad body, and return what was not refused as it has to be."""
    schema = caller.contract.body_schema(operation)
    if schema is None:
        answers = [send(caller, operation.id, valid, body) for body in (b"{}", b'{"', TEN_MEGABYTES)]
        return ["" if one.status_code in (400, 413) else f"a body: {one.status_code}" for one in answers]
    wrong = []
    for bad in bad_bodies_of(operation, schema, valid.body, foreign):
        wrong.append(refused(send(caller, operation.id, valid, bad.body), bad))
    good = bad_bodies.serialized(valid.body)
    for what, kind in BAD_TYPES.items():
        answer = send(caller, operation.id, valid, good, kind)
        wrong.append("" if answer.status_code == 415 else f"{what}: {answer.status_code}")
    answer = send(caller, operation.id, valid, TEN_MEGABYTES)
    wrong.append("" if answer.status_code == 413 else f"10 MB: {answer.status_code}")
    return wrong


def wrong_places(caller: Caller, operation: Operation, valid: Valid, foreign: Any) -> list[str]:
    """Send the good body to places that are not the caller's, and return what was not refused."""
    if "{id}" not in operation.path:
        return []
    kind = operation.path.split("/")[3]
    # A manager may look into every session of the own company.
    theirs = foreign[kind][:1] if operation.role == "manager" else foreign[kind]
    wrong = []
    for number in (*BAD_IDS, *theirs, bad_bodies.UNKNOWN_ID):
        answer = caller.call(operation.id, **{**valid.options(), "id": number})
        # A NUL in a path is refused by the web server, as unreadable.
        refused_by = 400 if "%00" in str(number) else 404
        said = f"id {number}: {answer.status_code} {answer.text[:200]}"
        wrong.append("" if answer.status_code == refused_by else said)
    return wrong


@pytest.mark.parametrize("operation", WRITES)
def test_refused_and_nothing_written(scene: Scene, foreign: dict[str, list[int]], operation: str) -> None:
    shop, declared = scene.shop, scene.shop.contract.operations[operation]
    caller = scene.callers[NAMES[declared.role]]
    valid = CALLS[operation].prepare(scene, NAMES[declared.role])
    if operation == "syncOrders":  # each of its orders stands by itself: the good one would be sold
        valid = replace(valid, body={"orders": valid.body["orders"][:1]}, check=gone)
    if caller.login:
        caller.log_in()  # now, and not while the fingerprints are compared
    before = fingerprint(shop)
    wrong = wrong_bodies(caller, declared, valid, foreign) + wrong_places(caller, declared, valid, foreign)
    after = fingerprint(shop)
    written = {name: (state, after.get(name)) for name, state in before.items() if after.get(name) != state}
    if operation == "syncOrders":
        written.pop("pos_api_audit", None)  # refusing every order of it is an answer of 200, which is noted
    assert len(before) > 200
    assert not written, written
    assert not [one for one in wrong if one], "\n".join(filter(None, wrong))
    print(f"{operation}: {len(wrong)} refused")
    # The good call is good, so it was the bad that was refused; and what is written is seen.
    answer = patiently(lambda: caller.call(operation, **valid.options()))
    assert answer.ok, answer.text
    valid.check(answer)
    assert fingerprint(shop) != after
