"""What the security section works out by itself: suites, tokens, documents, listeners, modes, scores."""

import json
import ssl
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from jwt.algorithms import OKPAlgorithm

from verify.clients.forgery import forged
from verify.clients.openapi import address_inputs, members, of_role
from verify.clients.tls import weak_suites
from verify.estate.files import open_to_others
from verify.estate.network import is_loopback, parse_listeners
from verify.estate.shell import FileFacts
from verify.estate.units import exposure

LISTENERS = """\
LISTEN 0      511          0.0.0.0:443       0.0.0.0:*    users:(("nginx",pid=44,fd=9),("nginx",pid=43,fd=9))
LISTEN 0      128        127.0.0.1:6432      0.0.0.0:*    users:(("pgbouncer",pid=95,fd=7))
LISTEN 0      128             [::]:22           [::]:*    users:(("sshd",pid=41,fd=4))
LISTEN 0      4096   127.0.0.53%lo:53        0.0.0.0:*
LISTEN 0      4096               *:9100            *:*    users:(("node_exporter",pid=7,fd=3))
"""


def _document(**operation: Any) -> dict[str, Any]:
    return {
        "paths": {"/things/{id}": {"post": {"x-role": "manager", **operation}}},
        "components": {
            "schemas": {
                "Thing": {
                    "properties": {
                        "name": {"type": "string"},
                        "source": {"type": "integer"},
                        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
                    }
                },
                "Part": {
                    "properties": {
                        "image": {"type": "string", "format": "uri"},
                        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
                    }
                },
            }
        },
    }


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


@pytest.mark.parametrize("name", ["callback_url", "redirect_uri", "webhook", "href", "host", "url"])
def test_an_address_among_the_parameters_is_found(name: str) -> None:
    document = _document(parameters=[{"name": name, "in": "query", "schema": {"type": "string"}}])
    assert address_inputs(document) == [f"POST /things/{{id}}: {name}"]


@pytest.mark.parametrize("name", ["hosted", "curl", "session_id", "limit", "duration", "linked"])
def test_other_parameters_are_none(name: str) -> None:
    assert address_inputs(_document(parameters=[{"name": name, "in": "query"}])) == []


def test_addresses_in_bodies_are_found_at_any_depth() -> None:
    document = _document(requestBody=_body({"$ref": "#/components/schemas/Thing"}))
    found = {place.rpartition(" ")[2] for place in address_inputs(document)}
    assert found == {"source", "image"}


def test_operations_of_a_role_have_their_ids_filled_in() -> None:
    assert of_role(_document(), "manager") == [("POST", "/things/1")]
    assert of_role(_document(), "cashier") == []


def test_members_of_all_depths() -> None:
    assert set(members({"a": [{"b": 1}, {"c": {"d": None}}], "e": "f"})) == {"a", "b", "c", "d", "e"}


def test_listeners_are_told_apart() -> None:
    found = parse_listeners(LISTENERS)
    assert [(one.address, one.port, one.process) for one in found] == [
        ("0.0.0.0", 443, "nginx"),
        ("127.0.0.1", 6432, "pgbouncer"),
        ("::", 22, "sshd"),
        ("127.0.0.53", 53, "unknown"),
        ("::", 9100, "node_exporter"),
    ]
    assert [one.port for one in found if not is_loopback(one.address)] == [443, 22, 9100]


def test_modes_that_are_open() -> None:
    found = {"/a": FileFacts("root", "root", 0o640), "/b": FileFacts("root", "root", 0o644)}
    assert open_to_others(found) == ["/b (root:root 0644)"]


def test_scores() -> None:
    assert exposure("  ...\n→ Overall exposure level for odoo.service: 1.4 OK 🙂\n") == 1.4
    with pytest.raises(ValueError, match="no score"):
        exposure("Failed to connect to bus")


def test_weak_suites_are_weak() -> None:
    weak = set(weak_suites())
    assert not weak & {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"}
    context = ssl.create_default_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    here = {suite["name"] for suite in context.get_ciphers()}
    assert weak >= here & {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ADH-AES128-GCM-SHA256"}


def test_forged_tokens_differ_from_the_good_one_and_none_verifies() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    claims = {"sub": "7", "aud": "pos-api", "exp": 2**40}
    good = jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": "ours"})
    jwk = json.loads(OKPAlgorithm.to_jwk(key.public_key()))
    attacks = list(forged(good, {"keys": [{**jwk, "kid": "ours"}]}, "http://127.0.0.1:9"))
    assert len({attack.token for attack in attacks}) == len(attacks) > 15
    for attack in attacks:
        with pytest.raises(jwt.PyJWTError):
            jwt.decode(attack.token, key.public_key(), algorithms=["EdDSA"], audience="pos-api")
