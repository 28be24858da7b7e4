"""The attack table: every forged, foreign, stale or misplaced token is refused through the front door."""

import base64
import hashlib
import hmac
import json
import time

import jwt
from odoo.tests import tagged

from ..frame.principal import database_id
from .common import ApiCase, new_key, pem, write_key


def encode(value):
    """Return the base64url form of JSON or bytes."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@tagged("post_install", "-at_install")
class TestTokens(ApiCase):
    def setUp(self):
        super().setUp()
        self.tokens = self.log_in(self.cashier)
        self.claims = jwt.decode(self.tokens["access_token"], options={"verify_signature": False})
        self.header = jwt.get_unverified_header(self.tokens["access_token"])

    def sign(self, claims=None, key=None, algorithm="EdDSA", drop=(), **headers):
        """Return a token like the real one but for the given claims and headers."""
        changed = {
            name: value for name, value in {**self.claims, **(claims or {})}.items() if name not in drop
        }
        return jwt.encode(changed, key or self.key, algorithm=algorithm, headers={"kid": "first", **headers})

    def assert_refused(self, token, **options):
        answer = self.send("GET", "/auth/me", token=token, **options)
        self.assert_problem(answer, 401, "invalid-token")
        self.assertIn('error="invalid_token"', answer.headers["WWW-Authenticate"])
        self.assertNotIn("Traceback", answer.text)

    def test_the_same_token_unchanged_is_accepted(self):
        self.assertEqual(self.send("GET", "/auth/me", token=self.sign()).status_code, 200)
        self.assertEqual(
            set(self.claims), {"iss", "aud", "sub", "iat", "nbf", "exp", "jti", "typ", "fam", "db"}
        )

    def test_no_algorithm_and_no_signature(self):
        payload = encode(self.claims)
        for name in ("none", "None", "NONE", "nOnE", ""):
            with self.subTest(alg=name):
                self.assert_refused(f"{encode({**self.header, 'alg': name})}.{payload}.")
                self.assert_refused(f"{encode({**self.header, 'alg': name})}.{payload}.AA")
        self.assert_refused(f"{encode(self.header)}.{payload}.")
        self.assert_refused(f"{encode(self.header)}.{payload}")

    def test_public_key_as_hmac_secret(self):
        public = self.key.public_key()
        for secret in (
            pem(public),
            public.public_bytes_raw() if hasattr(public, "public_bytes_raw") else b"x",
        ):
            for name, function in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
                signed = f"{encode({**self.header, 'alg': name})}.{encode(self.claims)}"
                mac = hmac.new(secret, signed.encode(), function).digest()
                self.assert_refused(f"{signed}.{encode(mac)}")

    def test_wrong_key(self):
        self.assert_refused(self.sign(key=new_key()))

    def test_algorithm_of_another_key(self):
        other = new_key("ES256")
        write_key(self.keys, "second", other, active=False)
        self.assertEqual(
            self.send(
                "GET", "/auth/me", token=self.sign(key=other, algorithm="ES256", kid="second")
            ).status_code,
            200,
        )
        self.assert_refused(self.sign(key=other, algorithm="ES256"))
        self.assert_refused(self.sign(kid="second"))

    def test_key_ids(self):
        for kid in (
            "unknown", "", "../first", "/etc/odoo/jwt/first", "first.pem", "first'; DROP TABLE res_users;--",
            "first\0", "../../../../dev/null", "x" * 2000,
        ):  # fmt: skip
            with self.subTest(kid=kid[:40]):
                self.assert_refused(self.sign(kid=kid))
        for kid in (None, 1, ["first"], {"first": 1}):
            with self.subTest(kid=kid):
                head = encode({**self.header, "kid": kid})
                signed = f"{head}.{encode(self.claims)}"
                self.assert_refused(f"{signed}.{encode(self.key.sign(signed.encode()))}")
        without = {name: value for name, value in self.header.items() if name != "kid"}
        signed = f"{encode(without)}.{encode(self.claims)}"
        self.assert_refused(f"{signed}.{encode(self.key.sign(signed.encode()))}")

    def test_keys_brought_along(self):
        attacker = new_key()
        jwk = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(attacker.public_key()))
        for headers in (
            {"jwk": jwk},
            {"jku": "https://attacker.example/keys"},
            {"x5u": "https://attacker.example/chain"},
            {"x5c": ["MIIB"]},
            {"crit": ["exp"]},
        ):
            with self.subTest(headers=list(headers)):
                self.assert_refused(self.sign(key=attacker, **headers))
                self.assert_refused(self.sign(**headers))

    def test_times(self):
        now = int(time.time())
        for claims in (
            {"exp": now},
            {"exp": now - 60},
            {"nbf": now + 60},
            {"iat": now + 3600, "nbf": now},
            {"exp": now + 365 * 86400},
            {"iat": now, "exp": now + 901},
            {"exp": str(now + 60)},
            {"exp": True},
            {"exp": None},
        ):
            with self.subTest(claims=claims):
                self.assert_refused(self.sign(claims))

    def test_missing_claims(self):
        for name in self.claims:
            with self.subTest(claim=name):
                self.assert_refused(self.sign(drop=(name,)))

    def test_wrong_claims(self):
        other = self.manager.id
        for claims in (
            {"iss": "somebody"},
            {"aud": "something"},
            {"aud": []},
            {"typ": "refresh"},
            {"typ": None},
            {"db": "6d2d4a54-0000-0000-0000-000000000000"},
            {"sub": str(other)},
            {"sub": other},
            {"sub": "0"},
            {"sub": "-1"},
            {"sub": "9" * 30},
            {"sub": "1 OR 1=1"},
            {"fam": self.claims["fam"] + 1000000},
            {"fam": str(self.claims["fam"])},
            {"fam": True},
            {"fam": 2**63},
        ):
            with self.subTest(claims=claims):
                self.assert_refused(self.sign(claims))

    def test_token_of_another_database(self):
        self.assertEqual(self.claims["db"], database_id(self.env))
        self.env["ir.config_parameter"].set_param("database.uuid", "another")
        self.assert_refused(self.tokens["access_token"])

    def test_tokens_in_each_other_s_place(self):
        self.assert_refused(self.tokens["refresh_token"])
        answer = self.send("POST", "/auth/tokens/refresh", json={"refresh_token": "rt_" + "x" * 43})
        self.assert_problem(answer, 401, "invalid-token")
        short = self.tokens["access_token"][:255]
        answer = self.send("POST", "/auth/tokens/refresh", json={"refresh_token": short})
        self.assert_problem(answer, 401, "invalid-token")
        answer = self.send(
            "POST", "/auth/tokens/refresh", json={"refresh_token": self.tokens["access_token"]}
        )
        self.assert_problem(answer, 422)
        self.assertEqual(self.send("GET", "/auth/me", token=self.tokens["access_token"]).status_code, 200)

    def test_malformed_tokens(self):
        token = self.tokens["access_token"]
        for bad in (
            "x", "..", "a.b.c", token + "=", token + " ", token[:-10], token.replace(".", ",", 1),
            token + ".x",
            "x" * 5000, token + "A" * 5000, "é", "\"" + token + "\"",
        ):  # fmt: skip
            with self.subTest(token=bad[:20]):
                self.assert_refused(None, headers={"Authorization": b"Bearer " + bad.encode("latin-1")})

    def test_other_places_and_schemes(self):
        token = self.tokens["access_token"]
        for options in (
            {},
            {"params": {"access_token": token}},
            {"params": {"token": token}},
            {"headers": {"Authorization": ""}},
            {"headers": {"Authorization": token}},
            {"headers": {"Authorization": f"Token {token}"}},
            {"headers": {"Authorization": f"Basic {encode(b'api-cashier:api-cashier-password')}"}},
            {"headers": {"X-Authorization": f"Bearer {token}"}},
            {"cookies": {"access_token": token, "Authorization": f"Bearer {token}"}},
        ):
            with self.subTest(options=list(options)):
                answer = self.send("GET", "/auth/me", **options)
                self.assert_problem(answer, 401, "unauthorized")
                self.assertNotIn("error=", answer.headers["WWW-Authenticate"])

    def test_two_authorization_headers(self):
        token = self.tokens["access_token"]
        for both in (
            f"Bearer {token},Bearer {token}",
            f"Bearer {token}, Basic eDp5",
            f"Bearer {token} {token}",
        ):
            with self.subTest(both=both[-20:]):
                self.assert_refused(None, headers={"Authorization": both})

    def test_session_cookie_counts_for_nothing(self):
        session = self.authenticate("api-manager", "api-manager-password")
        sid = session.sid if session else self.session.sid
        self.assert_problem(self.send("GET", "/auth/me", cookies={"session_id": sid}), 401, "unauthorized")
        self.assert_problem(
            self.send("GET", "/auth/me", headers={"X-Openerp-Session-Id": sid}), 401, "unauthorized"
        )
        answer = self.send("GET", "/auth/me", token=self.tokens["access_token"], cookies={"session_id": sid})
        self.assertEqual(answer.json()["login"], "api-cashier")
        self.assertNotIn("Set-Cookie", answer.headers)
