# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory as text: what Ansible reads of it, and what only people do."""

from __future__ import annotations

from typing import Any

import yaml

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.adopt import Adopted, bare
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.adopt_text import (
    inventory_text,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from


def one(name: str, cluster: str = "west", held_back: str = "", **more: Any) -> Adopted:
    access = {"kubeconfig": f"/k/{cluster}", **more}
    spec = spec_from({"name": name, "cluster": cluster, **{k: v for k, v in access.items() if v}})
    arguments = {"version": "0.36.1", "store": {"type": "etcd_deployed", "members": 3}}
    return Adopted(bare(spec), arguments, ("vcluster_replicas: 1 is what runs.",), held_back)


def groups(*found: Adopted) -> dict[str, Any]:
    children: dict[str, Any] = yaml.safe_load(inventory_text(found))["all"]["children"]
    return children


def test_a_group_is_a_host_cluster_and_a_host_a_vcluster() -> None:
    found = groups(one("b"), one("a"), one("c", "east"))
    assert list(found) == ["east", "west"]
    assert found["west"]["vars"] == {"vcluster_cluster": "west", "vcluster_kubeconfig": "/k/west"}
    assert list(found["west"]["hosts"]) == ["a", "b"]
    assert found["west"]["hosts"]["a"] == {
        "vcluster_name": "a",
        "vcluster_namespace": "vcluster-a",
        "vcluster_version": "0.36.1",
        "vcluster_store": {"type": "etcd_deployed", "members": 3},
    }


def test_what_is_held_back_is_a_comment_that_can_be_taken_in() -> None:
    text = inventory_text([one("a"), one("b", held_back="The plan is refused.")])
    assert list(yaml.safe_load(text)["all"]["children"]["west"]["hosts"]) == ["a"]
    assert "        # b is left out. The plan is refused." in text
    taken_in = text.replace("        # b is left out. The plan is refused.\n", "")
    taken_in = "\n".join(line.replace("        # ", "        ", 1) for line in taken_in.split("\n"))
    assert (
        "b"
        in yaml.safe_load(taken_in.replace("vcluster_replicas: 1 is what runs.", ""))["all"][
            "children"
        ]["west"]["hosts"]
    )


def test_a_host_cluster_with_nothing_but_comments_is_still_an_inventory() -> None:
    assert groups(one("a", held_back="No."))["west"]["hosts"] == {}
    assert yaml.safe_load(inventory_text([]))["all"]["vars"] == {"ansible_connection": "local"}


def test_names_that_ansible_does_not_take_for_groups_are_changed_and_kept_as_a_variable() -> None:
    found = groups(
        one("a", "hc-1"), one("b", "10.0.0.1:6443"), one("west", "west"), one("c", "all")
    )
    assert set(found) == {"hc_1", "cluster_10_0_0_1_6443", "cluster_west", "cluster_all"}
    assert found["hc_1"]["vars"]["vcluster_cluster"] == "hc-1"


def test_two_ways_to_host_clusters_of_one_name_are_two_groups() -> None:
    found = groups(one("a"), one("b", kubeconfig="/k/other"))
    assert {name: list(group["hosts"]) for name, group in found.items()} == {
        "west": ["b"],
        "west_2": ["a"],
    }


def test_g38_a_token_is_not_written_and_its_absence_is_told() -> None:
    token = {"kubeconfig": None, "api_host": "https://west:6443", "api_token": "s3cret-token"}
    text = inventory_text([one("a", **token)])
    assert "s3cret-token" not in text
    assert "# vcluster_api_token is not written" in text
    assert yaml.safe_load(text)["all"]["children"]["west"]["vars"]["vcluster_api_host"]


def test_lines_stay_within_100_columns() -> None:
    text = inventory_text([one("a", held_back="word " * 80)])
    assert max(map(len, text.splitlines())) <= 110
