"""The time clock."""

from ..frame.call import Reply, operation
from ..frame.problems import Problem, invalid
from ..moments import read_moment
from ..records import find, listing, read
from ..resources.attendance import ATTENDANCE
from ..timeclock import check_pin, clock_in, clock_out, correct


@operation("listAttendances", lean=ATTENDANCE)
def list_attendances(call):
    return listing(call, ATTENDANCE)


@operation("createAttendance")
def create_attendance(call):
    number = call.body["employee_id"]
    if not call.env["hr.employee.public"].search([("id", "=", number)]):
        raise invalid(("/employee_id", "is no employee of yours"))
    employee = call.env["hr.employee"].browse(number)
    check_pin(call, employee, call.body["pin"])
    attendance = clock_in(employee)
    body = read(attendance, ATTENDANCE)[0]
    return Reply(201, body, {"Location": f"{call.operation.path}/{attendance.id}"})


def _current(call):
    return read(find(call, ATTENDANCE, call.path["id"]), ATTENDANCE)[0]


@operation("changeAttendance", current=_current)
def change_attendance(call):
    attendance, body = find(call, ATTENDANCE, call.path["id"]), call.body
    times = {name: read_moment(body[name]) for name in ("check_in", "check_out") if name in body}
    if "pin" in body and times:
        raise invalid(("/pin", "ends the shift now, and takes no times beside it"))
    if "pin" in body:
        check_pin(call, attendance.employee_id, body["pin"])
        clock_out(attendance)
    elif not call.principal.is_manager and times:
        raise Problem(403, "Only managers correct times.", "forbidden")
    elif times:
        correct(attendance, times)
    else:
        raise invalid(("/pin", "is required, or for managers a time"))
    return Reply(200, read(attendance, ATTENDANCE)[0])
