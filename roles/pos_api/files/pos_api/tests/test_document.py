import re

import jsonschema
from odoo.tests import BaseCase, tagged

from ..frame import call, document, routing
from ..frame.takeover import is_ours
from ..resources import product

COMMON_KEYWORDS = {
    "type", "enum", "properties", "required", "additionalProperties", "items", "anyOf", "allOf", "minimum",
    "maximum", "exclusiveMinimum", "minLength", "maxLength", "pattern", "minItems", "maxItems", "description",
    "format", "default", "uniqueItems",
}  # fmt: skip


def schemas(node):
    """Yield every schema below a schema."""
    yield node
    for child in node.get("properties", {}).values():
        yield from schemas(child)
    for child in (node.get("items"), node.get("additionalProperties")):
        if isinstance(child, dict):
            yield from schemas(child)
    for child in (*node.get("anyOf", ()), *node.get("allOf", ())):
        yield from schemas(child)


@tagged("post_install", "-at_install")
class TestDocument(BaseCase):
    def test_every_operation_has_a_function_and_the_reverse(self):
        self.assertEqual(set(document.operations()), set(call.FUNCTIONS))

    def test_the_route_table_is_the_document(self):
        live = {
            (method, re.sub(r"<\w+(?:\(.*\))?:(\w+)>", r"{\1}", rule.rule))
            for rule in routing.routes().iter_rules()
            for method in rule.methods - {"HEAD"}
        }
        written = {
            (method.upper(), path) for path, item in document.source()["paths"].items() for method in item
        }
        self.assertEqual(live, written)

    def test_every_path_is_taken_from_odoo(self):
        for operation in document.operations().values():
            self.assertTrue(is_ours(operation.path), operation.path)
        for path in ("/", "/api/v10", "/api/v2/products", "/web", "/.well-known/other"):
            self.assertFalse(is_ours(path), path)

    def test_roles_and_security_agree(self):
        for item in document.source()["paths"].values():
            for declared in item.values():
                self.assertIn(declared["x-role"], ("anon", "cashier", "manager"))
                needed = [{"bearer": []}]
                allowed = ([], [{}, *needed]) if declared["x-role"] == "anon" else (needed,)
                self.assertIn(declared["security"], allowed)

    def test_schemas_mean_the_same_to_every_version_of_the_validator(self):
        for name, schema in document.load()["components"]["schemas"].items():
            with self.subTest(schema=name):
                jsonschema.Draft7Validator.check_schema(schema)
                for node in schemas(schema):
                    self.assertLessEqual(set(node), COMMON_KEYWORDS)

    def test_every_reference_leads_somewhere(self):
        self.assertTrue(document.load()["paths"])

    def test_what_follows_from_a_declaration(self):
        paths = document.source()["paths"]
        read, made = paths["/api/v1/products/{id}"]["get"], paths["/api/v1/orders"]["post"]
        self.assertLessEqual({"200", "304", "401", "403", "404"}, set(read["responses"]))
        self.assertEqual(set(read["responses"]["200"]["headers"]), {"ETag"})
        self.assertLessEqual({"201", "400", "409", "413", "415"}, set(made["responses"]))
        self.assertLessEqual({"Location", "Idempotency-Replayed"}, set(made["responses"]["201"]["headers"]))

    def test_a_list_has_the_filters_of_its_resource(self):
        listed = document.operations()["listProducts"]
        names = {name for place, name in listed.parameters if place == "query"}
        self.assertEqual(names, {"limit", "offset", "after", "sort", *(one.name for one in product.FILTERS)})

    def test_if_match_has_something_to_be_compared_with(self):
        taking = {one.id for one in document.operations().values() if one.takes("header", "If-Match")}
        self.assertEqual(taking, set(call.CURRENT))

    def test_answers_are_documented(self):
        for operation, declared in (
            (declared["operationId"], declared)
            for item in document.source()["paths"].values()
            for declared in item.values()
        ):
            with self.subTest(operation=operation):
                statuses = set(declared["responses"])
                self.assertLessEqual({"405", "406", "422", "500", "503"}, statuses)
                if declared["security"]:
                    self.assertLessEqual({"401", "403"}, statuses)
                if "requestBody" in declared:
                    self.assertLessEqual({"400", "413", "415"}, statuses)
