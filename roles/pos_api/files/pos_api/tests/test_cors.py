from odoo.tests import tagged

from .common import ApiCase, new_idempotency_key, new_product

TILL = "https://till.example"


@tagged("post_install", "-at_install")
class TestCors(ApiCase):
    def preflight(self, path, method, origin=TILL, **headers):
        asked = {"Origin": origin, "Access-Control-Request-Method": method, **headers}
        return self.send("OPTIONS", path, headers=asked)

    def granted(self, answer):
        """Return the headers that let a page of another origin do something."""
        return {name: value for name, value in answer.headers.items() if name.startswith("Access-Control-")}

    def allow(self, *origins):
        self.use_settings(cors_origins=origins)

    def test_off_unless_configured(self):
        token = self.access(self.cashier)
        answer = self.preflight("/orders", "POST")
        self.assert_problem(answer, 405)
        self.assertIn("POST", answer.headers["Allow"])
        answers = [answer, self.send("GET", "/auth/me", token=token, headers={"Origin": TILL})]
        self.assertEqual(answers[1].status_code, 200)
        for answer in answers:
            self.assertEqual(self.granted(answer), {})
            self.assertNotIn("Origin", answer.headers.get("Vary", ""))

    def test_preflight(self):
        self.allow("https://other.example", TILL)
        for path, method, names in (
            ("/products/1", "PATCH", {"If-Match"}),
            ("/customers", "POST", {"Idempotency-Key"}),
            ("/orders", "POST", {"Idempotency-Key"}),
            ("/auth/me", "GET", {"If-None-Match"}),
            ("/auth/password", "PUT", set()),
            ("/auth/tokens/current", "DELETE", set()),
        ):
            with self.subTest(path=path):
                answer = self.preflight(path, method, **{"Access-Control-Request-Headers": "if-match"})
                self.assertEqual((answer.status_code, answer.content), (204, b""))
                granted = self.granted(answer)
                self.assertEqual(granted["Access-Control-Allow-Origin"], TILL)
                self.assertEqual(granted["Access-Control-Allow-Methods"], method)
                allowed = set(granted["Access-Control-Allow-Headers"].split(", "))
                self.assertEqual(allowed, {"Authorization", "Content-Type", *names})
                self.assertTrue(0 < int(granted["Access-Control-Max-Age"]) <= 7200)
                self.assertNotIn("Access-Control-Allow-Credentials", granted)
                self.assertIn("Origin", answer.headers["Vary"])

    def test_preflight_of_what_there_is_not(self):
        self.allow(TILL)
        self.assert_problem(self.preflight("/nothing", "GET"), 404)
        self.assert_problem(self.preflight("/products/0", "GET"), 404)
        for method in ("PUT", "OPTIONS", "nonsense"):
            answer = self.preflight("/orders", method)
            self.assert_problem(answer, 405)
            self.assertIn("POST", answer.headers["Allow"])
        self.assert_problem(self.send("OPTIONS", "/orders", headers={"Origin": TILL}), 405)
        self.assert_problem(
            self.send("OPTIONS", "/orders", headers={"Access-Control-Request-Method": "POST"}), 405
        )

    def test_other_origins_get_nothing(self):
        self.allow(TILL)
        for origin in (
            "https://till.example.evil", "http://till.example", "https://till.example:8443",
            "https://TILL.example", "https://till.example/", "null", "*", "",
        ):  # fmt: skip
            with self.subTest(origin=origin):
                self.assert_problem(self.preflight("/orders", "POST", origin=origin), 405)
                for answer in (
                    self.preflight("/orders", "POST", origin=origin),
                    self.send("GET", "/health", headers={"Origin": origin}),
                ):
                    self.assertEqual(self.granted(answer), {})
                    self.assertIn("Origin", answer.headers["Vary"])

    def test_answers_can_be_read_and_their_headers(self):
        self.allow(TILL)
        token = self.access(self.cashier)
        product = new_product(self.env, "apitest tea", 2)
        read = self.send("GET", f"/products/{product.id}", token=token, headers={"Origin": TILL})
        made = self.send(
            "POST", "/customers", token=token, json={"name": "apitest"},
            headers={"Origin": TILL, **new_idempotency_key()},
        )  # fmt: skip
        refused = self.send("GET", "/auth/me", headers={"Origin": TILL})
        self.assertEqual([a.status_code for a in (read, made, refused)], [200, 201, 401])
        for answer in (read, made, refused):
            granted = self.granted(answer)
            self.assertEqual(granted["Access-Control-Allow-Origin"], TILL)
            self.assertIn("Origin", answer.headers["Vary"])
            exposed = set(granted["Access-Control-Expose-Headers"].split(", "))
            told = {"ETag", "Location", "Link", "Idempotency-Replayed", "WWW-Authenticate", "Retry-After"}
            self.assertLessEqual(told, exposed)
        self.assertTrue(read.headers["ETag"])
        self.assertTrue(made.headers["Location"])

    def test_a_cookie_or_a_page_without_token_gets_no_further(self):
        self.allow(TILL)
        answer = self.send("GET", "/auth/me", headers={"Origin": TILL, "Cookie": "session_id=x"})
        self.assert_problem(answer, 401, "unauthorized")
