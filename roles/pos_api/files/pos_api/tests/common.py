"""What the tests of the API share: keys of their own, users of each role, a till with an open session, a
client."""

import tempfile
import uuid
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import requests
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from odoo.release import version_info
from odoo.tests import HOST, HttpCase
from odoo.tools import config

from .. import settings

CASHIER = ("base.group_user", "point_of_sale.group_pos_user")
MANAGER = (
    "base.group_user",
    "point_of_sale.group_pos_manager",
    "hr_attendance.group_hr_attendance_user",
    "base.group_partner_manager",
)
BASE = "/api/v1"


def new_key(algorithm="EdDSA"):
    """Return a private key for an algorithm."""
    # the None is for cryptography 3, where a backend has to be named
    return (
        ed25519.Ed25519PrivateKey.generate()
        if algorithm == "EdDSA"
        else ec.generate_private_key(ec.SECP256R1(), None)
    )


def pem(key):
    """Return a private or public key as PEM."""
    if hasattr(key, "private_bytes"):
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def write_key(folder, kid, key, active=True):
    """Put a key into a folder as the deployment does: whole, by a rename."""
    suffix = ".pem" if hasattr(key, "private_bytes") else ".pub.pem"
    (folder / ".new").write_bytes(pem(key))
    (folder / ".new").rename(folder / (kid + suffix))
    if active:
        (folder / ".active").write_text(kid)
        (folder / ".active").rename(folder / "active")


class KeysMixin:
    """Settings of the tests' own, with a fresh folder of keys."""

    def use_settings(self, **changes):
        """Make these settings the current ones until the test ends, and return them."""
        changed = replace(settings.current(), **changes)
        patcher = patch.object(settings, "current", return_value=changed)
        patcher.start()
        self.addCleanup(patcher.stop)
        return changed

    def use_keys(self, **changes):
        """Use a new folder with one Ed25519 key named ``first``."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.keys = Path(folder.name)
        self.key = new_key()
        write_key(self.keys, "first", self.key)
        return self.use_settings(
            key_directory=folder.name, login_failures_per_source=1000, login_failures_per_account=5, **changes
        )


def new_user(env, login, groups):
    """Return a user whose password is its login with ``-password`` behind."""
    return (
        env["res.users"]
        .with_context(no_reset_password=True)
        .create(
            {
                "name": login.title(),
                "login": login,
                "password": f"{login}-password",
                "groups_id": [(6, 0, [env.ref(group).id for group in groups])],
            }
        )
    )


def cash_values(journal):
    """Return the values that make a payment method one for cash in this series."""
    if version_info[0] < 15:
        return {"is_cash_count": True, "cash_journal_id": journal.id}
    return {"journal_id": journal.id}


def new_till(env, name):
    """Return a point of sale with a cash and a bank method of its own."""
    journals = env["account.journal"]
    cash = journals.create({"name": f"{name} cash", "code": uuid.uuid4().hex[:5], "type": "cash"})
    methods = env["pos.payment.method"].create({"name": f"{name} cash", **cash_values(cash)})
    bank = (
        {} if version_info[0] < 15 else {"journal_id": journals.search([("type", "=", "bank")], limit=1).id}
    )
    methods |= env["pos.payment.method"].create({"name": f"{name} card", **bank})
    return env["pos.config"].create(
        {"name": name, "payment_method_ids": [(6, 0, methods.ids)], "module_pos_hr": False}
    )


def open_session(till, user):
    """Return a session of a till, opened by Odoo's own methods with nothing in the drawer."""
    till.with_user(user).open_session_cb()
    session = till.env["pos.session"].search([("config_id", "=", till.id), ("state", "!=", "closed")])
    if session.state == "opening_control":
        if version_info[0] < 15:
            session.with_user(user).action_pos_session_open()
        else:
            session.with_user(user).set_cashbox_pos(0, "")
    return session


def new_product(env, name, price, **values):
    """Return a product of the point of sale with 15 % tax on top."""
    # a copy of the chart's own tax, since 14.0 closes no session whose taxes have no account
    tax = env.company.account_sale_tax_id.copy({"name": f"{name} 15 %", "amount": 15, "price_include": False})
    return env["product.product"].create(
        {
            "name": name,
            "list_price": price,
            "available_in_pos": True,
            "type": "consu",
            "taxes_id": [(6, 0, tax.ids)],
            **values,
        }
    )


def send(method, path, token=None, headers=None, **options):
    """Send a request to the running server and return the answer; nothing is remembered between two of
    them."""
    sent = dict(headers or {})
    if token:
        sent.setdefault("Authorization", f"Bearer {token}")
    url = f"http://{HOST}:{config['http_port']}{path}"
    return requests.request(method, url, headers=sent, timeout=60, allow_redirects=False, **options)


class ApiCase(KeysMixin, HttpCase):
    """A test through the front door, in the transaction of the test."""

    def setUp(self):
        super().setUp()
        self.use_keys()
        self.cashier = new_user(self.env, "api-cashier", CASHIER)
        self.manager = new_user(self.env, "api-manager", MANAGER)

    def send(self, method, path, **options):
        """Send a request; the server sees what the test has written, and the test what the server has."""
        self.env["base"].flush()
        self.env.cache.invalidate()
        answer = send(method, BASE + path if path.startswith("/") else path, **options)
        self.env.cache.invalidate()
        return answer

    def log_in(self, user):
        """Return the tokens of a new login."""
        answer = self.send(
            "POST", "/auth/tokens", json={"login": user.login, "password": f"{user.login}-password"}
        )
        self.assertEqual(answer.status_code, 200, answer.text)
        return answer.json()

    def access(self, user):
        """Return an access token of a new login."""
        return self.log_in(user)["access_token"]

    def assert_problem(self, answer, status, slug=None):
        """Check an answer to be the problem document of a status, and return it."""
        self.assertEqual(answer.status_code, status, answer.text)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        problem = answer.json()
        self.assertLessEqual({"type", "title", "status", "detail", "instance"}, set(problem))
        self.assertEqual(problem["status"], status)
        if slug:
            self.assertEqual(problem["type"], "urn:tillstack:pos-api:" + slug)
        if status == 401:
            self.assertTrue(answer.headers["WWW-Authenticate"].startswith("Bearer "))
        return problem


def new_idempotency_key():
    """Return the header with a fresh key."""
    return {"Idempotency-Key": uuid.uuid4().hex}
