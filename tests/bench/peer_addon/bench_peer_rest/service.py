"""A read as base_rest's own documentation writes one: a service component behind a controller."""

import json

from odoo.addons.base_rest import restapi
from odoo.addons.base_rest.controllers import main
from odoo.addons.component.core import Component


class Controller(main.RestController):
    _root_path = "/bench/rest/"
    _collection_name = "bench.services"
    _default_auth = "user"


class Read(Component):
    _inherit = "base.rest.service"
    _name = "bench.read.service"
    _usage = "read"
    _collection = "bench.services"
    _description = "Reads records."

    @restapi.method(
        [(["/list"], "GET")],
        input_param=restapi.CerberusValidator("_asked"),
        output_param=restapi.CerberusListValidator("_shown"),
    )
    def list(self, model, domain, fields, limit, lang):
        """Answer a search_read."""
        records = self.env[model].with_context(lang=lang)
        rows = records.search_read(json.loads(domain), fields.split(","), limit=limit, order="id")
        return [{"values": row} for row in rows]

    def _asked(self):
        text = {"type": "string", "required": True}
        return {
            "model": text,
            "domain": text,
            "fields": text,
            "lang": text,
            "limit": {"type": "integer", "coerce": int, "required": True},
        }

    def _shown(self):
        return {"values": {"type": "dict"}}
