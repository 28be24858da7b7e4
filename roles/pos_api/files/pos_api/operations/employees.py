"""Employees."""

from odoo.osv.expression import AND, OR

from ..frame.call import Reply, operation
from ..frame.problems import Problem, invalid
from ..records import find, listing, read, write
from ..resources.employee import EMPLOYEE, EMPLOYEE_DETAIL
from ..timeclock import hold, open_shift

SECRETS = {"pin": "pin", "badge": "barcode"}  # written only: they are no members of a resource


def _allowed_at(call, config_id):
    """Return the domain of those whom a point of sale lets in, as pos_hr loads them into its screen."""
    config = call.env["pos.config"].search([("id", "=", config_id)])
    if not config:
        raise invalid(("query:config_id", "is no point of sale that you may use"))
    company = [("company_id", "=", config.company_id.id)]
    if not (config.module_pos_hr and config.employee_ids):
        return company
    return AND([company, OR([[("user_id", "=", call.env.uid)], [("id", "in", config.employee_ids.ids)]])])


@operation("listEmployees", lean=EMPLOYEE)
def list_employees(call):
    domain = _allowed_at(call, call.query["config_id"]) if "config_id" in call.query else ()
    return listing(call, EMPLOYEE, domain)


def _represented(call, number):
    return read(find(call, EMPLOYEE_DETAIL, number), EMPLOYEE_DETAIL)[0]


def _current(call):
    return _represented(call, call.path["id"])


@operation("getEmployee")
def get_employee(call):
    return Reply(200, _current(call))


def _check_unique(call, employee):
    """Refuse a badge or a user that another employee has; elevated, since badges are unique over all
    companies, archived employees included.

    Raises:
        Problem: 422.
    """
    others = call.env["hr.employee"].sudo().with_context(active_test=False)
    badge, user_id = call.body.get("badge"), call.body.get("user_id")
    if badge and others.search([("barcode", "=", badge), ("id", "!=", employee.id)], limit=1):
        raise invalid(("/badge", "is the badge of another employee"))
    company = employee.company_id or call.env.company
    taken = [("user_id", "=", user_id), ("company_id", "=", company.id), ("id", "!=", employee.id)]
    if user_id and others.search(taken, limit=1):
        raise invalid(("/user_id", "is the user of another employee"))


def _check_user(call, company):
    """Refuse what is no internal user of the company."""
    user_id = call.body.get("user_id")
    wanted = [("id", "=", user_id), ("share", "=", False), ("company_ids", "in", company.ids)]
    if user_id and not call.env["res.users"].search(wanted):
        raise invalid(("/user_id", "is no internal user of this company"))


def _store(call, employee, **internal):
    """Create an employee (empty recordset) or change one, with the manager's own rights: who has Attendances
    / Officer has Employees / Officer with it."""
    body = call.body
    _check_user(call, employee.company_id or call.env.company)
    _check_unique(call, employee)
    secrets = {column: body[name] for name, column in SECRETS.items() if name in body}
    linked = {"user_id": body["user_id"]} if "user_id" in body else {}
    employee = write(employee, EMPLOYEE_DETAIL, body, **secrets, **linked, **internal)
    if body.get("user_id"):
        write(employee, EMPLOYEE_DETAIL, body)  # Odoo puts the user's own address over the one that was sent
    employee.flush()  # the public part is a view of the table
    employee.env["hr.employee.public"].invalidate_cache()
    return employee


@operation("createEmployee")
def create_employee(call):
    company = call.env.company
    employee = _store(call, call.env["hr.employee"], company_id=company.id)
    return Reply(201, _represented(call, employee.id), {"Location": f"{call.operation.path}/{employee.id}"})


def _archive(employee, active):
    """Archive an employee or take it back, by Odoo's own action, which also takes the archived one out as
    manager and coach of others (since 15.0)."""
    if bool(employee.active) == active:
        return
    hold(employee)
    if not active and open_shift(employee):
        raise Problem(409, "An employee who is checked in cannot be archived.", "checked-in")
    employee.with_context(no_wizard=True).toggle_active()


@operation("changeEmployee", current=_current)
def change_employee(call):
    employee = call.env["hr.employee"].browse(call.path["id"])
    if "active" in call.body:
        _archive(employee, call.body["active"])
    _store(call, employee)
    return Reply(200, _current(call))
