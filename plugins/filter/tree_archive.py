"""Folders of the controller as one archive, to send many small files in one task."""

from __future__ import annotations

import base64
import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: tree_archive
version_added: "0.1.0"
short_description: Folders of the controller as one archive
description:
  - Packs folders into a tar.gz and encodes it in Base64, for the standard input of a task.
  - Files become 0644 and folders 0755, both of root; compiled Python files are left out.
options:
  _input:
    description: Folders. C(name) is the name in the archive, C(path) the place on the controller.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Send an addon with its many files at once
  ansible.builtin.shell:
    cmd: base64 --decode | tar -C /opt/addons -xz
    stdin: "{{ [{'name': 'a', 'path': 'addons/a'}] | tillstack.odoo_pos.tree_archive }}"
"""

RETURN = r"""
_value:
  description: The archive in Base64.
  type: str
"""


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Give a member root's ownership and a plain mode; leave compiled Python and caches of tools out."""
    if member.name.endswith((".pyc", "__pycache__")) or "/." in member.name:
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mode = 0o755 if member.isdir() else 0o644
    return member


def tree_archive(folders: Sequence[Mapping[str, str]]) -> str:
    """Pack `folders`, each with name and path; AnsibleFilterError if a path is no folder."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for folder in folders:
            if not Path(folder["path"]).is_dir():
                raise AnsibleFilterError(f"{folder['path']} is no folder on the controller")
            archive.add(folder["path"], arcname=folder["name"], filter=_plain)
    return base64.b64encode(packed.getvalue()).decode()


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, object]:
        """Map filter names to functions."""
        return {"tree_archive": tree_archive}
