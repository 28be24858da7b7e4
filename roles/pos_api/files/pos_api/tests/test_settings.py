from odoo.tests import BaseCase, tagged

from ..settings import SettingsError, read_settings


@tagged("post_install", "-at_install")
class TestSettings(BaseCase):
    def test_defaults(self):
        found = read_settings({})
        self.assertEqual(found.access_token_lifetime, 900)
        self.assertEqual(found.key_directory, "/etc/odoo/jwt")

    def test_values_of_a_file_are_text(self):
        found = read_settings({"pos_api_access_token_lifetime": "60", "pos_api_issuer": " https://pos "})
        self.assertEqual((found.access_token_lifetime, found.issuer), (60, "https://pos"))

    def test_bad_values_are_named_with_the_way_out(self):
        for name, value, hint in (
            ("pos_api_access_token_lifetime", "soon", "whole number from 30 to 86400"),
            ("pos_api_access_token_lifetime", "0", "whole number from 30"),
            ("pos_api_access_token_lifetime", "90000", "to 86400"),
            ("pos_api_access_token_lifetime", True, "whole number"),
            ("pos_api_access_token_lifetime", "²", "whole number"),
            ("pos_api_login_failures_per_account", "-1", "whole number from 1"),
            ("pos_api_max_body", "12", "from 1024"),
            ("pos_api_cache_size", "2000000000", "to 1073741824"),
            ("pos_api_issuer", "", "1 to 255 printable"),
            ("pos_api_audience", "a\nb", "printable"),
            ("pos_api_key_directory", "etc/jwt", "absolute path"),
        ):
            with self.subTest(name=name, value=value):
                with self.assertRaises(SettingsError) as raised:
                    read_settings({name: value})
                for part in (name, repr(value), hint):
                    self.assertIn(part, str(raised.exception))

    def test_unknown_option(self):
        with self.assertRaisesRegex(SettingsError, "pos_api_acess_token_lifetime"):
            read_settings({"pos_api_acess_token_lifetime": "60"})

    def test_contradictions(self):
        with self.assertRaisesRegex(SettingsError, "pos_api_refresh_token_idle"):
            read_settings({"pos_api_access_token_lifetime": "900", "pos_api_refresh_token_idle": "600"})
        with self.assertRaisesRegex(SettingsError, "pos_api_refresh_token_lifetime"):
            read_settings({"pos_api_refresh_token_idle": "7200", "pos_api_refresh_token_lifetime": "3600"})
