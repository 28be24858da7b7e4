import tempfile
from pathlib import Path

import jwt
from odoo.tests import BaseCase, tagged
from odoo.tools import mute_logger

from .. import keys
from .common import new_key, pem, write_key


@tagged("post_install", "-at_install")
class TestKeys(BaseCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def ring(self):
        return keys.keyring(str(self.folder))

    def test_algorithm_follows_from_the_type(self):
        write_key(self.folder, "one", new_key("EdDSA"))
        write_key(self.folder, "two", new_key("ES256"))
        ring = self.ring()
        self.assertEqual(
            {key.kid: key.algorithm for key in ring.keys.values()}, {"one": "EdDSA", "two": "ES256"}
        )
        self.assertEqual(ring.active.kid, "two")

    def test_public_key_verifies_only(self):
        write_key(self.folder, "old", new_key().public_key(), active=False)
        write_key(self.folder, "new", new_key())
        ring = self.ring()
        self.assertIsNone(ring.keys["old"].private)
        (self.folder / "active").write_text("old ")
        with self.assertRaisesRegex(keys.KeyringError, "no private key old.pem"):
            keys.load(str(self.folder))

    def test_rotation_is_seen_without_a_restart(self):
        write_key(self.folder, "one", new_key())
        self.assertEqual(self.ring().active.kid, "one")
        self.assertIs(self.ring(), self.ring())
        write_key(self.folder, "two", new_key())
        self.assertEqual(self.ring().active.kid, "two")
        (self.folder / "one.pem").unlink()
        self.assertEqual(set(self.ring().keys), {"two"})

    def test_broken_new_key_does_not_end_the_service(self):
        write_key(self.folder, "one", new_key())
        self.ring()
        (self.folder / "two.pem").write_text("-----BEGIN")
        with mute_logger("odoo.addons.pos_api.keys"):
            self.assertEqual(self.ring().active.kid, "one")
        (self.folder / "two.pem").unlink()
        write_key(self.folder, "three", new_key())
        self.assertEqual(self.ring().active.kid, "three")

    def test_unusable_folders_name_the_file(self):
        with self.assertRaisesRegex(keys.KeyringError, "active"):
            self.ring()
        write_key(self.folder, "one", new_key())
        (self.folder / "bad.pem").write_text("no key")
        with self.assertRaisesRegex(keys.KeyringError, "bad.pem"):
            self.ring()
        (self.folder / "bad.pem").rename(self.folder / "a b.pem")
        with self.assertRaisesRegex(keys.KeyringError, "a b.pem"):
            self.ring()

    def test_key_set_holds_public_parts_only(self):
        for kid, algorithm in (("one", "EdDSA"), ("two", "ES256")):
            write_key(self.folder, kid, new_key(algorithm))
        published = keys.jwks(self.ring())
        for jwk in published["keys"]:
            self.assertNotIn("d", jwk)
            key = self.ring().keys[jwk["kid"]]
            self.assertEqual((jwk["use"], jwk["alg"]), ("sig", key.algorithm))
            self.assertEqual(pem(jwt.PyJWK(jwk).key), pem(key.public))
