# Part of Tillstack. License LGPL-3.0 or later (see the addon's manifest).
"""Server-wide module: list it in ``server_wide_modules``; it is never installed in a database."""

from . import opcodes

opcodes.allow()
