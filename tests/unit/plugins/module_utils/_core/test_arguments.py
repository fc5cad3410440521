# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arguments of a vCluster: one specification that everything else takes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.arguments import (
    ARGUMENTS,
    FLEET_ARGUMENTS,
    STORE_OPTIONS,
    unknown_variables,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import (
    S3,
    Defaults,
    Expose,
    Limits,
    Origin,
    Snapshots,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import store_named


def options(spec: Mapping[str, Mapping[str, Any]], at: str = "") -> Iterator[tuple[str, Any]]:
    """Every option of a specification, those below others included."""
    for name, option in spec.items():
        yield at + name, option
        yield from options(option.get("options", {}), f"{at}{name}.")


def test_unset_stays_unset() -> None:
    """A default here would turn `not said` into something asked for (G54)."""
    with_default = [name for name, option in options(ARGUMENTS) if "default" in option]
    assert with_default == []


def test_g38_only_what_is_secret_is_hidden_and_ansible_is_told_so() -> None:
    """Ansible warns about names like secret and key unless they say no_log themselves."""
    hidden = [name for name, option in options(ARGUMENTS) if option.get("no_log")]
    assert hidden == [
        "api_token",
        "snapshots.s3.secret_key",
        "snapshots.s3.session_token",
        "snapshots.identity",
        "move_from.api_token",
    ]
    suspicious = ("secret", "key", "token", "password")
    for name, option in options(ARGUMENTS):
        if any(word in name.rpartition(".")[2] for word in suspicious):
            assert "no_log" in option, name


@pytest.mark.parametrize(
    ("argument", "kind"),
    [
        ("expose", Expose),
        ("defaults", Defaults),
        ("timeouts", Limits),
        ("snapshots", Snapshots),
        ("snapshots.s3", S3),
        ("snapshots.from", Origin),
    ],
)
def test_a_section_has_the_fields_of_its_type(argument: str, kind: Any) -> None:
    section = dict(options(ARGUMENTS))[argument]["options"]
    # `from` is no name that Python takes.
    names = {"origin": "from"}
    assert set(section) == {names.get(field.name, field.name) for field in fields(kind)}


def test_every_store_that_can_be_asked_for_is_one_and_takes_every_option_of_some() -> None:
    stores = [store_named(name) for name in STORE_OPTIONS["type"]["choices"]]
    for option in STORE_OPTIONS.keys() - {"type"}:
        assert any(not store.option_findings({option: None}) for store in stores), option


def test_what_orders_the_fleet_is_no_argument_of_a_module() -> None:
    assert not ARGUMENTS.keys() & FLEET_ARGUMENTS.keys()


def test_g51_a_variable_that_means_nothing_is_told_with_the_one_it_resembles() -> None:
    strange = f"vcluster_{'q' * 30}"
    known = ["vcluster_replicas", "vcluster_wave", "vcluster_values__10_all", "ansible_host"]
    assert unknown_variables([*known, "vcluster_replica", strange]) == {
        "vcluster_replica": "vcluster_replicas",
        strange: None,
    }
