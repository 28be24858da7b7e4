from odoo.tests import tagged

from ..frame import conditional, document
from .common import ApiCase, new_product


@tagged("post_install", "-at_install")
class TestConditional(ApiCase):
    """Entity tags (RFC 9110 sections 8.8.3 and 13), on the product."""

    def setUp(self):
        super().setUp()
        self.tea = new_product(self.env, "apitest tea", 2)
        self.path, self.token = f"/products/{self.tea.id}", self.access(self.manager)

    def read(self, **headers):
        return self.send("GET", self.path, token=self.token, headers=headers)

    def change(self, if_match=None, path=None, **body):
        headers = {} if if_match is None else {"If-Match": if_match}
        return self.send("PATCH", path or self.path, token=self.token, headers=headers, json=body)

    def test_a_change_needs_the_present_tag(self):
        tag = self.read().headers["ETag"]
        self.assertRegex(tag, r'^"[0-9a-f]{32}"$')
        self.assert_problem(self.change(price=3), 428, "precondition-required")
        for sent in ('"0"', tag[:-2] + '"', f'"0", "{"1" * 32}"', 'W/"0"'):
            with self.subTest(sent=sent):
                answer = self.change(sent, price=3)
                self.assert_problem(answer, 412, "precondition-failed")
                self.assertEqual(answer.headers["ETag"], tag)
        self.assertEqual(self.tea.list_price, 2)
        self.assertEqual(self.change(tag, price=3).status_code, 200)
        self.assertEqual(self.tea.list_price, 3)
        self.assert_problem(self.change(tag, price=4), 412)

    def test_one_of_several_and_any(self):
        for price, make in ((3, '"0", {}'.format), (4, '{} , W/"1"'.format), (5, "*".format)):
            answer = self.change(make(self.read().headers["ETag"]), price=price)
            self.assertEqual(answer.status_code, 200, answer.text)
            self.assertEqual(self.tea.list_price, price)

    def test_any_is_no_record_that_is_not_there(self):
        self.assert_problem(self.change("*", path="/products/2147483647", price=3), 404)

    def test_the_weak_form_that_a_compressing_proxy_makes_of_a_tag(self):
        tag = self.read().headers["ETag"]
        self.assertEqual(self.change("W/" + tag, price=3).status_code, 200)
        self.assert_problem(self.change("W/" + tag, price=4), 412)

    def test_the_tag_of_a_change_is_the_next_read_s(self):
        changed = self.change(self.read().headers["ETag"], price=3)
        read = self.read()
        self.assertEqual((read.headers["ETag"], read.json()), (changed.headers["ETag"], changed.json()))
        self.assertEqual(self.change(changed.headers["ETag"], price=4).status_code, 200)
        self.assertEqual(self.read(**{"If-None-Match": changed.headers["ETag"]}).status_code, 200)

    def test_who_may_not_learns_nothing_of_the_tag(self):
        tag = self.read().headers["ETag"]
        till = self.access(self.cashier)
        for token, status in ((None, 401), (till, 403)):
            for sent in (tag, '"0"', None):
                headers = {"If-Match": sent} if sent else {}
                answer = self.send("PATCH", self.path, token=token, headers=headers, json={"price": 3})
                self.assert_problem(answer, status)
                self.assertNotIn("ETag", answer.headers)

    def test_a_wrong_body_is_told_before_a_stale_tag(self):
        self.assert_problem(self.change('"0"', price=-1), 422, "invalid")

    def test_a_read_with_the_present_tag_sends_nothing(self):
        first = self.read()
        self.assertEqual(first.headers["Cache-Control"], "private, no-cache")
        answer = self.read(**{"If-None-Match": first.headers["ETag"]})
        self.assertEqual((answer.status_code, answer.content), (304, b""))
        self.assertEqual(answer.headers["ETag"], first.headers["ETag"])
        self.assertNotIn("Content-Type", answer.headers)
        head = self.send("HEAD", self.path, token=self.token)
        self.assertEqual((head.status_code, head.headers["ETag"]), (200, first.headers["ETag"]))

    def test_the_tag_depends_on_nothing_but_the_representation(self):
        one, other = {"a": 1, "b": [1.5, None]}, {"b": [1.5, None], "a": 1}
        self.assertEqual(conditional.etag(one), conditional.etag(other))
        for body in ({"a": 1}, {"a": "1", "b": [1.5, None]}, {"a": 1, "b": [None, 1.5]}):
            self.assertNotEqual(conditional.etag(one), conditional.etag(body))

    def test_every_change_by_tag_answers_with_the_new_one(self):
        changes = [
            one
            for one in document.operations().values()
            if one.takes("header", "If-Match") and one.method == "PATCH"
        ]
        self.assertIn("changeProduct", [one.id for one in changes])
        for one in changes:
            self.assertTrue(one.tagged, one.id)
