"""The SCRAM verifier: what PostgreSQL's own library makes is recognised, and the stored one is kept."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError

_path = Path(__file__).resolve().parents[2] / "plugins" / "filter" / "scram_sha_256.py"
_spec = importlib.util.spec_from_file_location("scram_sha_256", _path)
assert _spec is not None and _spec.loader is not None
scram = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(scram)

# RFC 7677 section 3: password "pencil", that salt and 4096 iterations; the keys as PostgreSQL 14 stores them.
PENCIL = (
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=="
    "$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)


def test_a_known_verifier_belongs_to_its_password() -> None:
    assert scram.scram_sha_256("pencil", PENCIL) == PENCIL


@pytest.mark.parametrize("stored", ["", PENCIL, "md5" + "0" * 32, PENCIL[:-1]])
def test_another_password_or_form_gives_a_new_verifier(stored: str) -> None:
    made = scram.scram_sha_256("crayon", stored)
    assert made != stored and scram.scram_sha_256("crayon", made) == made


def test_each_new_verifier_has_a_salt_of_its_own() -> None:
    assert scram.scram_sha_256("pencil") != scram.scram_sha_256("pencil")


@pytest.mark.parametrize("password", ["", "two words", "gru\u00df", "tab\t"])
def test_a_password_that_clients_prepare_differently_is_refused_unseen(password: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        scram.scram_sha_256(password)
    assert not password or password not in str(caught.value)
