"""A day at the shop, drawn by chance from a seed: what three cashiers do, whichever way it is done."""

from __future__ import annotations

import random
from typing import Any

SALES, REFUNDS, INVOICES, OFFLINE, DUPLICATES = 300, 10, 5, 40, 10
CASHIERS = ("anna", "bela", "cora")
MANAGER = "mona"
OPENING = (200.0, 150.5, 0.0)
# What is missing in or too much in the drawer at the end.
DIFFERENCES = (0.0, -0.5, 1.25)
NOTE = 1000.0  # what a customer without small change hands over; more than any basket
GOODS = ("coffee", "cake", "beans", "service", "voucher", "weighed")
DISCOUNTS = (0, 0, 0, 5, 10, 12.5, 33)
CUSTOMERS = (None, None, None, "plain", "vip", "abroad", "takeaway")
TENDERS = ("note", "note", "cash", "card", "card", "split")


def _line(chance: random.Random) -> dict[str, Any]:
    product = chance.choice(GOODS)
    quantity = round(chance.uniform(0.05, 3), 3) if product == "weighed" else chance.randint(1, 4)
    line: dict[str, Any] = {"product": product, "quantity": quantity, "discount": chance.choice(DISCOUNTS)}
    if chance.random() < 0.05:
        line["unit_price"] = round(chance.uniform(0.5, 20), 2)
    return line


def _sale(chance: random.Random) -> dict[str, Any]:
    customer = chance.choice(CUSTOMERS)
    tender = chance.choice(TENDERS)
    if customer and chance.random() < 0.1:
        tender = "account"
    lines = [_line(chance) for _ in range(chance.randint(1, 4))]
    return {"lines": lines, "customer": customer, "tender": tender, "invoice": False}


def draw(seed: int, sales: int = SALES) -> list[dict[str, Any]]:
    """Return the day of each till.

    Args:
        seed: Decides everything.
        sales: Of all tills together.
    """
    chance = random.Random(seed)
    tills: list[dict[str, Any]] = [
        {
            "cashier": cashier,
            "manager": MANAGER,
            "opening": opening,
            "sales": [],
            "refunds": [],
            "offline": [],
            "cash in": round(chance.uniform(5, 80), 2),
            "cash out": round(chance.uniform(1, 5), 2),
            "difference": difference,
        }
        for cashier, opening, difference in zip(CASHIERS, OPENING, DIFFERENCES, strict=True)
    ]
    for number in range(sales):
        tills[number % len(tills)]["sales"].append(_sale(chance))
    for number in range(INVOICES):
        sold = tills[number % len(tills)]["sales"]
        fitting = [
            one for one in sold if one["customer"] and one["tender"] != "account" and not one["invoice"]
        ]
        chance.choice(fitting)["invoice"] = True
    for number in range(REFUNDS):
        till = tills[number % len(tills)]
        taken = {refund["sale"] for refund in till["refunds"]}
        left = [
            index for index, sale in enumerate(till["sales"]) if not sale["invoice"] and index not in taken
        ]
        # Every other one takes back the first line alone.
        till["refunds"].append(
            {"sale": chance.choice(left), "whole": number % 2 == 0, "method": chance.choice(["cash", "card"])}
        )
    tills[0]["offline"] = [{**_sale(chance), "tender": "note"} for _ in range(OFFLINE)]
    return tills
