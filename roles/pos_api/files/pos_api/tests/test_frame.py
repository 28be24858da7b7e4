import json
from unittest.mock import MagicMock, patch

import psycopg2
from odoo import exceptions
from odoo.tests import tagged
from odoo.tools import config, mute_logger

from .. import records
from ..frame import call, document
from ..operations import health
from .common import ApiCase, new_idempotency_key, send


def replaced(identifier, function):
    """Return a patch that puts another function in an operation's place."""
    return patch.dict(call.FUNCTIONS, {identifier: (function, call.FUNCTIONS[identifier][1])})


def raising(error):
    """Return an operation that raises."""

    def function(_call):
        raise error

    return function


@tagged("post_install", "-at_install")
class TestFrame(ApiCase):
    def test_unknown_paths(self):
        for path in (
            "/",
            "/nothing",
            "/products/",
            "/products/1/",
            "/products/x",
            "/products/-1",
            "/products/0",
        ):
            with self.subTest(path=path):
                self.assert_problem(self.send("GET", path), 404)
        for number in ("2147483648", "9" * 40, "1.0", "1%00", "%D9%A3%20"):
            with self.subTest(number=number):
                self.assert_problem(self.send("GET", f"/products/{number}"), 404)

    def test_wrong_method(self):
        for method, path, allowed in (
            ("PUT", "/products", "GET, HEAD"),
            ("GET", "/auth/tokens", "POST"),
            ("OPTIONS", "/orders", "GET, HEAD, POST"),
            ("POST", "/auth/tokens/current", "DELETE"),
        ):
            with self.subTest(path=path):
                answer = self.send(method, path)
                self.assert_problem(answer, 405)
                self.assertEqual(answer.headers["Allow"], allowed)

    def test_head(self):
        answer = self.send("HEAD", "/health")
        self.assertEqual((answer.status_code, answer.content), (200, b""))

    def test_not_acceptable(self):
        self.assert_problem(self.send("GET", "/health", headers={"Accept": "text/html"}), 406)
        for accepted in (
            "*/*",
            "application/*",
            "text/html, application/json;q=0.1",
            "application/problem+json",
        ):
            self.assertEqual(self.send("GET", "/health", headers={"Accept": accepted}).status_code, 200)

    def test_media_types(self):
        body = json.dumps({"login": "x", "password": "y"})
        for kind in (
            "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
            "application/json; charset=latin-1", "application/json-rpc", "application/merge-patch+json",
        ):  # fmt: skip
            with self.subTest(kind=kind):
                answer = self.send("POST", "/auth/tokens", data=body, headers={"Content-Type": kind})
                self.assert_problem(answer, 415)
        answer = self.send(
            "POST", "/auth/tokens", data=body, headers={"Content-Type": "application/json; charset=UTF-8"}
        )
        self.assert_problem(answer, 401)

    def test_bodies(self):
        kind = {"Content-Type": "application/json"}
        for body in (b"", b"{", b"\xff\xfe", b"{]", b'{"login": "a", "login": "b"}'):
            with self.subTest(body=body):
                self.assert_problem(self.send("POST", "/auth/tokens", data=body, headers=kind), 400)
        for body in ("[]", "null", "1", '"x"', "{}", '{"login": null, "password": "x"}'):
            with self.subTest(body=body):
                self.assert_problem(
                    self.send("POST", "/auth/tokens", data=body, headers=kind), 422, "invalid"
                )
        self.use_settings(max_body=2048)
        body = json.dumps({"login": "x", "password": "y" * 500000})
        self.assert_problem(self.send("POST", "/auth/tokens", data=body, headers=kind), 413)
        answer = self.send("POST", "/auth/tokens", data=iter([body.encode()]), headers=kind)  # chunked
        self.assert_problem(answer, 413)
        answer = self.send(
            "POST", "/auth/tokens", data=iter([b'{"login": "x",', b'"password": 1}']), headers=kind
        )
        self.assert_problem(answer, 422, "invalid")
        token = self.access(self.cashier)
        for data in ("x", iter([b"x"])):
            answer = self.send("DELETE", "/auth/tokens/current", token=token, data=data, headers=kind)
            self.assert_problem(answer, 400)

    def test_odoo_s_rpc_envelope_means_nothing_here(self):
        answer = self.send(
            "POST", "/auth/tokens", json={"jsonrpc": "2.0", "params": {"login": "x", "password": "y"}}
        )
        self.assert_problem(answer, 422, "invalid")

    def test_exceptions_become_problems(self):
        token = self.access(self.cashier)
        for error, status in (
            (exceptions.AccessError("secret"), 403),
            (exceptions.MissingError("secret"), 404),
            (exceptions.AccessDenied(), 401),
            (psycopg2.OperationalError("secret"), 503),
            (RuntimeError("secret"), 500),
            (ZeroDivisionError("secret"), 500),
        ):
            with self.subTest(error=error), replaced("getMe", raising(error)):
                with mute_logger("odoo.addons.pos_api.frame.dispatch"):
                    answer = self.send("GET", "/auth/me", token=token)
                self.assert_problem(answer, status)
                self.assertNotIn("secret", answer.text)
        with replaced("getMe", raising(exceptions.UserError("The drawer is locked."))):
            answer = self.send("GET", "/auth/me", token=token)
        self.assertEqual(self.assert_problem(answer, 422, "refused")["detail"], "The drawer is locked.")

    def test_a_refusal_rolls_back(self):
        def function(running):
            running.env["res.partner"].sudo().create({"name": "api rolled back"})
            raise exceptions.UserError("no")

        token = self.access(self.cashier)
        with replaced("getMe", function):
            self.assert_problem(self.send("GET", "/auth/me", token=token), 422)
        self.assertFalse(self.env["res.partner"].search([("name", "=", "api rolled back")]))

    def test_roles_are_enforced(self):
        anonymous = {
            *("createToken", "refreshToken", "createPasswordReset", "changePassword"),
            *("getHealth", "getDescription", "getDocumentation", "getDocumentationFile", "getKeys"),
        }
        for operation in document.operations().values():
            path = operation.path.replace("{id}", "1").replace("{name}", "init.js")
            with self.subTest(operation=operation.id):
                answer = send(operation.method, path)
                if operation.id in anonymous:
                    self.assertNotEqual(answer.status_code, 401)
                else:
                    self.assert_problem(answer, 401, "unauthorized")

    def test_idempotency_key_is_required_and_checked(self):
        token = self.access(self.cashier)
        answer = self.send("POST", "/orders", token=token, json={"lines": [{"product_id": 1, "quantity": 1}]})
        self.assert_problem(answer, 400, "idempotency-key-required")
        for key in ("", "x" * 256, "ä", "a b"):
            with self.subTest(key=key):
                answer = self.send(
                    "POST", "/orders", token=token, headers={"Idempotency-Key": key.encode("latin-1")},
                    json={"lines": [{"product_id": 1, "quantity": 1}]},
                )  # fmt: skip
                self.assertIn(answer.status_code, (400, 422), answer.text)

    def test_a_refusal_that_is_returned_leaves_the_key_free(self):
        headers, body = new_idempotency_key(), {"name": "apitest"}
        token = self.access(self.cashier)
        broken = replaced("createCustomer", lambda _call: call.Reply(422, {}))
        with broken, mute_logger("odoo.addons.pos_api.frame.dispatch"):
            answer = self.send("POST", "/customers", token=token, headers=headers, json=body)
        self.assert_problem(answer, 500)
        answer = self.send("POST", "/customers", token=token, headers=headers, json=body)
        self.assertEqual(answer.status_code, 201, answer.text)
        self.assertNotIn("Idempotency-Replayed", answer.headers)

    def test_a_name_stands_for_one_schema(self):
        part = {"description": "", "paths": {}, "schemas": {"Id": {}}}
        base = {"tags": [], "paths": {}, "components": {"schemas": {"Id": {}}}}
        with self.assertRaisesRegex(ValueError, "Id exists already"):
            document._assembled(base, {"tag": part}, {})
        with self.assertRaisesRegex(ValueError, "the name Product"):
            records.Resource(name="Product", model="product.product", fields=())

    def test_no_single_database(self):
        for names in ("", "one,two"):
            with patch.dict(config.options, {"db_name": names}):
                for path in ("/health", "/auth/me"):
                    self.assert_problem(self.send("GET", path), 503, "unavailable")

    def test_discovery(self):
        answer = self.send("GET", "/openapi.json")
        self.assertEqual(answer.json(), document.source())
        keys = send("GET", "/.well-known/jwks.json").json()["keys"]
        self.assertEqual([key["kid"] for key in keys], ["first"])

    def test_health(self):
        answer = self.send("GET", "/health")
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual(set(answer.json()["modules"].values()), {"installed"})

    def test_health_tells_of_a_module_that_is_not_ready(self):
        states, headers = {"pos_api": "installed", "point_of_sale": "to upgrade"}, []
        for session_pool in ("", "unused"):  # the ordinary way and the short one
            self.use_settings(session_pool=session_pool, cors_origins=("https://till.example",))
            with patch.object(health, "_probe", return_value=(states, 0.1)) as probe:
                answer = self.send("GET", "/health")
            problem = self.assert_problem(answer, 503, "unavailable")
            self.assertEqual(problem["modules"], states)
            self.assertIn("point_of_sale", problem["detail"])
            self.assertEqual(probe.call_count, 1)
            headers.append({name: text for name, text in answer.headers.items() if name != "Date"})
        self.assertEqual(*headers)

    def held(self, *outcomes):
        """Return (connections to be made one after the other, function that asks by them)."""
        made = []
        for outcome in outcomes:
            connection = MagicMock(closed=0)
            connection.cursor.return_value.__enter__.return_value.execute.side_effect = outcome
            made.append(connection)
        remaining = iter(made)

        def ask():
            with patch.object(psycopg2, "connect", side_effect=lambda **_options: next(remaining)):
                return health._ask(self.env.cr.dbname)

        self.addCleanup(health._held.__dict__.pop, "connection", None)
        health._held.__dict__.pop("connection", None)
        return made, ask

    def test_health_takes_another_connection_for_one_that_has_ended(self):
        (first, second), ask = self.held([None, psycopg2.OperationalError()], None)
        ask()
        ask()
        self.assertTrue(first.close.called)
        self.assertIs(health._held.connection, second)

    def test_health_does_not_wait_twice(self):
        (first, _second), ask = self.held([None, psycopg2.OperationalError()], None)
        ask()
        with patch.object(health, "GONE_WITHIN", -1), self.assertRaises(psycopg2.OperationalError):
            ask()
        self.assertTrue(first.close.called)
        self.assertNotIn("connection", health._held.__dict__)

    def test_health_holds_no_connection_that_has_not_answered(self):
        (first, _second), ask = self.held([psycopg2.OperationalError()], None)
        with self.assertRaises(psycopg2.OperationalError):
            ask()
        self.assertTrue(first.close.called)
        self.assertNotIn("connection", health._held.__dict__)

    def test_health_tells_of_a_database_that_does_not_answer(self):
        for error in (psycopg2.OperationalError("secret"), KeyError("secret")):
            broken = patch.object(health, "_probe", side_effect=error)
            with broken, mute_logger("odoo.addons.pos_api.operations.health"):
                answer = self.send("GET", "/health")
            self.assert_problem(answer, 503, "unavailable")
            self.assertNotIn("secret", answer.text)
            self.assertTrue(answer.headers["Retry-After"])

    def test_order_of_refusals(self):
        """Who may not call learns nothing of parameters and bodies."""
        answer = self.send("POST", "/orders", json={"bad": 1}, headers=new_idempotency_key())
        self.assert_problem(answer, 401)
        answer = self.send("GET", "/products", params={"bad": 1})
        self.assert_problem(answer, 401)
