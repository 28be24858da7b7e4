"""Runs on Odoo's host with Odoo's own Python: the statement that the API reads a list by.

First argument: a JSON object with ``login``, ``operation`` (operationId), ``query`` ([[name, text], ...]) and
``modules`` (folder of what the peers import).
Standard output: {"statement": text with ``$n``, "values": its parameters}.
"""

import json
import sys
from types import SimpleNamespace

from odoo import SUPERUSER_ID, api, registry
from odoo.service import server
from odoo.tools import config


def compiled(env, asked):
    """Return (text, parameters) as the API's server would make them for a caller."""
    from odoo.addons.pos_api.frame import call, document, principal, validation
    from odoo.addons.pos_api.lean import plans

    operation = document.operations()[asked["operation"]]
    role = principal.role_of(env.user)
    made = call.Call(
        operation,
        "",
        {},
        env.cr.dbname,
        validation.read_parameters(operation, "query", [tuple(pair) for pair in asked["query"]]),
        principal=SimpleNamespace(role=role, is_manager=role == principal.MANAGER),
        request=SimpleNamespace(env=env, registry=env.registry),
    )
    resource = call.LEAN[operation.id]
    plan = plans.compiled(made, resource)
    if plan is None:
        sys.exit(f"{operation.id} is not compiled for {env.user.login}")
    return plan.text, plans.values(made, resource, plan)


def main():
    """Do what the argument asks for."""
    asked = json.loads(sys.argv[1])
    sys.path.append(asked["modules"])
    config.parse_config(["--config", "/etc/odoo/odoo.conf"])
    server.load_server_wide_modules()
    found = registry(config["db_name"])
    with found.cursor() as cr:
        users = api.Environment(cr, SUPERUSER_ID, {})["res.users"]
        user = users.search([("login", "=", asked["login"])])
        context = users.with_user(user).context_get()
        text, values = compiled(api.Environment(cr, user.id, dict(context)), asked)
    json.dump({"statement": text, "values": values}, sys.stdout)


if __name__ == "__main__":
    main()
