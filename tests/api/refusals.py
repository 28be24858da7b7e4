"""For each status of a refusal: what provokes it, for any operation that documents it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import requests

from tests.api.calls import CALLS
from tests.api.client import Caller, patiently
from tests.api.contract import Operation
from tests.api.scene import Scene
from tests.api.shop import PSQL
from tests.harness import hosts
from verify.clients import odoo_rpc

NOBODY = 2147483647  # an id that no record has
JSON = {"Content-Type": "application/json"}
NAMES = {"anon": "anonymous", "cashier": "cashier", "manager": "manager"}
TRIES = 40  # beyond every limit of tries
Provocation = Callable[[Scene, Operation], Iterator[requests.Response]]


def right_caller(scene: Scene, operation: Operation) -> Caller:
    """Return who may call an operation."""
    return scene.callers[NAMES[operation.role]]


def bare(caller: Caller, operation: Operation, *, patient: bool = True, **options: Any) -> requests.Response:
    """Send a request for an operation as it is given, without a state in which it could succeed.

    Args:
        caller: Who sends it.
        operation: The operation.
        patient: Whether a limit of tries, which then is not what is tried, is waited out.
        options: For `requests`; `id` for the path and `method` in place of the operation's.
    """
    path = operation.path.replace("{id}", str(options.pop("id", 1)))
    given = dict(options)
    if operation.declared.get("requestBody") and not {"json", "data"} & given.keys():
        given["json"] = {}
    given["headers"] = {**caller.headers(), **given.get("headers", {})}
    method = given.pop("method", operation.method)
    if patient:
        return patiently(lambda: caller.client.request(method, path, **given))
    return caller.client.request(method, path, **given)


def _keyed(operation: Operation, **headers: str) -> dict[str, str]:
    """Return headers with those that the operation requires."""
    tag = {"If-Match": '"stale"'} if operation.takes("header", "If-Match") else {}
    key = {"Idempotency-Key": str(uuid4())} if operation.takes("header", "Idempotency-Key") else {}
    return {**tag, **key, **headers}


def _prepared(scene: Scene, operation: Operation, **changed: Any) -> requests.Response:
    """Make a valid call with something changed, as the one who may."""
    name = NAMES[operation.role]
    options = {**CALLS[operation.id].prepare(scene, name).options(), **changed}
    return patiently(lambda: scene.callers[name].call(operation.id, **options))


def unreadable(scene: Scene, operation: Operation) -> Iterator[requests.Response]:
    """400: a body that is no JSON, or one where none is taken; a key that is missing."""
    caller = right_caller(scene, operation)
    if operation.declared.get("requestBody"):
        yield bare(caller, operation, data=b'{"', headers=_keyed(operation, **JSON))
        if operation.takes("header", "Idempotency-Key"):
            valid = CALLS[operation.id].prepare(scene, NAMES[operation.role])
            yield bare(caller, operation, json=valid.body, id=valid.id)
    else:
        yield _prepared(scene, operation, body={"a": 1})


def unauthorized(scene: Scene, operation: Operation) -> Iterator[requests.Response]:
    """401: no token, one that is none; wrong credentials where they are the body."""
    nobody = scene.callers["anonymous"]
    bodies = {
        "createToken": {"login": "anna", "password": "wrong"},
        "refreshToken": {"refresh_token": "rt_unknown"},
    }
    if operation.id in bodies:
        yield bare(nobody, operation, json=bodies[operation.id])
        scene.shop.forget_failed_logins()
        return
    if operation.role != "anon":
        yield bare(nobody, operation, headers=_keyed(operation))
    yield bare(nobody, operation, headers=_keyed(operation, Authorization="Bearer not.a.token"))


def forbidden(scene: Scene, operation: Operation) -> Iterator[requests.Response]:
    """403: a role that is missing."""
    nobody = scene.callers["anonymous"]
    if operation.id == "createToken":
        body = {"login": "plain", "password": scene.shop.passwords["plain"]}
        yield bare(nobody, operation, json=body)
    elif operation.id == "refreshToken":
        yield bare(nobody, operation, json={"refresh_token": scene.dismissed.tokens["refresh_token"]})
    elif operation.id == "createPasswordReset":
        with _setting(scene, "auth_signup.reset_password", "False"):
            yield bare(nobody, operation, json={"login": "anna"})
    elif operation.id == "changePassword":
        body = {"current_password": "wrong", "new_password": "different-one"}
        yield bare(scene.cashier, operation, json=body)
        scene.shop.forget_failed_logins()
    else:
        yield bare(scene.dismissed, operation, headers=_keyed(operation))
        if operation.role == "manager":
            yield bare(scene.cashier, operation, headers=_keyed(operation))
    if operation.id == "moveCash":
        yield _prepared(scene, operation, body={"direction": "out", "amount": 1, "reason": "Cashier"})
    if operation.id in ("createAttendance", "changeAttendance"):
        valid = CALLS[operation.id].prepare(scene, "cashier")
        yield scene.cashier.call(operation.id, **{**valid.options(), "body": {**valid.body, "pin": "0000"}})


@contextmanager
def _setting(scene: Scene, name: str, value: str) -> Iterator[None]:
    """Change a setting of Odoo's for a while."""
    odoo, model = scene.shop.administrator, "ir.config_parameter"
    before = odoo_rpc.call(odoo, model, "get_param", name)
    odoo_rpc.call(odoo, model, "set_param", name, value)
    try:
        yield
    finally:
        odoo_rpc.call(odoo, model, "set_param", name, before)


def missing(scene: Scene, operation: Operation) -> Iterator[requests.Response]:
    """404: an id that no record has; what is another company's."""
    yield _prepared(scene, operation, id=NOBODY)


def wrong_method(scene: Scene, operation: Operation) -> Iterator[requests.Response]:
    """405: a method that the path does not have; Allow lists those that it has."""
    offered = {one.method for one in scene.shop.contract.operations.values() if one.path == operation.path}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - offered:
        answer = bare(right_caller(scene, operation), operation, method=method)
        allowed = set(re.split(r"\s*,\s*", answer.headers["Allow"]))
        assert allowed - {"HEAD", "OPTIONS"} == offered, (method, answer.headers["Allow"])
        yield answer


def not_acceptable(scene: Scene, operation: Operation) -> Iterator[requests.Response]:
    """406: a client that takes no JSON."""
    caller = right_caller(scene, operation)
    yield bare(caller, operation, headers=_keyed(operation, Accept="text/html"))


def conflict(scene: Scene, operation: Operation) -> Iterator[requests.Response]:
    """409: the state that the table has, and a first call with the same key that still runs."""
    name = NAMES[operation.role]
    if make := CALLS[operation.id].conflict:
        yield scene.callers[name].call(operation.id, **make(scene, name).options())
    if operation.takes("header", "Idempotency-Key"):
        key, user = str(uuid4()), scene.shop["users"]["mona" if name == "manager" else "anna"]
        valid = CALLS[operation.id].prepare(scene, name)
        options = valid.options()
        options["headers"]["Idempotency-Key"] = key
        with _running(scene, f"pos_api:{operation.id}:{user}:{key}"):
            yield scene.callers[name].call(operation.id, **options)


@contextmanager
def _running(scene: Scene, lock: str) -> Iterator[None]:
    """Hold the lock by which a running call marks its key, as a call that takes its time would."""
    target = scene.shop.target
    command = [str(hosts.SCRIPT), "--run", target.run.id, "ssh", target.host, "sudo bash -se"]
    statements = f"BEGIN; SELECT 'held', pg_advisory_xact_lock(hashtextextended('{lock}', 0));"
    # psql reads on until its input ends, so the transaction stays open until then.
    script = PSQL.replace("<<'END'\n%s\nEND\n", "").strip() + "\n"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(script)
        process.stdin.write(statements + "\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith("held")
        try:
            yield
        finally:
            process.stdin.close()
            process.wait(timeout=30)


def stale(scene: Scene, operation: Operation) -> Iterator[requests.Response]:
    """412: a tag that is not the present one."""
    yield _prepared(scene, operation, headers={"If-Match": '"stale"'})


def unconditional(scene: Scene, operation: Operation) -> Iterator[requests.Response]:
    """428: no tag."""
    yield _prepared(scene, operation, headers={})


def too_large(scene: Scene, operation: Operation) -> Iterator[requests.Response]:
    """413: more than the server takes."""
    body = json.dumps({"x": "x" * 2_000_000}).encode()
    required = any(p["in"] == "query" and p.get("required") for p in operation.declared["parameters"])
    query = CALLS[operation.id].prepare(scene, NAMES[operation.role]).query if required else {}
    headers = _keyed(operation, **JSON)
    yield bare(right_caller(scene, operation), operation, data=body, headers=headers, params=query)


def wrong_type(scene: Scene, operation: Operation) -> Iterator[requests.Response]:
    """415: a body that is not said to be JSON."""
    for kind in ("text/plain", "application/json; charset=iso-8859-1"):
        headers = _keyed(operation, **{"Content-Type": kind})
        yield bare(right_caller(scene, operation), operation, data=b"{}", headers=headers)


def invalid(scene: Scene, operation: Operation) -> Iterator[requests.Response]:
    """422: a query parameter that is unknown."""
    query = CALLS[operation.id].prepare(scene, NAMES[operation.role]).query
    answer = _prepared(scene, operation, query={**query, "nonsense": "1"})
    assert [error.get("query") for error in answer.json()["errors"]] == ["nonsense"], answer.text
    yield answer


def header_too_large(scene: Scene, operation: Operation) -> Iterator[requests.Response]:
    """431: more header than the server takes."""
    yield bare(right_caller(scene, operation), operation, headers=_keyed(operation, Cookie="x" * 40_000))


def uri_too_long(scene: Scene, operation: Operation) -> Iterator[requests.Response]:
    """414: more query than the server takes; not by much: nginx resets a connection with unread data."""
    query = {"q": "x" * 9_000}
    yield bare(right_caller(scene, operation), operation, headers=_keyed(operation), params=query)


def throttled(scene: Scene, operation: Operation) -> Iterator[requests.Response]:
    """429: too many tries."""
    caller = right_caller(scene, operation)
    if operation.id in ("createAttendance", "changeAttendance"):
        valid = CALLS[operation.id].prepare(scene, "cashier").options()
        options = {**valid, "body": {**valid["body"], "pin": "0000"}}
        answers = (scene.cashier.call(operation.id, **options) for _ in range(TRIES))
    else:
        body = {
            "createToken": {"login": "nobody", "password": "wrong"},
            "refreshToken": {"refresh_token": "rt_unknown"},
            "createPasswordReset": {"login": "nobody"},
            "changePassword": {"current_password": "wrong", "new_password": "different-one"},
        }[operation.id]
        caller = scene.cashier if operation.id == "changePassword" else caller
        answers = (bare(caller, operation, json=body, patient=False) for _ in range(TRIES))
    last = next((one for one in answers if one.status_code == 429), None)
    scene.shop.forget_failed_logins()
    if last is not None:
        yield last


PROVOCATIONS: dict[int, Provocation] = {
    400: unreadable,
    401: unauthorized,
    403: forbidden,
    404: missing,
    405: wrong_method,
    406: not_acceptable,
    409: conflict,
    412: stale,
    413: too_large,
    414: uri_too_long,
    415: wrong_type,
    422: invalid,
    428: unconditional,
    429: throttled,
    431: header_too_large,
}


def provoke(scene: Scene, operation: Operation, status: int) -> Iterator[requests.Response]:
    """Yield the answers to what has to be refused with a status.

    Raises:
        KeyError: Nothing is known to provoke that status.
    """
    yield from PROVOCATIONS[status](scene, operation)
