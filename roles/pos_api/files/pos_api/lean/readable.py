"""SELECTs of what a user may read, as parts of another statement."""


def readable(records, domain, condition, columns, order=""):
    """Return the SQL of a SELECT of the records that its environment's user may read.

    Args:
        records: empty recordset.
        domain: Odoo's domain.
        condition: in SQL; holds beside the domain and may speak of the statement around.
        columns: in SQL.
        order: of Odoo, and what may follow it.

    Raises:
        odoo.exceptions.AccessError: the user may read none of them.
    """
    records.check_access_rights("read")
    query = records._where_calc(domain)
    records._apply_ir_rules(query, "read")
    query.add_where(condition)
    text, parameters = query.select(columns)
    text += f" ORDER BY {order}" if order else ""
    # its parameters would come in another order in the statement around
    return query._cr.mogrify(text, parameters).decode().replace("%", "%%")
