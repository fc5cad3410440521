# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles take the same variables as the modules that they call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.arguments import (
    ARGUMENTS,
    PREFIX,
)

ROLES = Path(__file__).resolve().parents[2] / "roles"


def plain(options: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What Ansible makes of options, whatever is said of them."""
    return {
        name: {
            "type": option.get("type", "str"),
            "elements": option.get("elements"),
            "choices": option.get("choices"),
            "required": option.get("required", False),
            "no_log": option.get("no_log") or False,
            "options": plain(option.get("options") or {}),
        }
        for name, option in options.items()
    }


# These work on what stands beside a vCluster, and need nothing of it but its name.
BESIDE = {"backend_database"}


@pytest.mark.parametrize("role", sorted({path.name for path in ROLES.iterdir()} - BESIDE))
def test_a_role_takes_the_variables_of_its_module(role: str) -> None:
    path = ROLES / role / "meta" / "argument_specs.yml"
    options = yaml.safe_load(path.read_text())["argument_specs"]["main"]["options"]
    taken = {
        name.removeprefix(PREFIX): option
        for name, option in options.items()
        if name.startswith(PREFIX)
    }
    assert plain(taken) == plain({name: ARGUMENTS[name] for name in taken})
    assert ARGUMENTS.keys() - taken.keys() <= {"move_from"}, "a role moves nothing"


@pytest.mark.parametrize("role", sorted(BESIDE))
def test_a_role_beside_says_its_defaults_twice_and_the_same(role: str) -> None:
    path = ROLES / role
    options = yaml.safe_load((path / "meta" / "argument_specs.yml").read_text())
    told = options["argument_specs"]["main"]["options"]
    assert all(name.startswith(f"{role}_") for name in told)
    defaults = yaml.safe_load((path / "defaults" / "main.yml").read_text())
    assert defaults == {name: said["default"] for name, said in told.items() if "default" in said}
    assert set(told) - set(defaults) == {
        name for name, said in told.items() if said.get("required")
    }
