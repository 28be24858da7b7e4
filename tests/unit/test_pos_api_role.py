"""What the role pos_api says of the addon and of the documentation page, against the addon and a wheel."""

from __future__ import annotations

import ast
import importlib.util
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLE = Path(__file__).parents[2] / "roles" / "pos_api"
SETTINGS = ROLE / "files/pos_api/settings.py"


def constants() -> dict[str, Any]:
    """Return the plain values that the addon's settings are made of; the module itself needs Odoo."""
    wanted = {"MINUTE", "NUMBERS", "TEXTS", "OTHERS"}
    tree = ast.parse(SETTINGS.read_text())
    kept = []
    for node in tree.body:
        if isinstance(node, ast.Assign):
            names = {
                name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)
            }
            if names & wanted:
                kept.append(node)
    values: dict[str, Any] = {}
    exec(compile(ast.Module(kept, []), str(SETTINGS), "exec"), values)
    return values


def variables() -> dict[str, Any]:
    """Return the role's internal variables."""
    found: dict[str, Any] = yaml.safe_load((ROLE / "vars/main.yml").read_text())
    return found


def test_the_role_sets_every_option_of_the_addon_and_no_other() -> None:
    addon = constants()
    known = {f"pos_api_{name}" for name in (*addon["TEXTS"], *addon["NUMBERS"], *addon["OTHERS"])}
    assert variables()["__pos_api_settings"].keys() == known


def test_the_role_refuses_the_numbers_that_the_addon_refuses() -> None:
    ranges = {f"pos_api_{name}": [least, most] for name, (_, least, most) in constants()["NUMBERS"].items()}
    assert variables()["__pos_api_ranges"] == ranges


def test_the_role_and_the_addon_have_the_same_defaults() -> None:
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    for name, (default, _, _) in constants()["NUMBERS"].items():
        assert defaults[f"pos_api_{name}"] == default, name


def test_the_role_knows_the_clock_skew_of_the_addon() -> None:
    [skew] = re.findall(r"(?m)^CLOCK_SKEW = (\d+)", (ROLE / "files/pos_api/tokens.py").read_text())
    assert variables()["__pos_api_clock_skew"] == int(skew)


@pytest.mark.parametrize(
    "origin, taken",
    [
        ("https://till.example.com", True),
        ("http://localhost:3000", True),
        ("https://[::1]:8443", True),
        ("*", False),
        ("null", False),
        ("https://till.example.com\n", False),
        ("https://till.example.com/", False),
        ("https://Till.example.com", False),
        ("till.example.com", False),
        ("https://a.example,https://b.example", False),
    ],
)
def test_an_origin_is_what_the_addon_takes_for_one(origin: str, taken: bool) -> None:
    [addon] = re.findall(r'(?m)^ORIGIN = re\.compile\(r"(.*)"\)$', SETTINGS.read_text())
    assert bool(re.fullmatch(addon, origin)) is taken
    assert bool(re.match(variables()["__pos_api_origin"], origin)) is taken


def test_the_page_s_files_are_placed_whole_and_alone(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("place_api_docs", ROLE / "files/place_api_docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    wheel, target = tmp_path / "page.whl", tmp_path / "docs" / "1.0"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{module.FOLDER}/swagger-ui.css", "css")
        archive.writestr(f"{module.FOLDER}/swagger-ui-bundle.js.map", "map")
    with pytest.raises(KeyError):
        module.place(wheel, target)
    assert list(target.parent.iterdir()) == [], "half a page must not stay"
    with zipfile.ZipFile(wheel, "a") as archive:
        for name in set(module.FILES) - {"swagger-ui.css"}:
            archive.writestr(f"{module.FOLDER}/{name}", name)
    module.place(wheel, target)
    assert sorted(path.name for path in target.iterdir()) == sorted(module.FILES)
    assert {path.stat().st_mode & 0o777 for path in target.iterdir()} == {0o644}
    assert target.stat().st_mode & 0o777 == 0o755


def test_the_page_s_lock_names_one_version_with_hashes_and_no_index() -> None:
    lock = (ROLE / "files/requirements/api-docs.txt").read_text()
    assert len(re.findall(r"(?m)^[a-z-]+==", lock)) == 1
    assert "--hash=sha256:" in lock
    assert "http" not in lock and "index" not in lock
