# Part of Tillstack. License LGPL-3.0 or later (see the addon's manifest).
"""Allow the bytecode of Python 3.11 where Odoo allowed the same thing on Python 3.10.

Odoo evaluates domains, server actions and templates only if their bytecode uses allowed opcodes. Python 3.11
renamed and split many of them (https://docs.python.org/3.11/whatsnew/3.11.html#cpython-bytecode-changes), and
the lists of Odoo 14.0 and 15.0 end at 3.10. Each opcode below is the successor of one that Odoo's own list
has; nothing that Odoo refuses on 3.10 (imports, attribute and global stores, closures) becomes possible.
"""

import importlib
from opcode import opmap

from odoo.tools import safe_eval

# Odoo keeps three nested lists, and a copy of the second one for templates, extended by calls and jumps.
LITERALS = (
    "RESUME",  # start of every code object
    "COPY",
    "SWAP",  # were DUP_TOP, DUP_TOP_TWO, ROT_TWO, ROT_THREE, ROT_FOUR
)
EXPRESSIONS = (
    "BINARY_OP",  # was BINARY_* and INPLACE_*
    "LIST_TO_TUPLE",  # (*a, b): was BUILD_TUPLE_UNPACK
    "FORMAT_VALUE",
    "BUILD_STRING",  # f-strings and their constant folding of '%s' % x
)
CALLS_AND_JUMPS = (
    "PUSH_NULL",
    "PRECALL",
    "CALL",
    "KW_NAMES",  # were CALL_FUNCTION, CALL_FUNCTION_KW, CALL_METHOD
    "RETURN_GENERATOR",  # was GEN_START
    "JUMP_BACKWARD",
    "JUMP_BACKWARD_NO_INTERRUPT",  # were JUMP_ABSOLUTE
    "POP_JUMP_FORWARD_IF_FALSE",
    "POP_JUMP_FORWARD_IF_TRUE",  # were POP_JUMP_IF_*
    "POP_JUMP_BACKWARD_IF_FALSE",
    "POP_JUMP_BACKWARD_IF_TRUE",
    "POP_JUMP_FORWARD_IF_NONE",
    "POP_JUMP_FORWARD_IF_NOT_NONE",  # `x is None`: was IS_OP and a jump
    "POP_JUMP_BACKWARD_IF_NONE",
    "POP_JUMP_BACKWARD_IF_NOT_NONE",
)
STATEMENTS = (
    "NOP",
    "PUSH_EXC_INFO",
    "CHECK_EXC_MATCH",  # except: were SETUP_FINALLY, JUMP_IF_NOT_EXC_MATCH
)
# ir_qweb since the QWeb of 2021 (15.0), qweb before it (14.0): whichever holds the template list.
TEMPLATE_MODULES = ("odoo.addons.base.models.ir_qweb", "odoo.addons.base.models.qweb")


def codes(*groups):
    """Return the numbers of the opcodes that this Python has, less those that Odoo refuses outright.

    :param groups: tuples of opcode names
    :rtype: set[int]
    """
    return {opmap[name] for group in groups for name in group if name in opmap} - safe_eval._BLACKLIST


def allow():
    """Extend Odoo's lists in place: they are shared by reference with everything that imported them."""
    safe_eval._CONST_OPCODES.update(codes(LITERALS))
    safe_eval._EXPR_OPCODES.update(codes(LITERALS, EXPRESSIONS))
    safe_eval._SAFE_OPCODES.update(codes(LITERALS, EXPRESSIONS, CALLS_AND_JUMPS, STATEMENTS))
    for name in TEMPLATE_MODULES:
        template_codes = getattr(importlib.import_module(name), "_SAFE_QWEB_OPCODES", None)
        if template_codes is not None:
            template_codes.update(codes(LITERALS, EXPRESSIONS, CALLS_AND_JUMPS))
