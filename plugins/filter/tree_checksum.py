"""One checksum of a folder's files, to see whether an addon's code has changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: tree_checksum
version_added: "0.1.0"
short_description: SHA-256 over the names and contents of a folder's files
description:
  - Gives the same value for the same relative paths and contents, whatever their order, owner or time.
  - Compiled Python files are left out, since they say nothing about the code.
options:
  _input:
    description: A folder on the controller.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Show the checksum of an addon
  ansible.builtin.debug:
    msg: "{{ 'addons/my_addon' | tillstack.odoo_pos.tree_checksum }}"
"""

RETURN = r"""
_value:
  description: 64 hexadecimal digits.
  type: str
"""


def tree_checksum(folder: str) -> str:
    """Hash every file in `folder` but hidden and compiled ones; AnsibleFilterError if it is no folder."""
    top = Path(folder)
    if not top.is_dir():
        raise AnsibleFilterError(f"{folder} is no folder on the controller")
    total = hashlib.sha256()
    for file in sorted(path for path in top.rglob("*") if path.is_file()):
        inside = file.relative_to(top)
        if file.suffix == ".pyc" or any(part.startswith(".") for part in inside.parts):
            continue
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{inside.as_posix()}\0{digest}\n".encode())
    return total.hexdigest()


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, object]:
        """Map filter names to functions."""
        return {"tree_checksum": tree_checksum}
