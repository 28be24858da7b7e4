"""Sales of a session or of a span of days, by Odoo's own report."""

from datetime import timedelta

from ..days import span
from ..frame.call import Reply, operation
from ..frame.pagination import page
from ..frame.problems import invalid
from ..records import moment, number

MOST_LINES = 20000  # of orders in a span of days; Odoo goes through them one by one, about 1 ms each
SOLD = ("paid", "invoiced", "done")
REPORT = "report.point_of_sale.report_saledetails"


def _session(call):
    session = call.env["pos.session"].search([("id", "=", call.query["session_id"])])
    if not session:
        raise invalid(("query:session_id", "is not a known session"))
    return session


def _check_size(call, company, start, end):
    """Refuse a span with more order lines than one answer can wait for (422)."""
    domain = [
        ("order_id.company_id", "=", company.id),
        ("order_id.state", "in", SOLD),
        ("order_id.date_order", ">=", start),
        ("order_id.date_order", "<=", end),
    ]
    if call.env["pos.order.line"].search(domain, limit=MOST_LINES + 1, count=True) > MOST_LINES:
        raise invalid(("query:date_to", f"spans more than {MOST_LINES} order lines; ask for fewer days"))


def _details(call):
    """Return (Odoo's report, session or empty recordset, company, first and last second or None).

    Raises:
        Problem: 422 where not exactly one of a session and days is asked for.
    """
    days = [name for name in ("date_from", "date_to") if name in call.query]
    if "session_id" in call.query:
        if days:
            raise invalid((f"query:{days[0]}", "is not taken together with session_id"))
        session, start, end = _session(call), None, None
        company, asked = session.company_id, {"session_ids": session.ids}
    else:
        if "date_from" not in days:
            raise invalid(("query:date_from", "is required without session_id"))
        session, company = call.env["pos.session"], call.env.user.company_id
        days = span(call)
        start, end = days.start, days.end - timedelta(seconds=1)
        _check_size(call, company, start, end)
        asked = {"date_start": str(start), "date_stop": str(end)}
    report = call.env[REPORT].with_context(allowed_company_ids=company.ids).with_company(company)
    return report.get_sale_details(**asked), session, company, start, end


@operation("getSalesReport")
def get_sales_report(call):
    details, session, company, start, end = _details(call)
    rows = [
        {
            "product": {"id": row["product_id"], "name": row["product_name"]},
            "code": row["code"] or None,
            "unit": row["uom"],
            "quantity": number(row["quantity"]),
            "unit_price": number(row["price_unit"]),
            "discount": number(row["discount"]),
        }
        for row in sorted(
            details["products"],
            key=lambda row: (row["product_name"], row["product_id"], row["price_unit"], row["discount"]),
        )
    ]
    offset, limit = call.query["offset"], call.query["limit"]
    products = page(call, rows[offset : offset + limit + 1])
    body = {
        "session": {"id": session.id, "name": session.name} if session else None,
        "company": {"id": company.id, "name": company.name},
        "currency": company.currency_id.name,
        "from": moment(start),
        "to": moment(end),
        "total": number(details["total_paid"]),
        "payments": [
            {"method": row["name"], "amount": number(row["total"])}
            for row in sorted(details["payments"], key=lambda row: row["name"])
        ],
        "taxes": [
            {"name": row["name"], "base": number(row["base_amount"]), "amount": number(row["tax_amount"])}
            for row in sorted(details["taxes"], key=lambda row: row["name"])
        ],
        "product_count": len(rows),
        "products": products.body["items"],
        "limit": limit,
        "offset": offset,
    }
    return Reply(200, body, products.headers)
