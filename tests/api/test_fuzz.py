"""Schemathesis against the live API: what the document allows and forbids, tried with thousands of cases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
import schemathesis
from schemathesis import engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER

from tests.api.client import Caller, CheckedClient
from tests.api.shop import Shop

pytestmark = pytest.mark.hosts
SEED = 20220701
CASES = 5000
ROLES = ("fuzz-cashier", "fuzz-manager")
# A valid call may still name a record that is not there (404, 422), meet a state (409, 412) or the throttle.
STATE = ["401", "403", "404", "409", "412", "422", "429"]
CONFIG = {
    "seed": SEED,
    "generation": {"database": "none", "no-shrink": True, "max-examples": 15},
    "phases": {
        "stateful": {"enabled": False},
    },
    "checks": {
        "enabled": True,
        "positive_data_acceptance": {"expected-statuses": ["2xx", "304", *STATE]},
        # 414, 431: a value may be so long that the web server does not take it.
        "negative_data_rejection": {
            "expected-statuses": ["400", "405", "406", "413", "414", "415", "428", "431", *STATE]
        },
        "missing_required_header": {"expected-statuses": ["400", "401", "403", "428"]},
    },
}


class CountingClient(CheckedClient):
    """Sends schemathesis's requests by way of the site, whatever host their address names; counts them."""

    sent = 0

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send a request, verified by the site's authority."""
        CountingClient.sent += 1
        options["verify"] = self.verify
        return super().request(method, url.removeprefix(self.site.origin), *arguments, **options)


@pytest.fixture(scope="module")
def clock() -> float:
    """When the first case was about to be sent."""
    return time.monotonic()


@contextmanager
def hooks(shop: Shop, caller: Caller) -> Iterator[None]:
    """Let conditional writes know the present tag, and a login that a case has ended begin anew."""

    def before_call(context: Any, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
        operation = caller.contract.find(case.method, case.operation.path)
        valid = case.meta is not None and case.meta.generation.mode.is_positive
        if (
            operation
            and valid
            and operation.takes("header", "If-Match")
            and "If-Match" in (case.headers or {})
        ):
            path = case.formatted_path
            answer = caller.client.get(path, headers=caller.headers())
            if answer.status_code == 200:
                case.headers["If-Match"] = answer.headers["ETag"]

    def after_call(context: Any, case: schemathesis.Case, response: schemathesis.Response) -> None:
        if response.status_code == 204 and case.operation.path.startswith("/api/v1/auth/"):
            shop.forget_failed_logins()
            caller.forget()

    for hook in (before_call, after_call):
        GLOBAL_HOOK_DISPATCHER.register_hook_with_name(hook, hook.__name__)
    try:
        yield
    finally:
        for hook in (before_call, after_call):
            GLOBAL_HOOK_DISPATCHER.unregister(hook)


def said(event: events.EngineEvent) -> Iterator[str]:
    """Yield what an event tells of answers that should have been others."""
    if isinstance(event, events.ScenarioFinished):
        for checks in event.recorder.checks.values():
            for check in checks:
                if found := check.failure_info:
                    yield f"{event.label}: {check.name}: {found.failure}\n{found.code_sample}"
    elif isinstance(event, events.NonFatalError):
        yield f"{event.label}: {event.value}"
    elif isinstance(event, events.FatalError):
        yield f"schemathesis ended: {event.exception!r}"


@pytest.mark.parametrize("login", ROLES)
def test_every_answer_is_as_documented(
    shop: Shop, clock: float, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.forget_failed_logins()
    caller, client = shop.caller(login), CountingClient(shop.site, shop.contract)
    # The name in the host's certificate is not the address it is reached at: every way goes by our client.
    monkeypatch.setattr("schemathesis.engine.context.make_session", lambda *_, **__: client)
    monkeypatch.setattr("schemathesis.transport.requests.SameHostRedirectsSession", lambda: client)
    config = SchemathesisConfig.from_dict(CONFIG)
    schema = schemathesis.openapi.from_dict(shop.contract.document, config=config)
    schema.config.update(base_url=shop.site.origin)

    @schema.auth.auth(refresh_interval=None)
    class Token:
        """The access token that is good now."""

        def get(self, case: schemathesis.Case, context: schemathesis.AuthContext) -> str:
            return str(caller.tokens["access_token"])

        def set(self, case: schemathesis.Case, data: str, context: schemathesis.AuthContext) -> None:
            case.headers["Authorization"] = f"Bearer {data}"

    wrong: list[str] = []
    tried: set[str] = set()
    with hooks(shop, caller):
        for event in engine.from_schema(schema).execute():
            wrong += said(event)
            if isinstance(event, events.ScenarioFinished) and event.recorder.cases:
                tried.add(str(event.label))
    print(f"{login}: {CountingClient.sent} cases so far, {time.monotonic() - clock:.0f} s, seed {SEED}")
    assert not wrong, f"{len(wrong)} wrong answers\n" + "\n\n".join(dict.fromkeys(wrong))[:30000]
    assert len(tried) == len(shop.contract.operations)


def test_enough_cases_were_sent(clock: float) -> None:
    seconds = time.monotonic() - clock
    print(f"{CountingClient.sent} cases in {seconds:.0f} s: {CountingClient.sent / seconds:.0f} a second")
    assert CountingClient.sent >= CASES
