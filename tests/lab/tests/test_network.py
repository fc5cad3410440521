# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address plan, and who owns a number."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from itertools import combinations
from pathlib import Path

import pytest

from lab import network
from lab.command import LabError
from lab.network import NODES, Network


def ranges(number: int) -> list[str]:
    plan = Network(number)
    return [f"{plan.gateway}/32", plan.services, *(plan.pods(index) for index in NODES)]


def test_no_range_overlaps_another_of_the_same_or_another_cluster() -> None:
    found = [ip_network(cidr) for number in (1, 2, 199) for cidr in ranges(number)]
    assert [pair for pair in combinations(found, 2) if pair[0].overlaps(pair[1])] == []


def test_pods_of_all_nodes_are_in_the_range_that_kube_proxy_knows() -> None:
    plan = Network(3)
    assert all(ip_network(plan.pods(i)).subnet_of(ip_network(plan.all_pods)) for i in NODES)


def test_service_addresses_are_in_their_range() -> None:
    plan = Network(3)
    for address in (plan.api_service, plan.dns_service):
        assert ip_address(address) in ip_network(plan.services)


def test_a_fifth_node_is_refused() -> None:
    with pytest.raises(LabError, match="at most 4 nodes"):
        Network(1).pods(5)


def test_each_node_routes_to_the_pods_of_the_others_alone() -> None:
    plan = Network(4)
    routed = {command[3] for command in plan.inside(2, 3) if command[:3] == ["ip", "route", "add"]}
    assert routed == {"default", plan.pods(1), plan.pods(3)}


def test_only_bridges_with_the_alias_of_this_lab_are_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    links = {"lab1": "/a/state", "lab1-1": "", "lab12": "/b/state", "lab3": "", "label": "/a/state"}
    monkeypatch.setattr(network, "links", lambda: links)
    assert network.owned_by(Path("/a/state")) == [1]
    assert network.owned_by(Path("/c/state")) == []


def test_a_long_owner_still_tells_two_labs_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Path("/", *["x" * 60] * 5, "first"), Path("/", *["x" * 60] * 5, "second")
    monkeypatch.setattr(network, "links", lambda: {"lab1": str(first)[-255:]})
    assert network.owned_by(first) == [1]
    assert network.owned_by(second) == []
