"""Employees and the time clock."""

from queue import Empty
from typing import Any
from uuid import uuid4

import requests

from verify.clients.odoo_rpc import OdooSession, call
from verify.shop.calls import Call, PreparationError, expect, make, once, operation
from verify.shop.people import MARK, TEMPORARY, People

MADE_IN_A_RUN = 500  # employees, who are deleted afterwards
PIN = "90210"


def take_clerk(people: People) -> int:
    """Return the id of an employee who is free; whoever takes one puts it back after success.

    Raises:
        PreparationError: there is none.
    """
    try:
        return people.clerks.get_nowait()
    except Empty as error:
        raise PreparationError("no employee is free: calls before this one have failed") from error


def clock_in(people: People) -> dict[str, Any]:
    """Return a shift that has begun now, of an employee taken from the free ones."""
    body = {"employee_id": take_clerk(people), "pin": people.pin}
    shift: dict[str, Any] = make(people.cashier, "POST", "/attendances", body).json()
    return shift


def clock_out(people: People, shift: dict[str, Any]) -> None:
    """End a shift, and set its employee free."""
    make(people.cashier, "PATCH", f"/attendances/{shift['id']}", {"pin": people.pin}, If_Match=shift["etag"])
    people.clerks.put(shift["employee"]["id"])


def lasting_shift(people: People) -> dict[str, Any]:
    """Return a shift that goes on to the end of the run."""
    shift: dict[str, Any] = once(people, "shift", lambda: clock_in(people))
    return shift


@operation("listEmployees", "list")
def list_employees(people: People) -> Call:
    """Look for the cashier's employee."""

    def check(answer: requests.Response) -> None:
        expect("the employees", [item["id"] for item in answer.json()["items"]], [people.employee_id])
        expect("whether a PIN is shown", people.pin in answer.text, False)

    return Call(query={"q": f"{MARK} cashier"}, check=check)


@operation("createEmployee", "write", limit=MADE_IN_A_RUN)
def create_employee(people: People) -> Call:
    """Create an employee with PIN and badge."""
    body = {"name": f"{TEMPORARY} employee {uuid4().hex}", "pin": PIN, "badge": uuid4().hex}
    made: list[int] = []

    def check(answer: requests.Response) -> None:
        shown = answer.json()
        made.append(shown["id"])
        found = (shown["name"], shown["active"], shown["state"], shown["has_pin"], shown["has_badge"])
        expect("the employee", found, (body["name"], True, "checked_out", True, True))
        expect("Location", answer.headers.get("Location"), f"/api/v1/employees/{shown['id']}")

    def effect(odoo: OdooSession) -> None:
        (stored,) = call(odoo, "hr.employee", "read", made[-1:], ["name", "pin", "barcode"])
        found = {"name": stored["name"], "pin": stored["pin"], "badge": stored["barcode"]}
        expect("the stored employee", found, body)

    return Call(body=body, check=check, effect=effect)


@operation("getEmployee", "read")
def get_employee(people: People) -> Call:
    """Read the cashier's employee."""

    def check(answer: requests.Response) -> None:
        body = answer.json()
        found = (body["id"], body["name"], body["state"], body["active"])
        expect("the employee", found, (people.employee_id, f"{MARK} cashier", "checked_out", True))
        expect("whether a PIN is shown", people.pin in answer.text, False)

    return Call(id=people.employee_id, check=check)


@operation("changeEmployee", "write")
def change_employee(people: People) -> Call:
    """Give an employee another title."""
    clerk, title = take_clerk(people), f"{MARK} {uuid4().hex}"
    tag = make(people.manager, "GET", f"/employees/{clerk}").headers.get("ETag", "")

    def check(answer: requests.Response) -> None:
        people.clerks.put(clerk)
        body = answer.json()
        expect("the employee", (body["id"], body["job_title"]), (clerk, title))

    def effect(odoo: OdooSession) -> None:
        (stored,) = call(odoo, "hr.employee", "read", [clerk], ["job_title"])
        expect("the stored title", stored["job_title"], title)

    return Call(id=clerk, body={"job_title": title}, headers={"If-Match": tag}, check=check, effect=effect)


@operation("listAttendances", "list")
def list_attendances(people: People) -> Call:
    """List the open shift of an employee."""
    shift = lasting_shift(people)

    def check(answer: requests.Response) -> None:
        found = [(item["id"], item["check_out"]) for item in answer.json()["items"]]
        expect("the shifts", found, [(shift["id"], None)])

    return Call(query={"employee_id": shift["employee"]["id"], "open": "true"}, check=check)


@operation("createAttendance", "write")
def create_attendance(people: People) -> Call:
    """Clock in."""
    clerk = take_clerk(people)

    def check(answer: requests.Response) -> None:
        shift = answer.json()
        people.kept[f"shift of {clerk}"] = shift["id"]
        found = (shift["employee"]["id"], shift["check_out"], shift["worked_hours"])
        expect("the shift", found, (clerk, None, 0))
        expect("Location", answer.headers.get("Location"), f"/api/v1/attendances/{shift['id']}")
        clock_out(people, shift)

    def effect(odoo: OdooSession) -> None:
        number = people.kept[f"shift of {clerk}"]
        (stored,) = call(odoo, "hr.attendance", "read", [number], ["employee_id"])
        expect("the stored shift's employee", stored["employee_id"][0], clerk)

    return Call(body={"employee_id": clerk, "pin": people.pin}, check=check, effect=effect)


@operation("changeAttendance", "write", foreign=404)
def change_attendance(people: People) -> Call:
    """Clock out."""
    shift = clock_in(people)
    clerk = shift["employee"]["id"]

    def check(answer: requests.Response) -> None:
        people.clerks.put(clerk)
        body = answer.json()
        expect("the shift", (body["id"], body["check_out"] is not None), (shift["id"], True))

    def effect(odoo: OdooSession) -> None:
        (stored,) = call(odoo, "hr.attendance", "read", [shift["id"]], ["check_out"])
        expect("whether the stored shift has ended", bool(stored["check_out"]), True)

    return Call(
        id=shift["id"],
        body={"pin": people.pin},
        headers={"If-Match": shift["etag"]},
        check=check,
        effect=effect,
    )
