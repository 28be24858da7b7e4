"""Runs with Odoo's Python on a test host: writes by every way there is, and reads directly after each commit.

Standard input: JSON with ``token``, ``url``, ``reads``, ``seed``. Prints JSON: reads made and the stale ones.
"""

import json
import random
import sys

import requests
import urllib3
from odoo import SUPERUSER_ID, api, registry
from odoo.tools import config

SESSIONS = 5  # connections, so that every worker is asked
EACH = 10  # reads after a commit

given = json.load(sys.stdin)
chance = random.Random(given["seed"])
urllib3.disable_warnings()
config.parse_config(["--config", "/etc/odoo/odoo.conf"])
found = registry(config["db_name"])
clients = [requests.Session() for _ in range(SESSIONS)]
for client in clients:
    client.verify, client.headers["Authorization"] = False, "Bearer " + given["token"]


def listed(number, client):
    """Return (price, None) of a product as the API lists it, None where it does not."""
    answer = client.get(f"{given['url']}/api/v1/products", params={"ids": number}, timeout=30)
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    return (items[0]["price"], None) if items else None


def alone(number, client):
    """Return (price, amount of its tax) of a product as the API gives it alone, None where it does not."""
    answer = client.get(f"{given['url']}/api/v1/products/{number}", timeout=30)
    if answer.status_code == 404:
        return None
    assert answer.status_code == 200, answer.text
    item = answer.json()
    assert item["price"] == item["pricing"]["price_without_tax"], item
    return item["price"], item["taxes"][0]["amount"]


def by_orm(env, number, price):
    """Write by the ORM."""
    env["product.product"].browse(number).list_price = price


def tax_by_orm(env, number, amount):
    """Write another table by the ORM."""
    env["product.product"].browse(number).taxes_id.amount = amount


def tax_by_sql(env, number, amount):
    """Write another table past the ORM."""
    env.cr.execute(
        "UPDATE account_tax SET amount = %s FROM product_taxes_rel r, product_product p"
        " WHERE r.tax_id = account_tax.id AND r.prod_id = p.product_tmpl_id AND p.id = %s",
        (amount, number),
    )


def by_sql(env, number, price):
    """Write past the ORM."""
    env.cr.execute(
        "UPDATE product_template SET list_price = %s FROM product_product p"
        " WHERE p.product_tmpl_id = product_template.id AND p.id = %s",
        (price, number),
    )


def in_savepoints(env, number, price):
    """Write twice; the first of the writes is taken back."""
    try:
        with env.cr.savepoint(flush=False):
            by_sql(env, number, price + 1)
            raise KeyError
    except KeyError:
        by_sql(env, number, price)


WAYS = (by_orm, by_sql, in_savepoints)
TAX_WAYS = (tax_by_orm, tax_by_sql)
READS = (listed, alone)


def transaction(work, *arguments, commit=True):
    """Run work with an environment in a transaction of its own, as another process of Odoo's does."""
    with found.cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})  # Odoo writes at commit what its environments still hold
        result = work(env, *arguments)
        if not commit:
            cr.rollback()
            found.reset_changes()
    found.signal_changes()
    return result


def delete(env, number):
    """Delete a product, which Odoo does while a session is open only of what is not on sale."""
    product = env["product.product"].browse(number)
    product.available_in_pos = False
    product.unlink()


def create(env, tax):
    """Return a new product's id."""
    values = {"name": "fresh", "available_in_pos": True, "list_price": 1, "taxes_id": [(6, 0, [tax])]}
    return env["product.product"].create(values).id


def create_tax(env):
    """Return a new tax's id."""
    return env["account.tax"].create({"name": f"fresh {given['seed']}", "amount": 5}).id


tax, amount = transaction(create_tax), 5.0
number, price, reads, stale = transaction(create, tax), 1.0, 0, []
while reads < given["reads"]:
    kind, written = chance.random(), round(chance.uniform(1, 1000), 2)
    if kind < 0.65:
        transaction(chance.choice(WAYS), number, written)
        price = written
    elif kind < 0.85:
        amount = round(chance.uniform(1, 90), 2)
        transaction(chance.choice(TAX_WAYS), number, amount)
    elif kind < 0.95:
        transaction(by_sql, number, written, commit=False)
    else:
        transaction(delete, number)
        for read in READS:
            assert read(number, clients[0]) is None, "a deleted product is still shown"
        number, price = transaction(create, tax), 1.0
    for count in range(EACH):
        read = READS[count % len(READS)]
        found_there = read(number, clients[count % SESSIONS])
        reads += 1
        wanted = (price, amount if read is alone else None)
        if found_there != wanted:
            stale.append([read.__name__, number, wanted, found_there])
print(json.dumps({"reads": reads, "stale": stale}))
