"""The one table of the API's operations: how each is called, by whom, and what its answer has to say.

A module for each tag of the document; importing them fills `OPERATIONS`, by operationId.
"""

from verify.shop.calls import (
    OPERATIONS,
    Call,
    NotOfferedError,
    Operation,
    PreparationError,
    Request,
    send,
)
from verify.shop.operations import (
    auth,
    catalogue,
    customers,
    employees,
    monitoring,
    orders,
    payments,
    reports,
    sessions,
    sync,
)

MODULES = (auth, catalogue, customers, employees, monitoring, orders, payments, reports, sessions, sync)

__all__ = [
    "MODULES",
    "OPERATIONS",
    "Call",
    "NotOfferedError",
    "Operation",
    "PreparationError",
    "Request",
    "send",
]
