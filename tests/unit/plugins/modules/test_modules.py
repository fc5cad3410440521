# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules: documentation and specification say the same, and so do module and action."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import Any

import pytest
import yaml

PLUGINS = "ansible_collections.fleetops.vcluster.plugins"
MODULES = (
    "backend_etcd",
    "control_plane",
    "control_plane_info",
    "drill",
    "kubeconfig",
    "monitors",
    "move",
    "restore",
    "snapshot",
    "snapshot_archive",
    "snapshot_info",
    "snapshot_request",
    "tls_secrets",
    "verify",
)
ACTIONS_ONLY = ("adopt", "plan", "proof", "report", "silence", "snapshots", "soak", "status")


def load(kind: str, name: str) -> ModuleType:
    return importlib.import_module(f"{PLUGINS}.{kind}.{name}")


def documented(module: ModuleType) -> dict[str, Any]:
    """The options of a module, those of its fragments included."""
    own = yaml.safe_load(module.DOCUMENTATION)
    options = dict(own.get("options", {}))
    for reference in own["extends_documentation_fragment"]:
        _namespace, _collection, file, *part = reference.split(".")
        fragment = load("doc_fragments", file).ModuleDocFragment
        text = getattr(fragment, part[0].upper() if part else "DOCUMENTATION")
        options.update(yaml.safe_load(text).get("options", {}))
    return options


def specification(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = load("action", name).ActionModule.argument_spec
    return spec


def compare(documents: dict[str, Any], spec: dict[str, Any], place: str) -> None:
    assert documents.keys() == spec.keys(), place
    for option, said in documents.items():
        asked = spec[option]
        for key, otherwise in (
            ("type", "str"),
            ("default", None),
            ("required", False),
            ("choices", None),
        ):
            assert said.get(key, otherwise) == asked.get(key, otherwise), f"{place}.{option}: {key}"
        if "options" in asked:
            compare(said["suboptions"], asked["options"], f"{place}.{option}")


@pytest.mark.parametrize("name", MODULES)
def test_documentation_and_specification_agree(name: str) -> None:
    compare(documented(load("modules", name)), specification(name), name)


@pytest.mark.parametrize("name", MODULES)
def test_module_and_action_run_the_same_engine(name: str) -> None:
    module, action = load("modules", name), load("action", name).ActionModule
    assert action.engine.__name__ in inspect.getsource(module.main)
    assert getattr(module, action.engine.__name__) is action.engine


@pytest.mark.parametrize("name", MODULES)
def test_main_stays_a_few_lines(name: str) -> None:
    assert len(inspect.getsourcelines(load("modules", name).main)[0]) <= 30


@pytest.mark.parametrize("name", ACTIONS_ONLY)
def test_an_action_without_module_is_documented(name: str) -> None:
    options = yaml.safe_load(load("modules", name).DOCUMENTATION)["options"]
    action = load("action", name)
    known = set(getattr(action, "ARGUMENTS", None) or action.ActionModule._VALID_ARGS)
    assert set(options) == known
