"""Sessions, and the cash in their drawers."""

from typing import Any
from uuid import uuid4

import requests

from verify.clients.odoo_rpc import OdooSession, call
from verify.shop.calls import Call, expect, make, money, operation
from verify.shop.people import MARK, People
from verify.shop.selling import TOTAL, draft, tender

OPENING = 100.0
SPARE = "session of the spare till"
SESSIONS_IN_A_RUN = 5  # each leaves a closed session, and most of them a journal entry
MOVEMENTS_IN_A_RUN = 10  # each leaves a line on the cash statement
IN = 1.0


def _open_spare(people: People) -> int:
    """Return a new session of the spare till."""
    body = {"config_id": people.spare_config_id, "opening_cash": OPENING}
    session = int(make(people.cashier, "POST", "/sessions", body).json()["id"])
    people.kept[SPARE] = session
    return session


def _close_spare(people: People) -> None:
    """Close the session of the spare till, if one is open."""
    if session := people.kept.pop(SPARE, None):
        cash = make(people.manager, "GET", f"/sessions/{session}").json()["cash"]
        counted = {"counted_cash": cash["expected"]}
        make(people.manager, "PUT", f"/sessions/{session}/closing", counted)


@operation("listSessions", "list")
def list_sessions(people: People) -> Call:
    """List the open session of the cashier's till."""

    def check(answer: requests.Response) -> None:
        found = [(item["id"], item["state"]) for item in answer.json()["items"]]
        expect("the sessions", found, [(people.session_id, "opened")])

    return Call(query={"config_id": people.config_id, "state": "opened"}, check=check)


@operation("openSession", "accounting", limit=SESSIONS_IN_A_RUN, parallel=False)
def open_session(people: People) -> Call:
    """Open the spare till."""
    _close_spare(people)

    def check(answer: requests.Response) -> None:
        body = answer.json()
        people.kept[SPARE] = body["id"]
        found = (body["state"], body["config"]["id"], body["rescue"])
        expect("the session", found, ("opened", people.spare_config_id, False))
        expect(
            "the cash", (money(body["cash"]["opening"]), money(body["cash"]["expected"])), (OPENING, OPENING)
        )
        expect("the orders", (body["orders"]["sold"], body["orders"]["drafts"]), (0, 0))
        expect("Location", answer.headers.get("Location"), f"/api/v1/sessions/{body['id']}")

    def effect(odoo: OdooSession) -> None:
        (stored,) = call(odoo, "pos.session", "read", [people.kept[SPARE]], ["state", "config_id"])
        found = (stored["state"], stored["config_id"][0])
        expect("the stored session", found, ("opened", people.spare_config_id))

    body = {"config_id": people.spare_config_id, "opening_cash": OPENING}
    return Call(body=body, check=check, effect=effect)


@operation("getSession", "read", foreign=404)
def get_session(people: People) -> Call:
    """Read the cashier's session."""

    def check(answer: requests.Response) -> None:
        body = answer.json()
        found = (body["id"], body["state"], body["config"]["id"])
        expect("the session", found, (people.session_id, "opened", people.config_id))
        expect("whether cash was counted", body["cash"]["counted"], None)

    return Call(id=people.session_id, check=check)


@operation("moveCash", "write", foreign=404, limit=MOVEMENTS_IN_A_RUN)
def move_cash(people: People) -> Call:
    """Put cash into the drawer."""
    body = {"direction": "in", "amount": IN, "reason": f"{MARK} {uuid4().hex}"}
    made: list[int] = []

    def check(answer: requests.Response) -> None:
        shown: dict[str, Any] = answer.json()
        made.append(shown["id"])
        expect("the direction and amount", (shown["direction"], money(shown["amount"])), ("in", IN))
        expect("whether the reason is told", body["reason"] in shown["reason"], True)
        place = f"/api/v1/sessions/{people.session_id}"
        expect("Location", answer.headers.get("Location"), place)

    def effect(odoo: OdooSession) -> None:
        (stored,) = call(odoo, "account.bank.statement.line", "read", made[-1:], ["amount", "payment_ref"])
        found = (money(stored["amount"]), str(body["reason"]) in stored["payment_ref"])
        expect("the stored line", found, (IN, True))

    return Call(id=people.session_id, body=body, check=check, effect=effect)


@operation("closeSession", "accounting", foreign=404, limit=SESSIONS_IN_A_RUN, parallel=False)
def close_session(people: People) -> Call:
    """Close the spare till, where one order was paid in cash."""
    _close_spare(people)
    session = _open_spare(people)
    order = paid_in_cash(people, session)
    expected = money(OPENING + TOTAL)

    def check(answer: requests.Response) -> None:
        people.kept.pop(SPARE, None)
        body = answer.json()
        expect("the session", (body["id"], body["state"]), (session, "closed"))
        names = ("opening", "expected", "counted", "difference")
        found = [money(body["cash"][name]) for name in names]
        expect("the cash", found, [OPENING, expected, expected, 0.0])
        expect("the orders", (body["orders"]["sold"], money(body["orders"]["total"])), (1, TOTAL))

    def effect(odoo: OdooSession) -> None:
        (stored,) = call(odoo, "pos.session", "read", [session], ["state", "move_id"])
        expect("the stored session", (stored["state"], bool(stored["move_id"])), ("closed", True))
        (read,) = call(odoo, "pos.order", "read", [order["id"]], ["state"])
        expect("its order", read["state"], "done")

    return Call(id=session, body={"counted_cash": expected}, check=check, effect=effect)


def paid_in_cash(people: People, session: int) -> dict[str, Any]:
    """Return an order of the spare till, paid in cash."""
    order, _ = draft(people, session=session, payments=[tender(people.spare_method_id)])
    return order
