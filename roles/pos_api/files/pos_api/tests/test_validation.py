import json

from odoo.tests import BaseCase, tagged

from ..frame import document
from ..frame.problems import Problem
from ..frame.validation import check_body, read_json, read_parameters


@tagged("post_install", "-at_install")
class TestValidation(BaseCase):
    def refusal(self, function, *args):
        with self.assertRaises(Problem) as raised:
            function(*args)
        return raised.exception

    def test_unreadable_bodies(self):
        for raw in (
            b"{",
            b"nul",
            b"{'a': 1}",
            b"\xff",
            '{"a": "ä"}'.encode("latin-1"),
            b"[" * 100000,
            b"\xef\xbb\xbf{}",
        ):
            with self.subTest(raw=raw[:20]):
                self.assertEqual(self.refusal(read_json, raw).status, 400)
        self.assertIn("'a'", self.refusal(read_json, b'{"a": 1, "a": 2}').detail)

    def test_values_that_no_column_holds_name_the_field(self):
        for raw, pointer in (
            (b'{"lines": [{"quantity": NaN}]}', "/lines/0/quantity"),
            (b'{"lines": [{"quantity": Infinity}]}', "/lines/0/quantity"),
            (b'{"quantity": -Infinity}', "/quantity"),
            (b'{"quantity": 1e999}', "/quantity"),
            (b'{"quantity": ' + b"9" * 5000 + b"}", "/quantity"),
            (b'{"note": "a\\u0000b"}', "/note"),
            (b'{"note": "\\ud800"}', "/note"),
            (b'{"a/b": {"~": NaN}}', "/a~1b/~0"),
        ):
            with self.subTest(raw=raw[:40]):
                problem = self.refusal(read_json, raw)
                self.assertEqual(problem.status, 422)
                self.assertEqual([error["pointer"] for error in problem.extensions["errors"]], [pointer])

    def test_numbers(self):
        self.assertEqual(read_json(b'{"a": 1.0, "b": 0.1, "c": -3}'), {"a": 1, "b": 0.1, "c": -3})
        self.assertIsInstance(read_json(b"[2.0]")[0], int)

    def test_body_names_every_field_at_fault(self):
        schema = document.operations()["createOrder"].body
        problem = self.refusal(
            check_body, schema, {"lines": [{"product_id": "1", "quantity": 0, "colour": 1}, {}], "extra": 1}
        )
        self.assertEqual(
            [error["pointer"] for error in problem.extensions["errors"]],
            [
                "/extra",
                "/lines/0/colour",
                "/lines/0/product_id",
                "/lines/0/quantity",
                "/lines/1/product_id",
                "/lines/1/quantity",
            ],
        )

    def test_what_was_sent_is_not_repeated(self):
        schema = document.operations()["createToken"].body
        problem = self.refusal(check_body, schema, {"login": 1, "password": "hunter2" * 1000})
        self.assertNotIn("hunter2", json.dumps(problem.extensions) + problem.detail)

    def test_parameters(self):
        operation = document.operations()["listProducts"]
        self.assertEqual(
            read_parameters(operation, "query", [("ids", "1,2"), ("price_min", "1.5")]),
            {"ids": [1, 2], "price_min": 1.5, "limit": 50, "offset": 0, "sort": "id"},
        )
        for sent, name in (
            ([("limit", "101")], "limit"),
            ([("limit", "0")], "limit"),
            ([("limit", "ten")], "limit"),
            ([("limit", "٣")], "limit"),
            ([("offset", "-1")], "offset"),
            ([("offset", "9" * 30)], "offset"),
            ([("price_min", "nan")], "price_min"),
            ([("price_min", "1e3")], "price_min"),
            ([("ids", "1,,2")], "ids"),
            ([("ids", "1,99999999999")], "ids"),
            ([("sort", "name")], "sort"),
            ([("q", "a\0b")], "q"),
            ([("q", "\ufffd")], "q"),
            ([("limit", "1"), ("limit", "2")], "limit"),
            ([("access_token", "x")], "access_token"),
        ):
            with self.subTest(sent=sent):
                problem = self.refusal(read_parameters, operation, "query", sent)
                self.assertEqual(problem.status, 422)
                self.assertEqual([error["query"] for error in problem.extensions["errors"]], [name])

    def test_a_pattern_ends_where_the_text_does(self):
        schema = {"type": "object", "properties": {"pin": {"type": "string", "pattern": "^[0-9]+$"}}}
        check_body(schema, {"pin": "4711"})
        for pin in ("4711\n", "\n4711", "47 11"):
            with self.subTest(pin=pin):
                problem = self.refusal(check_body, schema, {"pin": pin})
                self.assertEqual(
                    problem.extensions["errors"], [{"pointer": "/pin", "detail": "must match ^[0-9]+$"}]
                )
