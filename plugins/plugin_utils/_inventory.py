# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the variables of an inventory host to the arguments of the modules."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultHelper

from ..module_utils._core.arguments import (
    FLEET_ARGUMENTS,
    LAYER_PREFIX,
    PREFIX,
    unknown_variables,
)
from ..module_utils._core.errors import FleetError
from ..module_utils._plan.values import merge_layers

VALUES = PREFIX + "values"


@dataclass(frozen=True)
class Collected:
    """What the inventory says about one host.

    Attributes:
        arguments: Module arguments by name.
        fleet: `wave`, `wave_budget`, `concurrency`, as far as they are set.
        secrets: Secret texts within the arguments.
        errors: What is wrong with the variables, one sentence each.
        asked: The host has at least one `vcluster_` variable of its own: it is a vCluster.
    """

    arguments: dict[str, Any]
    fleet: dict[str, Any] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    errors: tuple[str, ...] = ()
    asked: bool = True


def collect(hostvars: Mapping[str, Any], name: str) -> Collected:
    """The arguments of one host from its `vcluster_*` variables.

    Every variable is templated on its own, so that a broken one is named and costs this host only.
    """
    variables = hostvars[name]
    wanted = sorted(key for key in variables if key.startswith(PREFIX))
    unknown = unknown_variables(wanted)
    errors = [
        f"Unknown variable {variable}{f', did you mean {close}?' if close else '.'}"
        for variable, close in unknown.items()
    ]
    found: dict[str, Any] = {}
    paths: dict[str, list[str]] = {}
    for variable in wanted:
        if variable in unknown:
            continue
        try:
            value = variables[variable]
            paths[variable] = vaulted_paths(value)
            found[variable] = plain(value)
        except (AnsibleError, TypeError, ValueError) as error:
            errors.append(f"{variable} cannot be read: {error}")
    # In name order; `vcluster_values` has the last word.
    layers = {key: found.pop(key) for key in sorted(found) if key.startswith(LAYER_PREFIX)}
    layers |= {VALUES: found.pop(VALUES)} if VALUES in found else {}
    secrets = frozenset(
        text for key, value in {**found, **layers}.items() for text in _texts_at(value, paths[key])
    )
    arguments = {key.removeprefix(PREFIX): value for key, value in found.items()}
    fleet = {key: arguments.pop(key) for key in FLEET_ARGUMENTS.keys() & arguments.keys()}
    # Ansible tags the names of hosts too, and YAML writes no tagged text.
    arguments["host"] = plain(name)
    arguments.setdefault("name", arguments["host"])
    if layers:
        arguments["secret_paths"] = sorted({path for key in layers for path in paths[key]})
        try:
            arguments["values"] = merge_layers(layers)
        except FleetError as error:
            errors.append(str(error))
    return Collected(arguments, fleet, secrets, tuple(errors), asked=bool(wanted))


def plain(value: Any) -> Any:
    """The value without Ansible's tags and lazy containers; keys of mappings become strings."""
    return json.loads(json.dumps(value, default=str))


def vaulted_paths(value: Any) -> list[str]:
    """JSON pointers of the vaulted texts within a value; `""` when the value itself is one."""
    return [
        path for path, leaf in _leaves(value) if VaultHelper.get_ciphertext(leaf, with_tags=False)
    ]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}/{index}")
    else:
        yield path, value


def _texts_at(value: Any, paths: list[str]) -> Iterator[str]:
    wanted = set(paths)
    yield from (leaf for path, leaf in _leaves(value) if path in wanted and isinstance(leaf, str))
