"""Customers."""

from odoo import api, exceptions
from odoo.tools import email_normalize

from ..frame.call import Reply, operation
from ..frame.problems import Problem, invalid
from ..records import find, listing, read, write
from ..resources.customer import CUSTOMER, CUSTOMER_DETAIL


@operation("listCustomers", lean=CUSTOMER)
def list_customers(call):
    return listing(call, CUSTOMER)


@operation("getCustomer", lean=CUSTOMER_DETAIL)
def get_customer(call):
    return Reply(200, read(find(call, CUSTOMER_DETAIL, call.path["id"]), CUSTOMER_DETAIL)[0])


def _place(call):
    """Return the values of state and country; a state brings its country along.

    Raises:
        Problem: 422 for one that does not exist, or a state of another country.
    """
    body, env = call.body, call.env
    country = env["res.country"].search([("id", "=", body.get("country_id"))])
    state = env["res.country.state"].search([("id", "=", body.get("state_id"))])
    if "country_id" in body and not country:
        raise invalid(("/country_id", "is no country"))
    if "state_id" in body and not state:
        raise invalid(("/state_id", "is no state"))
    if state and country and state.country_id != country:
        raise invalid(("/state_id", "is a state of another country"))
    return {"state_id": state.id, "country_id": (country or state.country_id).id}


def _claim_barcode(call, barcode):
    """Make sure that this call alone gives a barcode to a customer.

    Barcodes are each company's own and have no unique index. Of two calls at once the lock lets one go on,
    and the look from a new snapshot finds what was committed since this transaction began.

    Raises:
        Problem: 409 while another call is at it, 422 where a customer has it already.
    """
    lock = f"pos_api:barcode:{call.env.company.id}:{barcode}"
    call.env.cr.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (lock,))
    if not call.env.cr.fetchone()[0]:
        raise Problem(
            409,
            "A customer with this barcode is being created.",
            "still-running",
            headers=[("Retry-After", "1")],
        )
    with call.request.registry.cursor() as cr:
        # sudo: Odoo's own rule counts customers too that the user may not read
        partners = api.Environment(cr, call.env.uid, dict(call.env.context))["res.partner"].sudo()
        if partners.search_count([("barcode", "=", barcode)]):
            raise invalid(("/barcode", "belongs to another customer"))


@operation("createCustomer")
def create_customer(call):
    body = call.body
    if "email" in body and not email_normalize(body["email"]):
        raise invalid(("/email", "must be one e-mail address"))
    place = _place(call)
    if "barcode" in body:
        _claim_barcode(call, body["barcode"])
    partners = call.env["res.partner"]
    if not partners.check_access_rights("create", raise_exception=False):
        # sudo: cashiers may create no contact in Odoo; here they may, with the declared fields only
        partners = partners.sudo()
    try:
        customer = write(partners, CUSTOMER_DETAIL, body, name=body["name"], **place)
    except exceptions.ValidationError as error:
        if "vat" not in body:
            raise
        # the one rule of Odoo's that is left: the tax number's, where base_vat is installed
        raise invalid(("/vat", str(error.args[0]))) from error
    shown = read(customer.with_env(call.env), CUSTOMER_DETAIL)[0]
    return Reply(201, shown, {"Location": f"{call.operation.path}/{customer.id}"})
