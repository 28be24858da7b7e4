"""What a user may read, as conditions and SELECTs of a statement that is kept."""

TREE = ("child_of", "parent_of")


class NotCompilable(Exception):
    """PostgreSQL cannot give what the ORM gives; the text says of what."""


def rules(records):
    """Return the leaves of the record rules for reading, those of the models that it inherits from too."""
    if records.env.su:
        return []
    models = [records._name, *records._inherits]
    domains = [records.env["ir.rule"]._compute_domain(model, "read") or [] for model in models]
    return [leaf for domain in domains for leaf in domain if isinstance(leaf, (tuple, list))]


def narrow(records, query):
    """Narrow a query to what a user may read.

    Raises:
        NotCompilable: a rule follows a tree, which the ORM walks before it makes the SQL.
    """
    if any(leaf[1] in TREE for leaf in rules(records)):
        raise NotCompilable(f"a rule of {records._name} follows a tree")
    records._apply_ir_rules(query, "read")


def unrestricted(records):
    """Make sure that a user may read all of a model's records, so that SQL need not narrow them.

    Raises:
        NotCompilable: there are rules.
        odoo.exceptions.AccessError: the user may read none of them.
    """
    records.check_access_rights("read")
    if rules(records):
        raise NotCompilable(f"{records._name} has rules")


def readable(records, domain, condition, columns, order=""):
    """Return the SQL of a SELECT of the records that its environment's user may read.

    Args:
        records: empty recordset.
        domain: Odoo's domain.
        condition: in SQL; holds beside the domain and may speak of the statement around.
        columns: in SQL.
        order: of Odoo, and what may follow it.

    Raises:
        NotCompilable: see :func:`narrow`.
        odoo.exceptions.AccessError: the user may read none of them.
    """
    records.check_access_rights("read")
    query = records._where_calc(domain)
    narrow(records, query)
    query.add_where(condition)
    text, parameters = query.select(columns)
    text += f" ORDER BY {order}" if order else ""
    # its parameters would come in another order in the statement around
    return query._cr.mogrify(text, parameters).decode().replace("%", "%%")
