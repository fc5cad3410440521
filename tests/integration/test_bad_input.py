# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input: a clear error while planning, for that host only, and nothing changed."""

from __future__ import annotations

from typing import Any

import pytest
from harness import Lab, kubectl

pytestmark = [pytest.mark.lab]

GOOD = {"vcluster_version": "0.36.1", "vcluster_store": {"type": "sqlite"}}

# Name: variables of the host, and the words its error has.
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "unknown-variable": ({"vcluster_replica": 3}, "did you mean vcluster_replicas?"),
    "undefined": ({"vcluster_replicas": "{{ nowhere }}"}, "'nowhere' is undefined"),
    "wrong-type": ({"vcluster_replicas": "many"}, "vcluster_replicas"),
    "unknown-key": ({"vcluster_values": {"controlPlan": {"x": 1}}}, "controlPlan"),
    "contradiction": (
        {
            "vcluster_store": {"type": "etcd_deployed", "members": 3},
            "vcluster_replicas": 3,
            "vcluster_values": {
                "controlPlane": {"statefulSet": {"highAvailability": {"replicas": 2}}}
            },
        },
        "vcluster_replicas",
    ),
    "no-kubeconfig": ({"vcluster_kubeconfig": "/nowhere/kubeconfig"}, "/nowhere/kubeconfig"),
    "no-context": ({"vcluster_context": "nobody"}, "nobody"),
    "no-chart": (
        {"vcluster_chart": "/nowhere/vcluster-0.36.1.tgz"},
        "/nowhere/vcluster-0.36.1.tgz",
    ),
    "unknown-line": ({"vcluster_version": "0.99.0"}, "0.99"),
    "sqlite-replicas": ({"vcluster_replicas": 3}, "G01"),
    "even-members": (
        {"vcluster_store": {"type": "etcd_deployed", "members": 2}, "vcluster_replicas": 2},
        "G07",
    ),
    "even-replicas": (
        {"vcluster_store": {"type": "etcd_embedded"}, "vcluster_replicas": 2},
        "G07",
    ),
    "no-replica": (
        {"vcluster_store": {"type": "etcd_embedded"}, "vcluster_replicas": 0},
        "G59",
    ),
    "too-many-replicas": (
        {"vcluster_store": {"type": "etcd_embedded"}, "vcluster_replicas": 7},
        "Set vcluster_replicas to 5 or less",
    ),
    "no-volume": ({"vcluster_store": {"type": "sqlite", "persistence": False}}, "G02"),
    "name-too-long": ({"vcluster_name": "x" * 54}, "G40"),
    "name-no-text": ({"vcluster_name": "on"}, "G58"),
    "state": ({"vcluster_state": "absent"}, "vcluster_state"),
    "shared-a": ({"vcluster_namespace": "shared"}, "G39"),
    "shared-b": ({"vcluster_namespace": "shared"}, "G39"),
}


def test_each_mistake_is_told_and_the_good_host_is_planned(make_fleet: Any, lab: Lab) -> None:
    hosts = {f"bad-{name}": {**GOOD, **variables} for name, (variables, _words) in BAD.items()}
    fleet = make_fleet({"hc1": {**hosts, "good": GOOD}})
    before = kubectl(lab.clusters["hc1"], "get", "namespaces", "--output=name")
    run = fleet.play("plan").succeeded()
    assert "Traceback" not in run.output
    sections = by_host(run.output)
    for name, (_variables, words) in BAD.items():
        assert words in sections[f"bad-{name}"], (name, sections[f"bad-{name}"])
    assert "install" in sections["good"]
    assert kubectl(lab.clusters["hc1"], "get", "namespaces", "--output=name") == before


def test_a_wrong_host_fails_in_site_and_changes_nothing(make_fleet: Any, lab: Lab) -> None:
    fleet = make_fleet({"hc1": {"bad-typo": {**GOOD, "vcluster_replica": 3}}})
    run = fleet.play("site").failed()
    assert "did you mean vcluster_replicas?" in run.output
    assert "failed=1" in run.output
    assert "vcluster-bad-typo" not in kubectl(lab.clusters["hc1"], "get", "namespaces")


def by_host(output: str) -> dict[str, str]:
    """The lines of the printed plan, joined, by host; those that are alike share theirs."""
    sections: dict[str, str] = {}
    hosts: list[str] = []
    for line in output.splitlines():
        if line.startswith("  ") and not line.startswith("   ") and ":" in line:
            hosts = line.strip().split(":")[0].split(", ")
        for host in hosts:
            sections[host] = f"{sections.get(host, '')} {line.strip()}"
    return sections
