-- A shop that has grown: products, customers, closed sessions with their orders, lines and payments.
--
-- Rows are copies of what Odoo itself has stored (the prototypes that shop.py makes by Odoo's own methods), with
-- what tells them apart put in; so every column is there, whatever modules are installed. Ids come from Odoo's own
-- sequences. Run again it adds what is missing; what it has made bears BENCH in code or name.
--
-- psql variables: products, customers, orders (wanted numbers); per_session (orders of a session); lang (the second
-- language); goods, service (product.template), customer (res.partner), company (the second one),
-- order_a, order_b (pos.order, one of each company; their sessions are closed).
-- One in ten products, sessions and customers is the second company's.

BEGIN;
SET LOCAL work_mem = '128MB';
SET LOCAL synchronous_commit = off;

-- Products: whole prices from 1 to 200, the goods' tax included; services of company two have no tax.
CREATE TEMP TABLE new_products ON COMMIT DROP AS
SELECT n, nextval('product_template_id_seq') AS template, nextval('product_product_id_seq') AS product,
       format('BENCH-%s', lpad(n::text, 6, '0')) AS code, 1 + (n * 7) % 200 AS price,
       CASE WHEN n % 10 = 0 OR n % 4 = 1 THEN :service ELSE :goods END AS original,
       CASE WHEN n % 10 = 0 THEN :company END AS company
  FROM generate_series((SELECT count(*) FROM product_product WHERE default_code LIKE 'BENCH-%') + 1, :products) n;

INSERT INTO product_template
SELECT made.* FROM new_products new JOIN product_template old ON old.id = new.original
 CROSS JOIN LATERAL jsonb_populate_record(old, jsonb_build_object(
       'id', new.template, 'name', 'Bench product ' || new.n, 'default_code', new.code, 'list_price', new.price,
       'company_id', new.company)) made;
INSERT INTO product_product
SELECT made.* FROM new_products new
  JOIN LATERAL (SELECT * FROM product_product WHERE product_tmpl_id = new.original ORDER BY id LIMIT 1) old ON true
 CROSS JOIN LATERAL jsonb_populate_record(
       (SELECT whole FROM product_product whole WHERE whole.id = old.id), jsonb_build_object(
       'id', new.product, 'product_tmpl_id', new.template, 'default_code', new.code,
       'barcode', '2' || lpad(new.n::text, 12, '0'))) made;
INSERT INTO product_taxes_rel (prod_id, tax_id)
SELECT new.template, old.tax_id FROM new_products new JOIN product_taxes_rel old ON old.prod_id = new.original;
INSERT INTO product_supplier_taxes_rel (prod_id, tax_id)
SELECT new.template, old.tax_id FROM new_products new
  JOIN product_supplier_taxes_rel old ON old.prod_id = new.original;
INSERT INTO ir_translation (name, res_id, lang, type, src, value, state)
SELECT 'product.template,name', template, :'lang', 'model', 'Bench product ' || n, 'Article ' || n, 'translated'
  FROM new_products;
INSERT INTO stock_quant
SELECT made.* FROM new_products new
  JOIN product_product prototype ON prototype.product_tmpl_id = new.original
  JOIN stock_quant old ON old.product_id = prototype.id
 CROSS JOIN LATERAL jsonb_populate_record(old, jsonb_build_object(
       'id', nextval('stock_quant_id_seq'), 'product_id', new.product, 'reserved_quantity', 0)) made
 WHERE new.original = :goods;

-- Customers.
INSERT INTO res_partner
SELECT made.* FROM
       (SELECT n, nextval('res_partner_id_seq') AS id
          FROM generate_series((SELECT count(*) FROM res_partner WHERE ref LIKE 'BENCH-%') + 1, :customers) n) new
  JOIN res_partner old ON old.id = :customer
 CROSS JOIN LATERAL jsonb_populate_record(old, jsonb_build_object(
       'id', new.id, 'ref', 'BENCH-' || new.n, 'name', 'Bench customer ' || new.n,
       'display_name', 'Bench customer ' || new.n, 'commercial_partner_id', new.id,
       'email', format('customer%s@bench.invalid', new.n), 'phone', '+1555' || lpad(new.n::text, 7, '0'),
       'street', new.n || ' Bench Street', 'city', 'Bench', 'zip', lpad((new.n % 100000)::text, 5, '0'),
       'company_id', CASE WHEN new.n % 10 = 0 THEN :company END)) made;

-- Sessions, the last of them closed yesterday, one a shift.
CREATE TEMP TABLE new_sessions ON COMMIT DROP AS
SELECT n, nextval('pos_session_id_seq') AS session, nextval('account_bank_statement_id_seq') AS statement,
       CASE WHEN n % 10 = 0 THEN :order_b ELSE :order_a END AS original,
       date_trunc('day', now() AT TIME ZONE 'UTC') - interval '1 day'
         - (:orders / :per_session - n) * interval '8 hours' AS started
  FROM generate_series((SELECT count(*) FROM pos_session WHERE name LIKE 'BENCH/%') + 1, :orders / :per_session) n;
INSERT INTO pos_session
SELECT made.* FROM new_sessions new JOIN pos_order prototype ON prototype.id = new.original
  JOIN pos_session old ON old.id = prototype.session_id
 CROSS JOIN LATERAL jsonb_populate_record(old, jsonb_build_object(
       'id', new.session, 'name', format('BENCH/%s', lpad(new.n::text, 5, '0')), 'move_id', NULL,
       'cash_register_id', NULL, 'start_at', new.started, 'stop_at', new.started + interval '8 hours',
       'sequence_number', :per_session, 'create_date', new.started,
       'write_date', new.started + interval '8 hours')) made;
-- The drawer was emptied each time; the books of these sessions are not part of the shop.
INSERT INTO account_bank_statement
SELECT made.* FROM new_sessions new JOIN pos_order prototype ON prototype.id = new.original
  JOIN pos_session closed ON closed.id = prototype.session_id
  JOIN account_bank_statement old ON old.id = closed.cash_register_id
 CROSS JOIN LATERAL jsonb_populate_record(old, jsonb_build_object(
       'id', new.statement, 'name', 'BENCH/' || new.n, 'pos_session_id', new.session, 'balance_start', 0,
       'balance_end', 0, 'balance_end_real', 0, 'total_entry_encoding', 0, 'difference', 0)) made;
UPDATE pos_session SET cash_register_id = new.statement FROM new_sessions new WHERE id = new.session;

-- Orders: what is sold by each company, numbered, and what of its price is tax.
CREATE TEMP TABLE sold ON COMMIT DROP AS
SELECT t.company_id AS company, p.id AS product, t.name, t.list_price AS price,
       EXISTS (SELECT FROM product_taxes_rel r WHERE r.prod_id = t.id) AS taxed, t.id AS template,
       row_number() OVER (PARTITION BY t.company_id ORDER BY p.id) - 1 AS number,
       count(*) OVER (PARTITION BY t.company_id) AS total
  FROM product_product p JOIN product_template t ON t.id = p.product_tmpl_id WHERE p.default_code LIKE 'BENCH-%';
ANALYZE sold;
CREATE TEMP TABLE of_company ON COMMIT DROP AS
SELECT DISTINCT company, total FROM sold;
CREATE TEMP TABLE customers ON COMMIT DROP AS
SELECT id, row_number() OVER (ORDER BY id) - 1 AS number
  FROM res_partner WHERE ref LIKE 'BENCH-%' AND company_id IS NULL;
ANALYZE customers;

CREATE TEMP TABLE new_orders ON COMMIT DROP AS
SELECT (s.n - 1) * :per_session + i AS n, i AS place, nextval('pos_order_id_seq') AS id, s.session, s.original,
       s.started + i * (interval '7 hours' / :per_session) AS at,
       CASE WHEN s.original = :order_b THEN :company END AS company
  FROM new_sessions s CROSS JOIN generate_series(1, :per_session) i
 ORDER BY 1;
ANALYZE new_orders;
CREATE TEMP TABLE new_lines ON COMMIT DROP AS
SELECT o.id AS order_id, nextval('pos_order_line_id_seq') AS id, line, sold.product, sold.name, sold.price,
       sold.taxed, sold.template, q.qty, sold.price * q.qty AS with_tax,
       CASE WHEN sold.taxed THEN round(sold.price * q.qty / 1.1, 2) ELSE sold.price * q.qty END AS bare
  FROM new_orders o
  JOIN of_company c ON c.company IS NOT DISTINCT FROM o.company
 CROSS JOIN generate_series(1, 3) line
 CROSS JOIN LATERAL (SELECT 1 + (o.n + line) % 3 AS qty) q
  JOIN sold ON sold.company IS NOT DISTINCT FROM o.company AND sold.number = (o.n * 7 + line * 131) % c.total;
ANALYZE new_lines;
CREATE TEMP TABLE totals ON COMMIT DROP AS
SELECT order_id, sum(with_tax) AS total, sum(with_tax - bare) AS tax FROM new_lines GROUP BY order_id;

INSERT INTO pos_order
SELECT made.* FROM new_orders new JOIN totals ON totals.order_id = new.id
  JOIN pos_order old ON old.id = new.original
  LEFT JOIN customers ON new.n % 3 = 0 AND customers.number = new.n % (SELECT count(*) FROM customers)
 CROSS JOIN LATERAL jsonb_populate_record(old, jsonb_build_object(
       'id', new.id, 'name', format('BENCH/%s', lpad(new.n::text, 7, '0')),
       'pos_reference', format('Order %s-001-%s', lpad(new.session::text, 5, '0'), lpad(new.place::text, 4, '0')),
       'session_id', new.session, 'date_order', new.at, 'create_date', new.at, 'write_date', new.at,
       'partner_id', customers.id, 'sequence_number', new.place, 'amount_total', totals.total,
       'amount_tax', totals.tax, 'amount_paid', totals.total, 'amount_return', 0)) made
 ORDER BY new.id;
INSERT INTO pos_order_line
SELECT made.* FROM new_lines new JOIN new_orders parent ON parent.id = new.order_id
  JOIN LATERAL (SELECT min(id) AS id FROM pos_order_line WHERE order_id = parent.original) first ON true
  JOIN pos_order_line old ON old.id = first.id
 CROSS JOIN LATERAL jsonb_populate_record(old, jsonb_build_object(
       'id', new.id, 'order_id', new.order_id, 'name', format('BENCH/%s', new.id), 'product_id', new.product,
       'full_product_name', new.name, 'price_unit', new.price, 'qty', new.qty, 'price_subtotal', new.bare,
       'price_subtotal_incl', new.with_tax, 'create_date', parent.at, 'write_date', parent.at)) made
 ORDER BY new.id;
INSERT INTO account_tax_pos_order_line_rel (pos_order_line_id, account_tax_id)
SELECT new.id, tax.tax_id FROM new_lines new JOIN product_taxes_rel tax ON tax.prod_id = new.template
 WHERE new.taxed;
INSERT INTO pos_payment
SELECT made.* FROM new_orders new JOIN totals ON totals.order_id = new.id
  JOIN pos_payment old ON old.pos_order_id = new.original
 CROSS JOIN LATERAL jsonb_populate_record(old, jsonb_build_object(
       'id', nextval('pos_payment_id_seq'), 'pos_order_id', new.id, 'session_id', new.session,
       'amount', totals.total, 'payment_date', new.at, 'create_date', new.at, 'write_date', new.at)) made
 ORDER BY new.id;
COMMIT;

VACUUM (ANALYZE) product_template, product_product, product_taxes_rel, ir_translation, stock_quant, res_partner,
  pos_session, account_bank_statement, pos_order, pos_order_line, account_tax_pos_order_line_rel, pos_payment;
