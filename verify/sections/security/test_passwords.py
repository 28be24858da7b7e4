"""API2:2023 broken authentication: no password that everybody knows.

Users' passwords are compared on the host with the stored hashes, by Odoo's own library: nothing is tried over
the network, so no throttle counts it, and no login is written.
"""

from typing import Any

import psycopg2
import pytest

from verify.clients.database import connect
from verify.estate.machines import Machine
from verify.estate.programs import run_as_odoo

CONCERN = "Passwords"

pytestmark = pytest.mark.explained_by("odoo", "postgresql")

KNOWN = ("admin", "demo", "odoo", "password", "12345678", "changeme", "portal", "pos")
MOST_USERS = 200
# Run by Odoo's own Python as the user odoo; prints logins, and whether the master password is known.
COMPARE = """
import configparser, json, sys
import psycopg2
from passlib.context import CryptContext
options = configparser.RawConfigParser()
options.read("/etc/odoo/odoo.conf")
options = options["options"]
known, most = json.loads(sys.argv[1])
with psycopg2.connect(host=options["db_host"], port=options["db_port"], dbname=options["db_name"],
                      user=options["db_user"], password=options["db_password"]) as connection:
    with connection.cursor() as cursor:
        cursor.execute("SELECT login, password FROM res_users WHERE active AND coalesce(password, '') <> ''"
                       " ORDER BY id LIMIT %s", (most,))
        users = cursor.fetchall()
context = CryptContext(["pbkdf2_sha512", "plaintext"], deprecated=["plaintext"])
weak = [login for login, stored in users if any(context.verify(word, stored) for word in {*known, login})]
plain = [login for login, stored in users if context.identify(stored) == "plaintext"]
master = options.get("admin_passwd", "admin")
print(json.dumps({"users": len(users), "weak": weak, "plain": plain,
                  "master": any(context.verify(word, master) for word in known)}))
"""


@pytest.fixture(scope="module")
def compared(odoo_host: Machine) -> dict[str, Any]:
    """What the comparison on Odoo's host found."""
    found: dict[str, Any] = run_as_odoo(odoo_host, COMPARE, [KNOWN, MOST_USERS])
    return found


def test_users(compared: dict[str, Any]) -> None:
    """API2: no user of Odoo has a password that everybody knows, nor the login as password."""
    assert compared["users"], "no user has a password: is this Odoo's database?"
    assert compared["weak"] == [], "these users have a password that everybody knows: change it in Odoo"


def test_stored_hashed(compared: dict[str, Any]) -> None:
    """API2: every password of a user is stored as a hash."""
    assert compared["plain"] == [], "these users' passwords are stored as they are: set them anew in Odoo"


def test_master_password(compared: dict[str, Any]) -> None:
    """API2: Odoo's master password is none that everybody knows."""
    assert not compared["master"], "odoo_master_password is a password that everybody knows: set another"


@pytest.mark.parametrize("password", ["odoo", "postgres", "admin", "pos"])
def test_database_user(direct: dict[str, Any], database: str, password: str) -> None:
    """API2: the application's database user has no password that everybody knows."""
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect({**direct, "password": password}, database)
