-- The first page of GET /products as a cashier of the first company sees it: rights, record rules, names and
-- translations in one statement, JSON made by the database. Stands for the API's own text where that can't be asked.
SELECT coalesce(json_agg(row_to_json(page)), '[]')
  FROM (SELECT p.id,
               coalesce(name.value, t.name) AS name,
               p.default_code AS code,
               p.barcode,
               round(t.list_price::numeric, 6) AS price,
               CASE WHEN c.id IS NOT NULL THEN json_build_object('id', c.id, 'name', coalesce(cn.value, c.name)) END
                 AS category,
               json_build_object('id', u.id, 'name', coalesce(un.value, u.name)) AS uom,
               t.tracking,
               to_char(p.write_date, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS updated_at
          FROM product_product p
          JOIN product_template t ON t.id = p.product_tmpl_id
          LEFT JOIN ir_translation name ON name.res_id = t.id AND name.name = 'product.template,name'
                AND name.type = 'model' AND name.lang = 'en_US' AND name.value <> ''
          LEFT JOIN pos_category c ON c.id = t.pos_categ_id
          LEFT JOIN ir_translation cn ON cn.res_id = c.id AND cn.name = 'pos.category,name'
                AND cn.type = 'model' AND cn.lang = 'en_US' AND cn.value <> ''
          JOIN uom_uom u ON u.id = t.uom_id
          LEFT JOIN ir_translation un ON un.res_id = u.id AND un.name = 'uom.uom,name'
                AND un.type = 'model' AND un.lang = 'en_US' AND un.value <> ''
         WHERE p.active AND t.available_in_pos AND t.sale_ok
           AND (t.company_id IS NULL OR t.company_id IN (1))
         ORDER BY p.id
         LIMIT 21) page
