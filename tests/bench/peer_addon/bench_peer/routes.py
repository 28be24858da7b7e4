"""Plain routes with auth='none' and a token checked by PyJWT: how most JWT APIs on Odoo are written."""

import json

import jwt
from odoo import http
from odoo.http import request
from odoo.tools import config, date_utils


def _user():
    """Return the id of the token's user, or raise what PyJWT raises."""
    scheme, _, token = request.httprequest.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer":
        raise jwt.InvalidTokenError("no token")
    return jwt.decode(token, config["bench_peer_secret"], algorithms=["HS256"])["uid"]


def _answer(value, status=200):
    body = json.dumps(value, default=date_utils.json_default)
    return http.Response(body, status=status, content_type="application/json")


class Routes(http.Controller):
    @http.route("/bench/floor", type="http", auth="none", methods=["GET"], csrf=False, save_session=False)
    def floor(self):
        """Check the token and say whose it is."""
        try:
            return _answer({"uid": _user()})
        except jwt.InvalidTokenError:
            return _answer({"error": "token"}, 401)

    @http.route("/bench/read", type="http", auth="none", methods=["POST"], csrf=False, save_session=False)
    def read(self):
        """Check the token and answer the search_read that the body asks for."""
        try:
            uid = _user()
        except jwt.InvalidTokenError:
            return _answer({"error": "token"}, 401)
        asked = json.loads(request.httprequest.get_data())
        model = request.env(user=uid, context={"lang": asked["lang"]})[asked["model"]]
        return _answer(model.search_read(asked["domain"], asked["fields"], limit=asked["limit"], order="id"))
