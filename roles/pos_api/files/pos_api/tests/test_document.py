import jsonschema
from odoo.tests import BaseCase, tagged

from ..frame import call, document, routing
from ..frame.takeover import is_ours
from ..resources import order, product, session

COMMON_KEYWORDS = {
    "type", "enum", "properties", "required", "additionalProperties", "items", "anyOf", "minimum", "maximum",
    "exclusiveMinimum", "minLength", "maxLength", "pattern", "minItems", "maxItems", "description", "format",
    "default",
}  # fmt: skip


def schemas(node):
    """Yield every schema below a schema."""
    yield node
    for child in node.get("properties", {}).values():
        yield from schemas(child)
    for child in (node.get("items"), node.get("additionalProperties")):
        if isinstance(child, dict):
            yield from schemas(child)
    for child in node.get("anyOf", ()):
        yield from schemas(child)


@tagged("post_install", "-at_install")
class TestDocument(BaseCase):
    def test_every_operation_has_a_function_and_the_reverse(self):
        self.assertEqual(set(document.operations()), set(call.FUNCTIONS))

    def test_the_route_table_is_the_document(self):
        live = {
            (method, rule.rule.replace("<int:", "{").replace(">", "}"))
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
                self.assertEqual(
                    declared["security"], [] if declared["x-role"] == "anon" else [{"bearer": []}]
                )

    def test_schemas_mean_the_same_to_every_version_of_the_validator(self):
        for name, schema in document.load()["components"]["schemas"].items():
            with self.subTest(schema=name):
                jsonschema.Draft7Validator.check_schema(schema)
                for node in schemas(schema):
                    self.assertLessEqual(set(node), COMMON_KEYWORDS)

    def test_resources_show_what_the_document_says(self):
        written = document.load()["components"]["schemas"]
        for name, resource in (
            ("Product", product.PRODUCT),
            ("ProductDetail", product.PRODUCT_DETAIL),
            ("Order", order.ORDER),
            ("Line", order.LINE),
            ("Payment", order.PAYMENT),
            ("Picking", order.PICKING),
            ("Session", session.SESSION),
        ):
            with self.subTest(resource=name):
                shown = {field.name for field in resource.fields} | {name for name, _ in resource.computed}
                self.assertEqual(shown, set(written[name]["properties"]))
                self.assertEqual(shown, set(written[name]["required"]))

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
