"""The examples of docs/api.md do what they say, run as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.shop import PIN, Shop
from tests.harness.hosts import ROOT

pytestmark = pytest.mark.hosts
TILL = "examples"
SECONDS = 120
LANGUAGES = {"sh": ["bash", "-euo", "pipefail", "-s"], "python": [sys.executable, "-"]}
# The name of the certificate is not the address of a copied host; curl has an option for that, urllib3 none.
REDIRECT = """\
import urllib3.util.connection as connection
connect = connection.create_connection
connection.create_connection = lambda address, *args, **options: connect(({!r}, {}), *args, **options)
"""


def _program(language: str) -> str:
    """Return all blocks of a language that are marked to be run, in their order."""
    blocks = re.findall(
        rf"^```{language} run\n(.*?)^```$", (ROOT / "docs" / "api.md").read_text(), re.DOTALL | re.MULTILINE
    )
    assert blocks, f"docs/api.md has no block '{language} run'"
    return "".join(blocks)


@pytest.mark.parametrize("language", LANGUAGES)
def test_they_sell_and_close(shop: Shop, language: str, tmp_path: Path) -> None:
    site = shop.site
    (tmp_path / ".curlrc").write_text(f'connect-to = "::{site.address}:{site.https_port}"\n')
    till = shop["tills"][TILL]["id"]
    before = shop.value(f"SELECT coalesce(max(id), 0) AS id FROM pos_session WHERE config_id = {till}")
    given = {
        "CURL_HOME": str(tmp_path),
        "host": site.origin,
        "ca": str(site.ca),
        "till": str(till),
        "product": str(shop["products"]["coffee"]),
        "customer": str(shop["customers"]["plain"]),
        "cashier": "anna",
        "cashier_password": shop.passwords["anna"],
        "manager": "mona",
        "manager_password": shop.passwords["mona"],
        "employee": str(shop["employees"]["anna"]),
        "pin": PIN,
    }
    done = subprocess.run(
        LANGUAGES[language],
        input=(REDIRECT.format(site.address, site.https_port) if language == "python" else "")
        + _program(language),
        env={"PATH": os.environ["PATH"], **given},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (session,) = shop.rows(f"SELECT id, state FROM pos_session WHERE config_id = {till} AND id > {before}")
    assert session["state"] == "closed"
    orders = shop.rows(f"SELECT state, amount_total FROM pos_order WHERE session_id = {session['id']}")
    assert {order["state"] for order in orders} <= {"done", "invoiced"}
    assert any(order["amount_total"] > 0 for order in orders)
