# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages in docs/ say what the code knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.arguments import (
    ARGUMENTS,
    FLEET_ARGUMENTS,
    PREFIX,
)

ROOT = Path(__file__).resolve().parents[2]
VARIABLES = (ROOT / "docs" / "variables.md").read_text()


def first_column(text: str) -> set[str]:
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))


def section(title: str) -> str:
    return VARIABLES.split(f"## `{title}`", 1)[1].split("\n## ", 1)[0]


def test_every_variable_is_documented_and_no_other() -> None:
    documented = {name for name in first_column(VARIABLES) if name.startswith("vcluster_")}
    internal = {"host", "secret_paths"}  # no variables: how an action names its host
    assert documented == {PREFIX + name for name in {*ARGUMENTS, *FLEET_ARGUMENTS} - internal}


@pytest.mark.parametrize(
    "name", ["store", "expose", "defaults", "timeouts", "snapshots", "snapshots.s3"]
)
def test_every_option_is_documented_and_no_other(name: str) -> None:
    options = ARGUMENTS
    for part in name.split("."):
        options = options[part]["options"]
    assert first_column(section(f"vcluster_{name}")) == set(options)


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "CONTRIBUTING.md",
        "docs/backends.md",
        "docs/day-one.md",
        "docs/monitoring.md",
        "docs/snapshots.md",
    ],
)
def test_links_lead_to_files(page: str) -> None:
    path = ROOT / page
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []
