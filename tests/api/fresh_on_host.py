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


def shown(number, client):
    """Return the product as the API lists it, None where it does not."""
    answer = client.get(f"{given['url']}/api/v1/products", params={"ids": number}, timeout=30)
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    return items[0] if items else None


def by_orm(env, number, price):
    """Write by the ORM."""
    env["product.product"].browse(number).list_price = price


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


def transaction(work, *arguments, commit=True):
    """Run work with an environment in a transaction of its own, as another process of Odoo's does."""
    with found.cursor() as cr:
        result = work(api.Environment(cr, SUPERUSER_ID, {}), *arguments)
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


def create(env):
    """Return a new product's id."""
    return env["product.product"].create({"name": "fresh", "available_in_pos": True, "list_price": 1}).id


number, price, reads, stale = transaction(create), 1.0, 0, []
while reads < given["reads"]:
    kind, written = chance.random(), round(chance.uniform(1, 1000), 2)
    if kind < 0.85:
        transaction(chance.choice(WAYS), number, written)
        price = written
    elif kind < 0.95:
        transaction(by_sql, number, written, commit=False)
    else:
        transaction(delete, number)
        assert shown(number, clients[0]) is None, "a deleted product is still listed"
        number, price = transaction(create), 1.0
    for read in range(EACH):
        item = shown(number, clients[read % SESSIONS])
        reads += 1
        if item is None or item["price"] != price:
            stale.append([number, price, item and item["price"]])
print(json.dumps({"reads": reads, "stale": stale}))
