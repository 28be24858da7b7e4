"""Products and categories."""

from queue import Empty

import requests

from verify.clients.odoo_rpc import OdooSession, call
from verify.shop.calls import Call, PreparationError, expect, make, money, operation
from verify.shop.people import GOODS_PRICE, SERVICE_PRICE, TAX_PERCENT, People
from verify.shop.selling import GOODS_TAX

DEAREST = 100


@operation("listProducts", "list")
def list_products(people: People) -> Call:
    """List the goods and the service."""
    wanted = sorted([(people.product_id, GOODS_PRICE), (people.service_id, SERVICE_PRICE)])

    def check(answer: requests.Response) -> None:
        items = answer.json()["items"]
        expect("the products", [(item["id"], money(item["price"])) for item in items], wanted)
        expect("their categories", {item["category"]["id"] for item in items}, {people.category_id})

    return Call(query={"ids": f"{people.service_id},{people.product_id}", "sort": "id"}, check=check)


@operation("getProduct", "read")
def get_product(people: People) -> Call:
    """Read the goods."""

    def check(answer: requests.Response) -> None:
        body = answer.json()
        expect("the product", (body["id"], money(body["price"])), (people.product_id, GOODS_PRICE))
        expect("its taxes", [money(tax["amount"]) for tax in body["taxes"]], [TAX_PERCENT])
        names = ("price", "price_without_tax", "price_with_tax")
        found = [money(body["pricing"][name]) for name in names]
        expect("its pricing", found, [GOODS_PRICE, money(GOODS_PRICE - GOODS_TAX), GOODS_PRICE])

    return Call(id=people.product_id, check=check)


@operation("changeProduct", "write")
def change_product(people: People) -> Call:
    """Give a product another price."""
    try:
        product = people.labels.get_nowait()
    except Empty as error:
        raise PreparationError("no product is free: changes before this one have failed") from error
    present = make(people.manager, "GET", f"/products/{product}")
    price = money(present.json()["price"] % DEAREST + 1)

    def check(answer: requests.Response) -> None:
        people.labels.put(product)
        body = answer.json()
        expect("the product", (body["id"], money(body["price"])), (product, price))

    def effect(odoo: OdooSession) -> None:
        (stored,) = call(odoo, "product.product", "read", [product], ["lst_price"])
        expect("the stored price", money(stored["lst_price"]), price)

    return Call(
        id=product,
        body={"price": price},
        headers={"If-Match": present.headers.get("ETag", "")},
        check=check,
        effect=effect,
    )


@operation("getProductStock", "read")
def get_product_stock(people: People) -> Call:
    """Read the stock of the goods."""
    found: list[float] = []

    def check(answer: requests.Response) -> None:
        body = answer.json()
        expect("the product", (body["product"]["id"], body["stored"]), (people.product_id, True))
        found.append(money(sum(place["on_hand"] for place in body["warehouses"])))

    def effect(odoo: OdooSession) -> None:
        (stored,) = call(odoo, "product.product", "read", [people.product_id], ["qty_available"])
        expect("the stock", found[-1], money(stored["qty_available"]))

    return Call(id=people.product_id, check=check, effect=effect)


@operation("listCategories", "list")
def list_categories(people: People) -> Call:
    """List the categories."""

    def check(answer: requests.Response) -> None:
        shown = [item["id"] for item in answer.json()["items"]]
        expect("whether verify's category is there", people.category_id in shown, True)

    return Call(check=check)
