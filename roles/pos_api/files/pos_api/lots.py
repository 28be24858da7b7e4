"""Lots and serial numbers of what is sold, as the till's screen asks for them."""

from .frame.problems import Problem


def _taken(config):
    """Return whether a point of sale takes lots, and whether a new name makes one."""
    kind = config.picking_type_id
    return kind.use_create_lots or kind.use_existing_lots, kind.use_create_lots


def _unknown(product, company, names):
    found = product.env["stock.production.lot"].search(
        [("product_id", "=", product.id), ("company_id", "=", company.id), ("name", "in", names)]
    )
    return set(names) - set(found.mapped("name"))


def sold_lots(config, product, quantity, names, where):
    """Work out the lots of a new line; return (commands for its column, what is wrong with them or None).

    Args:
        config: point of sale.
        product: variant.
        quantity: of the line.
        names: as sent; empty where none were.
        where: place of the names in the body.

    Raises:
        Problem: 403 where the user has no rights on lots.
    """
    taken, made = _taken(config) if product.tracking != "none" else (False, False)
    if not taken:
        return [], "is taken for products with lots or serial numbers only" if names else None
    wanted = 1 if product.tracking == "lot" else quantity
    if len(names) != wanted:
        what = "the lot" if product.tracking == "lot" else "as many serial numbers as the quantity"
        return [], f"must name {what}"
    if not product.env["stock.production.lot"].check_access_rights("create", raise_exception=False):
        # Odoo's own sale fails there too, after the payment
        raise Problem(403, f"{where}: lots need a user of the inventory.", "forbidden")
    if not made and _unknown(product, config.company_id, names):
        return [], "names a lot that is not known"
    return commands(names), None


def commands(names):
    """Return the commands that put lots on a line."""
    return [(0, 0, {"lot_name": name}) for name in names]


def _left(line):
    """Return the names on a line that no refund has taken back."""
    gone = line.refund_orderline_ids.pack_lot_ids.mapped("lot_name")
    return [name for name in line.pack_lot_ids.mapped("lot_name") if name not in gone]


def returned_lots(line, quantity, names):
    """Work out the lots that come back; return (their names, what is wrong with them or None).

    Args:
        line: what was sold.
        quantity: what comes back of it.
        names: as sent; None where none were.
    """
    if line.product_id.tracking == "serial" and line.pack_lot_ids:
        left = _left(line)
        chosen = left if names is None and len(left) == quantity else names or []
        if len(chosen) != quantity or not set(chosen) <= set(left):
            return [], "must name as many serial numbers of the line as come back"
        return chosen, None
    sold = line.pack_lot_ids.mapped("lot_name")
    return sold, None if names in (None, sold) else "is not what was sold"
