"""Logins and passwords."""

import secrets
from queue import Empty
from typing import Any
from uuid import uuid4

import requests

from verify.clients.api import BASE
from verify.clients.odoo_rpc import OdooSession
from verify.clients.web import Client
from verify.shop.calls import Call, NotOfferedError, expect, operation
from verify.shop.people import LOGINS, MANAGER, People

# The web server lets 20 logins pass at once, and then one every other second.
LOGINS_IN_A_RUN = 8


def _role(people: People) -> str:
    return "manager" if LOGINS[people.cashier.login] == MANAGER else "cashier"


def _family(people: People) -> dict[str, Any]:
    """Return the tokens of a login that may be used up."""
    try:
        return people.families.get_nowait()
    except Empty:
        return people.cashier.another_login()


def _status_of_me(people: People, token: str) -> int:
    with Client(people.site) as client:
        answer = client.get(f"{BASE}/auth/me", headers={"Authorization": f"Bearer {token}"})
        return answer.status_code


@operation("createToken", "login", limit=LOGINS_IN_A_RUN)
def create_token(people: People) -> Call:
    """Log the cashier in once more."""

    def check(answer: requests.Response) -> None:
        tokens = answer.json()
        expect("the kind of token", tokens["token_type"], "Bearer")
        expect("who was logged in", (tokens["user"]["login"], tokens["user"]["role"]), _who(people))
        expect("the dots of an access token", tokens["access_token"].count("."), 2)
        people.families.put(tokens)

    return Call(body={"login": people.cashier.login, "password": people.cashier.password}, check=check)


def _who(people: People) -> tuple[str, str]:
    return people.cashier.login, _role(people)


@operation("refreshToken", "login", limit=LOGINS_IN_A_RUN)
def refresh_token(people: People) -> Call:
    """Exchange the refresh token of a login."""
    old = _family(people)

    def check(answer: requests.Response) -> None:
        new = answer.json()
        expect("whose tokens they are", new["user"]["login"], old["user"]["login"])
        for name in ("access_token", "refresh_token"):
            expect(f"whether the {name} is another one", new[name] != old[name], True)
        people.families.put(new)

    return Call(body={"refresh_token": old["refresh_token"]}, check=check)


@operation("deleteCurrentToken", "write", limit=LOGINS_IN_A_RUN)
def delete_current_token(people: People) -> Call:
    """End a login."""
    token = _family(people)["access_token"]

    def check(answer: requests.Response) -> None:
        expect("the body", answer.content, b"")

    def effect(_: OdooSession) -> None:
        expect("the status of a call with the ended login", _status_of_me(people, token), 401)

    return Call(headers={"Authorization": f"Bearer {token}"}, check=check, effect=effect)


@operation("getMe", "read")
def get_me(people: People) -> Call:
    """Ask who the token belongs to."""

    def check(answer: requests.Response) -> None:
        body = answer.json()
        expect("who it is", (body["login"], body["role"]), _who(people))
        if _role(people) == "cashier":
            expect("the employee", body["employee"]["id"], people.employee_id)
            opened = [session["id"] for session in body["open_sessions"]]
            expect("whether the session is named", people.session_id in opened, True)

    return Call(check=check)


@operation("createPasswordReset", "login", limit=5)
def create_password_reset(people: People) -> Call:
    """Ask for the reset of nobody's password: the answer is that of everybody, and no mail is sent."""
    if not people.resets:
        raise NotOfferedError("password resets are switched off in Odoo's settings")
    return Call(
        body={"login": f"verify-nobody-{uuid4().hex}"},
        check=lambda answer: expect("the body", answer.content, b""),
    )


@operation("changePassword", "login", limit=3, parallel=False)
def change_password(people: People) -> Call:
    """Give the other cashier a new password, which ends all logins."""
    user, password = people.other, secrets.token_urlsafe(24)
    old = user.bearer()

    def check(answer: requests.Response) -> None:
        user.forget(password)
        expect("the body", answer.content, b"")

    def effect(_: OdooSession) -> None:
        token = old["Authorization"].removeprefix("Bearer ")
        expect("the status of a call with a login before the change", _status_of_me(people, token), 401)
        expect("the status of a call after a login with it", user.request("GET", "/auth/me").status_code, 200)

    body = {"current_password": user.password, "new_password": password}
    return Call(headers=old, body=body, check=check, effect=effect)
