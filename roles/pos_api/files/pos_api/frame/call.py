"""What an operation's function gets and gives, and where those functions are kept."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import document
    from .principal import Principal
    from .request import ApiRequest

FUNCTIONS = {}  # operationId: (function, whether it runs in a transaction)
LEAN = {}  # operationId: the resource that it reads as it is, or DIRECT
DIRECT = object()  # in its place: the function itself, which looks at nothing but the call's path
CURRENT = {}  # operationId: function that gives the representation which If-Match is compared with


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
        actor: id of the user who acts, also where the operation found out itself (login); for the audit.
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
    actor: int | None = None

    @property
    def env(self):
        """Odoo environment with the rights of the token's user (of nobody, for an anon operation)."""
        return self.request.env


@dataclass
class Reply:
    """The answer of an operation.

    Attributes:
        status: HTTP status code.
        body: JSON value; None for no body. Bytes are sent as they are, with the ``Content-Type`` of
            ``headers``.
        headers: further response headers.
    """

    status: int = 200
    body: object = None
    headers: dict = field(default_factory=dict)

    def sent(self):
        """Return the body as it is sent, in bytes."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body or b""
        return json.dumps(self.body, allow_nan=False, ensure_ascii=False).encode()


def operation(identifier, transaction=True, current=None, lean=None):
    """Register the decorated function for an ``operationId`` of the document.

    The function takes a :class:`Call` and returns a :class:`Reply`. It refuses by raising a Problem, which
    rolls the transaction back; it may also return one, where what it wrote has to stay.

    Args:
        identifier: the ``operationId``.
        transaction: False where the function needs no database, or opens its own connection.
        current: for an operation with ``If-Match``: function from the call to the representation that its
            tag is compared with; it raises the 404.
        lean: for a read that is nothing but a resource's record or list: that resource. It may then be read
            by one compiled statement. :data:`DIRECT` for one without a transaction or a token.
    """

    def register(function):
        FUNCTIONS[identifier] = (function, transaction)
        if current:
            CURRENT[identifier] = current
        if lean:
            LEAN[identifier] = lean
        return function

    return register
