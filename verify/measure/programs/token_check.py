"""Runs on Odoo's host with Odoo's own Python: how long the addon takes to verify an access token.

The addon's own modules sign a token and verify it, without Odoo around them. Standard output: [[microseconds
of a round], ...].
"""

import configparser
import gc
import importlib.util
import json
import pathlib
import sys
import time
import types

ROUNDS, REPEATS = 5, 200


def load(addon, name):
    """Return a module of the addon, loaded from its file."""
    specification = importlib.util.spec_from_file_location(name, addon / f"{name}.py")
    sys.modules[name] = module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def main():
    """Measure, and print."""
    parser = configparser.RawConfigParser()
    parser.read("/etc/odoo/odoo.conf")
    options = parser["options"]
    folders = [pathlib.Path(folder.strip(), "pos_api") for folder in options["addons_path"].split(",")]
    (addon,) = [folder for folder in folders if folder.is_dir()]
    settings = types.SimpleNamespace(
        issuer=options["pos_api_issuer"],
        audience=options["pos_api_audience"],
        access_token_lifetime=int(options["pos_api_access_token_lifetime"]),
    )
    ring, tokens = load(addon, "keys").load(options["pos_api_key_directory"]), load(addon, "tokens")
    token, _ = tokens.issue(ring, settings, "verify", 1, 1)
    gc.disable()
    rounds = []
    for _ in range(ROUNDS):
        seen = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            tokens.verify(ring, settings, "verify", token)
            seen.append((time.perf_counter() - began) * 1_000_000)
        rounds.append(seen)
    json.dump(rounds, sys.stdout)


if __name__ == "__main__":
    main()
