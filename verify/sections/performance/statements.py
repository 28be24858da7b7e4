"""What the shop asks the database most, as plain SQL on Odoo's own tables; nothing is changed."""

FLOOR = "SELECT 1"

STATEMENTS = {
    "products": """
        SELECT p.id, t.name, p.default_code, p.barcode, t.list_price, t.categ_id
          FROM product_product p JOIN product_template t ON t.id = p.product_tmpl_id
         WHERE p.active AND t.available_in_pos AND t.sale_ok
         ORDER BY p.id LIMIT 50
    """,
    "customers": """
        SELECT id, name, email, phone FROM res_partner
         WHERE active AND name ILIKE '%an%' ORDER BY id LIMIT 50
    """,
    "orders": """
        SELECT o.id, o.name, o.state, o.amount_total, s.name, u.login
          FROM pos_order o JOIN pos_session s ON s.id = o.session_id JOIN res_users u ON u.id = o.user_id
         ORDER BY o.id DESC LIMIT 50
    """,
    "order_lines": """
        SELECT l.id, l.product_id, l.qty, l.price_unit, l.price_subtotal_incl
          FROM pos_order_line l
         WHERE l.order_id IN (SELECT id FROM pos_order ORDER BY id DESC LIMIT 10)
         ORDER BY l.id
    """,
    "stock": """
        SELECT q.product_id, sum(q.quantity), sum(q.reserved_quantity)
          FROM stock_quant q JOIN stock_location l ON l.id = q.location_id
         WHERE l.usage = 'internal'
         GROUP BY q.product_id ORDER BY q.product_id LIMIT 50
    """,
}
