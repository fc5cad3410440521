# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection knows about the chart lines agrees with the facts, and with the lab's chart."""

from __future__ import annotations

from typing import Any

import pytest
from facts import Contract

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.line import Line
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.registry import (
    LINES,
    lowers,
    patch_of,
    removed_until,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.scrape import api_scrapes
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.versions import version_of
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import store_named
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
    assert {removed.key for removed in line.removed if not removed.since} == theirs


@each_line
def test_keys_removed_by_a_patch(contract: Contract, line: Line) -> None:
    """0.20.6 is left out: what it lacks 0.21.0 takes, and lost with 0.21.2."""
    theirs = {
        (root, hop["to"])
        for hop in contract.read("hops.json")["hops"]
        if hop["type"] == "patch" and hop["to"] in versions(line) - {"0.20.6"}
        for root in hop["removed_roots"]
    }
    assert {(removed.key, removed.since) for removed in line.removed if removed.since} == theirs


def schema_takes(contract: Contract, version: str, key: str) -> bool:
    """Tell whether a chart's schema knows a key; below an open mapping it knows all."""
    schema = contract.read(f"values.schema/{version}.json")
    node = schema
    for part in key.split("."):
        while "$ref" in node and "properties" not in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
        if part in node.get("properties", {}):
            node = node["properties"][part]
        else:
            return node.get("type") == "object" and node.get("additionalProperties") is not False
    return True


def with_schema(contract: Contract) -> list[str]:
    """Return the versions whose schema is known, oldest first."""
    names = [file.stem for file in (contract.folder / "values.schema").iterdir()]
    known = [patch.version for line in LINES for patch in line.patches]
    return [version for version in known if version in names]


@each_line
def test_moved_keys(contract: Contract, line: Line) -> None:
    """A removed key stays removed; what stands for it is there, until a later line removes that."""
    later = [v for v in with_schema(contract) if f"{v}.".startswith(f"{line.name}.")]
    if not later:
        pytest.skip("no schema of this line is known")
    by_template = refused_by_template(contract, line)
    for removed in line.removed:
        if removed.key not in by_template:
            assert not schema_takes(contract, later[0], removed.key), removed.key
        for move in removed.moves:
            if move.new:
                assert schema_takes(contract, later[0], move.new), move.new


def test_removed_keys_do_not_come_back(contract: Contract) -> None:
    for version in with_schema(contract):
        by_template = {key for line in LINES for key in refused_by_template(contract, line)}
        for _line, removed in removed_until(version):
            taken = schema_takes(contract, version, removed.key)
            assert not taken or removed.key in by_template, f"{version}: {removed.key}"


@each_line
def test_distros(contract: Contract, line: Line) -> None:
    """Those of the values, their newest minor the default's; the values that pin them are there."""
    for version, fact in contract.read("tags.json")["lines"][line.name].items():
        assert sorted(distro.name for distro in line.distros) == fact["distros"], version
    k8s = line.distro("k8s")
    default = version_of(line.patches[-1].kubernetes)
    assert k8s and default and k8s.minors[-1] == default.minor
    for version in with_schema(contract):
        if version in versions(line):
            for distro in line.distros:
                for key in (distro.pin, distro.instead, *distro.beside):
                    assert not key or schema_takes(contract, version, key), key


@each_line
def test_the_pin_of_kubernetes_is_what_is_rendered(contract: Contract, line: Line) -> None:
    cases = {"sqlite-k8s-pin": "instead", "sqlite-k8s-image-tag": "pin"}
    k8s = line.distro("k8s")
    assert k8s
    for version in versions(line):
        for case, name in cases.items():
            if not (contract.folder / "rendered" / version / f"{case}.yaml").exists():
                continue
            key = getattr(k8s, name) or k8s.pin
            value: Any = contract.values(case)
            for part in key.split("."):
                value = value[part]
            spec = contract.rendered(version, case)["StatefulSet/tenant"]["spec"]["template"][
                "spec"
            ]
            images = [item["image"] for item in spec["initContainers"]]
            assert any(image.endswith(f":{value}") for image in images), f"{version}: {case}"


def test_g56_hops_that_lower_a_default(contract: Contract) -> None:
    """For a host of 1.34, so lines that follow the host are left out: what runs there is read and held (G57)."""
    for hop in contract.read("hops.json")["hops"]:
        before, after = patch_of(hop["from"]), patch_of(hop["to"])
        if before is None or after is None or any(hop["kubernetes_follows_host"]):
            continue
        theirs = -1 in (hop["kubernetes_direction"], hop["deployed_etcd_direction"])
        assert lowers(before, after) == theirs, f"{before.version} -> {after.version}"


def test_lines_that_roll_etcd(contract: Contract) -> None:
    """Where the pod template of deployed etcd changes with the image left as it is."""
    theirs = {
        ".".join(hop["to"].split(".")[:2])
        for hop in contract.read("hops.json")["hops"]
        if hop["deployed_etcd_pod_template_changes"] and hop["deployed_etcd_direction"] == 0
    }
    assert {line.name for line in LINES if line.rolls_etcd} == theirs


def test_the_value_that_pins_etcd(contract: Contract) -> None:
    path = store_named("etcd_deployed").version_path
    assert path
    for version in with_schema(contract):
        value: Any = contract.read(f"values.default/{version}.json")
        for part in path:
            value = value[part]
        patches = [patch for line in LINES for patch in line.patches if patch.version == version]
        assert [patch.etcd for patch in patches] == [value], version


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


@each_line
def test_metrics_are_where_the_charts_own_monitor_asks_for_them(
    contract: Contract, line: Line
) -> None:
    case = "ha-pdb-monitor"
    versions = [p.version for p in line.patches if case in contract.cases(p.version)]
    if not versions:
        pytest.skip("no release of this line is rendered with it")
    for version in versions:
        monitor = contract.rendered(version, case)["ServiceMonitor/vc-tenant"]
        paths = [endpoint["path"] for endpoint in monitor["spec"]["endpoints"]]
        assert paths == [scrape.path for scrape in api_scrapes("tenant", line.metrics)], version


def test_the_lab_stands_for_released_versions() -> None:
    """Each chart of the lab has the version of a release that the collection knows."""
    for line in chart.lines().values():
        (patch,) = (p for known in LINES for p in known.patches if p.version == line.version)
        values = line.default_values()["controlPlane"]
        etcd = values["backingStore"]["etcd"]["deploy"]["statefulSet"]["image"]["tag"]
        assert values["distro"]["k8s"]["image"]["tag"] == f"v{patch.kubernetes}"
        assert etcd == patch.etcd
