# Part of Tillstack. License LGPL-3.0 or later (see the addon's manifest).
"""Server-wide module: list it in ``server_wide_modules``; it is never installed in a database."""

import sys

from . import opcodes

if sys.version_info >= (3, 11):
    opcodes.allow()
