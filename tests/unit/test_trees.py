"""Folders sent as one archive, and the checksum that says whether they have changed."""

from __future__ import annotations

import base64
import io
import tarfile
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError

from plugins.filter.tree_archive import tree_archive
from plugins.filter.tree_checksum import tree_checksum


@pytest.fixture
def addon(tmp_path: Path) -> Path:
    """A folder like an addon's."""
    folder = tmp_path / "addon"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("from . import models\n")
    (folder / "models" / "__init__.py").touch()
    return folder


def test_the_checksum_follows_names_and_contents_and_nothing_else(addon: Path) -> None:
    before = tree_checksum(str(addon))
    (addon / "__init__.py").chmod(0o600)
    (addon / "models" / "__init__.pyc").write_bytes(b"compiled")
    (addon / ".cache").mkdir()
    (addon / ".cache" / "x").touch()
    assert tree_checksum(str(addon)) == before
    (addon / "models" / "__init__.py").rename(addon / "models" / "other.py")
    renamed = tree_checksum(str(addon))
    assert renamed != before
    (addon / "models" / "other.py").write_text("1\n")
    assert tree_checksum(str(addon)) not in (before, renamed)


def test_the_archive_holds_the_files_as_root_owns_them(addon: Path) -> None:
    (addon / "models" / "x.pyc").write_bytes(b"compiled")
    (addon / ".cache").mkdir()
    (addon / ".cache" / "x").touch()
    (addon / "__init__.py").chmod(0o777)
    packed = io.BytesIO(base64.b64decode(tree_archive([{"name": "mine", "path": str(addon)}])))
    with tarfile.open(fileobj=packed) as archive:
        members = {member.name: member for member in archive}
    assert set(members) == {"mine", "mine/__init__.py", "mine/models", "mine/models/__init__.py"}
    assert {(m.uid, m.gid, m.mode) for m in members.values() if m.isfile()} == {(0, 0, 0o644)}
    assert members["mine/models"].mode == 0o755


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(AnsibleFilterError, match="nowhere is no folder"):
        tree_checksum(str(tmp_path / "nowhere"))
    with pytest.raises(AnsibleFilterError, match="nowhere is no folder"):
        tree_archive([{"name": "x", "path": str(tmp_path / "nowhere")}])
