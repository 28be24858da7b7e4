"""Runs small programs beside the deployed addon, with the modules that the API itself signs with."""

from typing import Any

from verify.estate.machines import Machine
from verify.estate.programs import run_as_odoo

# Gives `options` of odoo.conf, the `settings` that tokens are made by, and `load`, which imports a module of
# the addon without Odoo around it.
PRELUDE = """
import configparser, importlib.util, json, pathlib, sys, types
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
settings = types.SimpleNamespace(
    issuer=options["pos_api_issuer"], audience=options["pos_api_audience"],
    access_token_lifetime=int(options["pos_api_access_token_lifetime"]))
"""


def run(odoo: Machine, program: str, argument: Any) -> Any:
    """Run a program after `PRELUDE`, with Odoo's own Python as the user odoo, and return what it prints.

    Args:
        odoo: a host of the group odoo.
        program, argument: as in `run_as_odoo`.
    """
    return run_as_odoo(odoo, PRELUDE + program, argument)
