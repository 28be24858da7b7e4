"""The API's own server: what reaches the application by it is what reaches it by Odoo's."""

import importlib.util
import io
from unittest import skipUnless
from unittest.mock import patch

from odoo.service import wsgi_server
from odoo.tests import BaseCase, tagged
from odoo.tools import config
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from ..frame import dispatch

if importlib.util.find_spec("granian"):
    from .. import serve

TILL, PROXY = "192.0.2.7", "127.0.0.1"


@tagged("post_install", "-at_install")
@skipUnless(importlib.util.find_spec("granian"), "granian does not run on this Python")
class TestServe(BaseCase):
    """Both wrappers of ``serve``, without a server."""

    def _address(self, application, headers):
        """Return the client's address as an application sees it."""
        environ = EnvironBuilder(headers=headers, environ_base={"REMOTE_ADDR": PROXY}).get_environ()
        answer = []
        application(environ, lambda status, found: answer.append(dict(found)["X-Seen"]))
        return answer[0]

    def _both(self, headers):
        def seen(environ, start_response):
            return Response(headers={"X-Seen": Request(environ).remote_addr})(environ, start_response)

        with patch.object(wsgi_server, "application_unproxied", seen):
            return (
                self._address(wsgi_server.application, headers),
                self._address(serve.behind_proxy(seen), headers),
            )

    def test_who_is_believed_the_clients_address(self):
        for proxied in (True, False):
            with patch.dict(config.options, proxy_mode=proxied):
                for headers, told in (
                    ({"X-Forwarded-For": TILL, "X-Forwarded-Host": "pos"}, TILL),
                    ({"X-Forwarded-For": f"10.0.0.1, {TILL}", "X-Forwarded-Host": "pos"}, TILL),
                    ({"X-Forwarded-For": TILL}, PROXY),
                    ({}, PROXY),
                ):
                    wanted = told if proxied else PROXY
                    self.assertEqual(self._both(headers), (wanted, wanted), headers)

    def _answer(self, body, announced=None):
        """Return status and body that a login gets as granian hands it over."""
        environ = EnvironBuilder("/api/v1/auth/tokens", method="POST").get_environ()
        environ.update(
            {
                "CONTENT_TYPE": "application/json",
                "wsgi.input": io.BytesIO(body),
                "wsgi.input_terminated": True,
            }
        )
        environ.pop("CONTENT_LENGTH", None)
        if announced is not None:
            environ["CONTENT_LENGTH"] = str(announced)
        told = []
        application = serve.for_granian(dispatch.application)
        answer = application(environ, lambda status, _headers: told.append(status))
        self.assertIsInstance(answer, list)
        return told[0], b"".join(answer)

    def test_a_body_that_is_broken_off_is_not_taken_for_a_shorter_one(self):
        status, body = self._answer(b'{"login": "', announced=100)
        self.assertEqual(status[:3], "400")
        self.assertIn(b"before its announced length", body)

    def test_a_body_without_a_length_is_read_to_its_end(self):
        status, body = self._answer(b'{"login": 1}')
        self.assertEqual(status[:3], "422", body)
