"""What argument_specs says of a variable is what defaults/main.yml gives it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).parents[2] / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir())


def defaults(role: str) -> dict[str, Any]:
    """Return the role's defaults."""
    return yaml.safe_load((ROLES / role / "defaults/main.yml").read_text()) or {}


def options(role: str) -> dict[str, Any]:
    """Return the options of the role's main entry point."""
    specs = yaml.safe_load((ROLES / role / "meta/argument_specs.yml").read_text())
    return specs["argument_specs"]["main"]["options"]


@pytest.mark.parametrize("role", NAMES)
def test_every_default_is_described_with_its_value(role: str) -> None:
    described = {name: option["default"] for name, option in options(role).items() if "default" in option}
    assert described == defaults(role)


@pytest.mark.parametrize("role", NAMES)
def test_every_option_is_typed_described_and_not_both_required_and_given(role: str) -> None:
    for name, option in options(role).items():
        assert name.startswith(f"{role}_"), name
        assert option.get("type"), name
        assert option.get("description"), name
        assert not ("default" in option and option.get("required")), name


@pytest.mark.parametrize("role", NAMES)
def test_a_secret_has_no_default(role: str) -> None:
    for name, option in options(role).items():
        if option.get("no_log"):
            assert "default" not in option, name


@pytest.mark.parametrize("role", NAMES)
def test_every_role_has_the_one_shape(role: str) -> None:
    tasks = {path.name for path in (ROLES / role / "tasks").iterdir()}
    assert {"main.yml", "preflight.yml", "configure.yml", "service.yml", "describe.yml"} <= tasks
