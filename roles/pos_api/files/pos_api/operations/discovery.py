"""What a client needs before it logs in: the public keys and the description of the API."""

from .. import keys
from ..frame import document, principal
from ..frame.call import Reply, operation

PUBLIC = {"Cache-Control": "public, max-age=300"}


@operation("getKeys", transaction=False)
def get_keys(call):
    return Reply(200, keys.jwks(principal.keyring()), PUBLIC)


@operation("getDescription", transaction=False)
def get_description(call):
    return Reply(200, document.source(), PUBLIC)
