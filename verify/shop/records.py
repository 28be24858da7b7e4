"""Records of verify's own in Odoo: found by their name, made once, in the archive while no run goes on."""

from collections.abc import Mapping
from typing import Any

from verify.clients.odoo_rpc import OdooSession, call, rpc

EVERY = {"active_test": False}
LONG_SECONDS = 600  # the closing of a session with thousands of orders


def find(odoo: OdooSession, model: str, name: str, **keywords: Any) -> list[int]:
    """Return the id of the record of this name in a list, empty for none; ``keywords`` are the search's."""
    found: list[int] = call(odoo, model, "search", [["name", "=", name]], limit=1, **keywords)
    return found


def ensure(
    odoo: OdooSession,
    model: str,
    name: str,
    values: Mapping[str, Any],
    renewed: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
) -> int:
    """Return the id of verify's own record of this name, active; create it where there is none.

    An active one is left alone, but for what is renewed: Odoo refuses any change of a till that has a
    session open.

    Args:
        odoo: a session of a user who may make such records.
        model: name of the model.
        name: what marks the record as verify's.
        values: of a new record.
        renewed: what an old one gets as well, such as a password of this run.
        context: Odoo's context of the call.
    """
    renewed, keywords = dict(renewed or {}), {"context": dict(context)} if context else {}
    if found := find(odoo, model, name):
        if renewed:
            call(odoo, model, "write", found, renewed, **keywords)
        return found[0]
    if archived := find(odoo, model, name, context=EVERY):
        call(odoo, model, "write", archived, {"active": True, **renewed}, **keywords)
        return archived[0]
    return int(call(odoo, model, "create", {"name": name, **values, **renewed}, **keywords))


def ensure_all(odoo: OdooSession, model: str, names: list[str], renewed: Mapping[str, Any]) -> list[int]:
    """Return the ids of verify's own records of these names, active; create those that are missing.

    Args:
        odoo: a session of a user who may make such records.
        model: name of the model.
        names: what marks the records as verify's.
        renewed: what all of them get, such as a PIN of this run.
    """
    kept: dict[str, int] = {}
    for row in call(odoo, model, "search_read", [["name", "in", names]], ["name"], context=EVERY):
        kept.setdefault(row["name"], row["id"])
    if kept:
        call(odoo, model, "write", list(kept.values()), {"active": True, **renewed})
    missing = [name for name in names if name not in kept]
    if missing:
        made = call(odoo, model, "create", [{"name": name, **renewed} for name in missing])
        kept.update(zip(missing, made, strict=True))
    return [kept[name] for name in names]


def archive(odoo: OdooSession, model: str, ids: list[int]) -> None:
    """Put records into the archive."""
    call(odoo, model, "write", ids, {"active": False})


def reference(odoo: OdooSession, name: str) -> int:
    """Return the id of a record that a module of Odoo's brings.

    Args:
        odoo: the administrator's session.
        name: its external id, such as base.group_user.

    Raises:
        LookupError: there is none.
    """
    module, _, inner = name.partition(".")
    domain = [["module", "=", module], ["name", "=", inner]]
    found = call(odoo, "ir.model.data", "search_read", domain, ["res_id"])
    if not found:
        raise LookupError(f"Odoo has no {name}: see odoo_modules")
    return int(found[0]["res_id"])


def call_long(odoo: OdooSession, model: str, method: str, *arguments: Any) -> Any:
    """Call a model's public method that may take up to `LONG_SECONDS`."""
    return rpc(
        odoo.client,
        f"/web/dataset/call_kw/{model}/{method}",
        {"model": model, "method": method, "args": list(arguments), "kwargs": {}},
        LONG_SECONDS,
    )
