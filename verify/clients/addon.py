"""Runs small programs beside the deployed addon, with the modules that the API itself signs with."""

import json
from typing import Any

from verify.estate.machines import Machine

# Gives `options` of odoo.conf and `load`, which imports a module of the addon without Odoo around it.
PRELUDE = """
import configparser, importlib.util, json, pathlib, sys
options = configparser.RawConfigParser()
options.read("/etc/odoo/odoo.conf")
options = options["options"]
folders = [pathlib.Path(folder.strip(), "pos_api") for folder in options["addons_path"].split(",")]
(addon,) = [folder for folder in folders if folder.is_dir()]
def load(name):
    specification = importlib.util.spec_from_file_location(name, addon / f"{name}.py")
    sys.modules[name] = module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
"""


def run(odoo: Machine, program: str, argument: Any) -> Any:
    """Run a program after `PRELUDE`, with Odoo's own Python as the user odoo, and return what it prints.

    Args:
        odoo: a host of the group odoo.
        program: prints JSON.
        argument: given as JSON in ``sys.argv[1]``; everybody on the host may see it, so no secret.

    Raises:
        CommandError: it failed; the message has its standard error.
    """
    command = "cd / && runuser -u odoo -- /opt/odoo/bin/odoo-python -c %s %s"
    return json.loads(odoo.shell.output(command, PRELUDE + program, json.dumps(argument)))
