# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From inventory variables to arguments."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleUndefinedVariable

from ansible_collections.fleetops.vcluster.plugins.plugin_utils._inventory import (
    collect,
    plain,
    vaulted_paths,
)


class Undefined(dict[str, Any]):
    """Variables of which one cannot be templated."""

    def __getitem__(self, key: str) -> Any:
        if key == "vcluster_replicas":
            raise AnsibleUndefinedVariable("'nowhere' is undefined")
        return super().__getitem__(key)


def test_layers_merge_in_name_order_and_the_plain_one_has_the_last_word() -> None:
    variables = {
        "vcluster_values": {"a": {"z": 3}},
        "vcluster_values__50_group": {"a": {"y": 2, "x": 2}, "list": [2]},
        "vcluster_values__10_all": {"a": {"x": 1, "z": 1}, "list": [1, 1], "gone": 1},
        "vcluster_values__90_host": {"gone": None},
    }
    found = collect({"t": variables}, "t")
    assert found.arguments["values"] == {"a": {"x": 2, "y": 2, "z": 3}, "list": [2]}


def test_g51_an_unknown_variable_is_an_error_with_the_name_it_resembles() -> None:
    found = collect({"t": {"vcluster_replica": 3, "other": 1}}, "t")
    assert found.errors == ("Unknown variable vcluster_replica, did you mean vcluster_replicas?",)


def test_an_undefined_variable_is_named_and_the_others_are_read() -> None:
    found = collect(
        {"t": Undefined(vcluster_replicas="{{ nowhere }}", vcluster_version="0.36.1")}, "t"
    )
    assert len(found.errors) == 1
    assert "vcluster_replicas cannot be read: 'nowhere' is undefined" in found.errors[0]
    assert found.arguments["version"] == "0.36.1"


def test_what_orders_the_fleet_is_no_argument() -> None:
    found = collect({"t": {"vcluster_wave": 2, "vcluster_concurrency": 3}}, "t")
    assert found.fleet == {"wave": 2, "concurrency": 3}
    assert found.arguments == {"name": "t", "host": "t"}


def test_a_host_without_our_variables_is_no_vcluster() -> None:
    assert not collect({"bastion": {"ansible_host": "x"}}, "bastion").asked


def test_a_layer_that_is_no_mapping_is_named() -> None:
    found = collect({"t": {"vcluster_values__10_all": [1]}}, "t")
    assert "vcluster_values__10_all" in found.errors[0]


def test_plain_values_have_no_vaulted_paths() -> None:
    assert vaulted_paths({"a": ["x", {"b": 1}]}) == []
    assert plain({1: ("a", None)}) == {"1": ["a", None]}


def test_the_name_of_a_host_becomes_plain_text() -> None:
    """As Ansible's tagged texts do: they are no str by type, and YAML refuses them."""

    class Tagged(str):
        __slots__ = ()

    found = collect({"a": {"vcluster_version": "0.36.1"}}, Tagged("a"))
    assert [type(found.arguments[key]) for key in ("host", "name")] == [str, str]
