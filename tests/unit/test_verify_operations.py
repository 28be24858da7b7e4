"""The table of the API's operations that verify calls, and the ledger of what was sold."""

from concurrent.futures import ThreadPoolExecutor

from verify.clients.api import PARTS
from verify.measure.thresholds import CLASSES
from verify.shop.calls import DISCOVERY, declared
from verify.shop.ledger import Ledger
from verify.shop.operations import MODULES, OPERATIONS
from verify.shop.selling import TAX, TOTAL

THREADS = 8


def order(number: int, **more: object) -> dict[str, object]:
    """Return an order as the API shows it, with what the ledger reads of it."""
    return {
        "id": number,
        "name": "/",
        "state": "draft",
        "total": 49,
        "tax": 2,
        "paid": 0,
        "session": {"id": 7, "name": "POS/00007"},
        "receipt_number": f"Order 00007-900-{number:04}",
        **more,
    }


def test_the_table_has_the_operations_of_the_document_and_no_other() -> None:
    assert declared().keys() == OPERATIONS.keys()


def test_the_table_follows_the_document() -> None:
    for name, operation in OPERATIONS.items():
        method, path, found = declared()[name]
        assert (operation.method, operation.path) == (method, path)
        assert operation.role.startswith(found["x-role"])
        assert str(operation.status) in found["responses"]
        assert operation.group in CLASSES


def test_each_tag_of_the_document_has_its_module() -> None:
    tags = {part.stem for part in PARTS.glob("*.json")} - {"base", DISCOVERY}
    assert {module.__name__.rpartition(".")[2] for module in MODULES} == tags


def test_what_is_limited_says_how_often() -> None:
    assert all(one.limit is None or one.limit > 0 for one in OPERATIONS.values())
    assert {name for name, one in OPERATIONS.items() if not one.parallel} == {
        "changePassword",
        "closeSession",
        "openSession",
    }


def test_the_basket_comes_to_whole_numbers() -> None:
    assert (TOTAL, TAX) == (49.0, 2.0)


def test_the_ledger_keeps_the_last_word_on_an_order() -> None:
    ledger = Ledger()
    ledger.acknowledge(order(1), "key")
    ledger.acknowledge(order(1, state="paid", paid=49))
    (found,) = ledger.orders()
    assert (found.state, found.paid, found.key) == ("paid", 49.0, "key")
    ledger.invoiced(1)
    assert ledger.orders()[0].state == "invoiced"
    ledger.remove(1)
    assert (ledger.orders(), ledger.removed()) == ([], {1})


def test_the_ledger_loses_nothing_to_threads() -> None:
    ledger = Ledger()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: ledger.acknowledge(order(number)), range(1, 1001)))
    assert [one.id for one in ledger.orders()] == list(range(1, 1001))
    assert ledger.count == 1000
