"""Sessions and their cash."""

from ..cash import move_cash
from ..closing import close_session
from ..frame.call import Reply, operation
from ..frame.problems import Problem
from ..opening import open_session
from ..records import find, listing, read
from ..resources.cash_movement import CASH_MOVEMENT
from ..resources.session import SESSION, SESSION_DETAIL


def _found(call):
    """Return the session of the path, in the context of its company."""
    session = find(call, SESSION_DETAIL, call.path["id"])
    company = session.company_id
    return session.with_context(allowed_company_ids=company.ids).with_company(company)


@operation("listSessions", lean=SESSION)
def list_sessions(call):
    return listing(call, SESSION)


@operation("getSession")
def get_session(call):
    return Reply(200, read(_found(call), SESSION_DETAIL)[0])


@operation("openSession")
def create_session(call):
    session = open_session(call, call.body)
    headers = {"Location": f"{call.operation.path}/{session.id}"}
    return Reply(201, read(session, SESSION_DETAIL)[0], headers)


@operation("moveCash")
def create_cash_movement(call):
    session, body = _found(call), call.body
    if body["direction"] == "out" and not call.principal.is_manager:
        raise Problem(403, "Cash is taken out by managers only.", "forbidden")
    line = move_cash(session, body["direction"], body["amount"], body["reason"])
    headers = {"Location": call.operation.path.replace("{id}/cash-movements", str(session.id))}
    return Reply(201, read(line, CASH_MOVEMENT)[0], headers)


@operation("closeSession")
def put_closing(call):
    session = _found(call)
    close_session(call, session, call.body)
    return Reply(200, read(session, SESSION_DETAIL)[0])
