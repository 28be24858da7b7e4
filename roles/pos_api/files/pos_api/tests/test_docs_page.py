import re
import tempfile
from pathlib import Path

from odoo.tests import tagged

from ..operations import discovery
from .common import ApiCase

ASSETS = {"swagger-ui.css": "/* style */", "swagger-ui-bundle.js": "/* script */"}


@tagged("post_install", "-at_install")
class TestDocumentationPage(ApiCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name, text in ASSETS.items():
            (self.folder / name).write_text(text)

    def switch_on(self):
        self.use_settings(docs_directory=str(self.folder))

    def test_served_with_a_strict_policy(self):
        self.switch_on()
        for path, kind in (
            ("/docs", "text/html"),
            ("/docs/init.js", "text/javascript"),
            ("/docs/swagger-ui.css", "text/css"),
            ("/docs/swagger-ui-bundle.js", "text/javascript"),
        ):
            with self.subTest(path=path):
                answer = self.send("GET", path)
                self.assertEqual(answer.status_code, 200)
                self.assertEqual(answer.headers["Content-Type"], f"{kind}; charset=utf-8")
                self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
                self.assertNotIn("Set-Cookie", answer.headers)
                policy = dict(
                    part.strip().split(" ", 1)
                    for part in answer.headers["Content-Security-Policy"].split(";")
                )
                self.assertEqual(policy["default-src"], "'none'")
                self.assertEqual((policy["script-src"], policy["connect-src"]), ("'self'", "'self'"))
                self.assertEqual(policy["frame-ancestors"], "'none'")
                for name, text in ASSETS.items():
                    if path.endswith(name):
                        self.assertEqual(answer.text, text)

    def test_the_page_asks_for_nothing_elsewhere_and_keeps_to_its_policy(self):
        self.switch_on()
        page = self.send("GET", "/docs").text
        addresses = re.findall(r'(?:src|href)="(?!data:)([^"]*)"', page)
        self.assertTrue(addresses)
        for address in addresses:
            self.assertEqual(self.send("GET", address[len("/api/v1") :]).status_code, 200, address)
        self.assertNotRegex(page, r"<script>|\son\w+=|javascript:|https?://")
        script = self.send("GET", "/docs/init.js").text
        self.assertEqual(re.findall(r'url: "([^"]*)"', script), ["/api/v1/openapi.json"])
        self.assertNotRegex(script, r"https?://")

    def test_off_without_a_folder(self):
        self.use_settings(docs_directory="")
        for path in ("/docs", *(f"/docs/{name}" for name in discovery.FILES if name != "index.html")):
            self.assert_problem(self.send("GET", path), 404)

    def test_a_folder_without_the_files(self):
        self.switch_on()
        (self.folder / "swagger-ui.css").unlink()
        answer = self.send("GET", "/docs/swagger-ui.css")
        self.assert_problem(answer, 404)
        self.assertNotIn(str(self.folder), answer.text)

    def test_no_other_file(self):
        self.switch_on()
        (self.folder / "secret.txt").write_text("secret")
        for name in (
            "secret.txt",
            "index.html",
            "..%2fsecret.txt",
            "%2e%2e/settings.py",
            "init.js/",
            "INIT.JS",
        ):
            with self.subTest(name=name):
                self.assert_problem(self.send("GET", f"/docs/{name}"), 404)

    def test_media_types(self):
        self.switch_on()
        self.assertEqual(self.send("GET", "/docs", headers={"Accept": "text/html"}).status_code, 200)
        self.assert_problem(self.send("GET", "/docs", headers={"Accept": "image/png"}), 406)
        self.assert_problem(self.send("POST", "/docs"), 405)
