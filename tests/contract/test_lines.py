# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection knows about the chart lines agrees with the facts, and with the lab's chart."""

from __future__ import annotations

from typing import Any

import pytest
from facts import Contract

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.line import Line
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.registry import LINES
from lab import chart

each_line = pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)


def versions(line: Line) -> set[str]:
    """Return the releases of a line."""
    return {patch.version for patch in line.patches}


@each_line
def test_releases_and_their_defaults(contract: Contract, line: Line) -> None:
    released = contract.read("tags.json")["lines"][line.name]
    theirs = {
        version: (
            fact["kubernetes_version"].removeprefix("v"),
            fact["deployed_etcd_image"].split(":")[1],
        )
        for version, fact in released.items()
    }
    ours = {patch.version: (patch.kubernetes, patch.etcd) for patch in line.patches}
    assert ours == theirs
    assert list(ours) == list(theirs), "oldest first"


@each_line
def test_removed_keys(contract: Contract, line: Line) -> None:
    """The known keys are those gone from the newest release's schema or refused by its templates.

    The newest one: 0.34.0 lost a key that a later patch took back.
    """
    theirs = {
        root
        for hop in contract.read("hops.json")["hops"]
        if hop["to"] == line.patches[-1].version and hop["from"] not in versions(line)
        for root in hop["removed_roots"]
    } | refused_by_template(contract, line)
    assert {removed.key for removed in line.removed} == theirs


def refused_by_template(contract: Contract, line: Line) -> set[str]:
    """Return the keys whose removal the templates name."""
    prefix = "removed-or-added/"
    return {
        name.removeprefix(prefix).removesuffix(".enabled")
        for name, check in contract.read("fails.json")["checks"].items()
        for version, result in check["results"].items()
        if name.startswith(prefix) and version in versions(line)
        if result["refused"] and f"was removed in {line.name}." in result["error"]
    }


@pytest.mark.parametrize(
    "line", [line for line in LINES if line.name in chart.lines()], ids=lambda line: line.name
)
def test_lab_refuses_removed_keys(contract: Contract, template: Any, line: Line) -> None:
    for removed in line.removed:
        values: Any = {"enabled": False}
        for key in reversed(removed.key.split(".")):
            values = {key: values}
        done = template(chart.find(line.name).version, values)
        assert done.code != 0, f"{removed.key} was accepted"


@each_line
def test_broken_network_policies(contract: Contract, line: Line) -> None:
    """A control plane's policy with ingress rules, none of which lets everyone reach 8443."""
    rendered = {folder.name for folder in (contract.folder / "rendered").iterdir()}
    for version in versions(line):
        if version not in rendered:
            continue
        policy = contract.rendered(version, "networkpolicy")["NetworkPolicy/vc-cp-tenant"]["spec"]
        rules = policy.get("ingress", [])
        reachable = any(
            "from" not in rule and 8443 in [port["port"] for port in rule.get("ports", [])]
            for rule in rules
        )
        broken = "Ingress" in policy["policyTypes"] and not reachable
        known = any(
            version in item.versions and item.key == "policies.networkPolicy.enabled"
            for item in line.broken
        )
        assert known == broken, version


def test_the_lab_stands_for_released_versions() -> None:
    """Each chart of the lab has the version of a release that the collection knows."""
    for line in chart.lines().values():
        (patch,) = (p for known in LINES for p in known.patches if p.version == line.version)
        values = line.default_values()["controlPlane"]
        etcd = values["backingStore"]["etcd"]["deploy"]["statefulSet"]["image"]["tag"]
        assert values["distro"]["k8s"]["image"]["tag"] == f"v{patch.kubernetes}"
        assert etcd == patch.etcd
