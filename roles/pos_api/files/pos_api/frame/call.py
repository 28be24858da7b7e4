"""What an operation's function gets and gives, and where those functions are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import document
    from .principal import Principal
    from .request import ApiRequest

FUNCTIONS = {}


@dataclass
class Call:
    """One call of an operation.

    Attributes:
        operation: its :class:`~.document.Operation`.
        source: address of the client, as the proxy reports it.
        database: name of the database; empty where the operation runs without one.
        path, query, headers: checked parameters, by name.
        body: checked JSON body.
        request: the running :class:`~.request.ApiRequest`.
        principal: :class:`~.principal.Principal`, or None.
    """

    operation: document.Operation
    source: str
    path: dict
    database: str = ""
    query: dict = field(default_factory=dict)
    headers: dict = field(default_factory=dict)
    body: object = None
    request: ApiRequest | None = None
    principal: Principal | None = None

    @property
    def env(self):
        """Odoo environment with the rights of the token's user (of nobody, for an anon operation)."""
        return self.request.env


@dataclass
class Reply:
    """The answer of an operation: status, JSON value (None: no body) and further headers."""

    status: int = 200
    body: object = None
    headers: dict = field(default_factory=dict)


def operation(identifier, transaction=True):
    """Register the decorated function for an ``operationId`` of the document.

    The function takes a :class:`Call` and returns a :class:`Reply`. It refuses by raising a Problem, which
    rolls the transaction back; it may also return one, where what it wrote has to stay.

    Args:
        identifier: the ``operationId``.
        transaction: False where the function needs no database, or opens its own connection.
    """

    def register(function):
        FUNCTIONS[identifier] = (function, transaction)
        return function

    return register
