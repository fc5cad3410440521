# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From every release of the vendor to every other one: hops that move one thing, or a refusal that names a guard."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

from facts import Contract

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.finding import refusals
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.registry import (
    LINES,
    patch_of,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.versions import version_of
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.hops import (
    Running,
    Target,
    route,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.renames import renamed
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.schema import schema_findings

DEPLOYED: Any = {"controlPlane": {"backingStore": {"etcd": {"deploy": {"enabled": True}}}}}


def order(version: str) -> Any:
    """Return what versions are sorted by."""
    found = version_of(version.removeprefix("v"))
    assert found, version
    return found.order


def test_g16_g18_g19_every_pair_of_releases(contract: Contract) -> None:
    """Charts run with their defaults, and the newer of the two defaults of Kubernetes is asked for."""
    facts = contract.read("tags.json")
    defaults = {
        version: (fact["kubernetes_version"].removeprefix("v"), fact["deployed_etcd_image"])
        for line in facts["lines"].values()
        for version, fact in line.items()
    }
    unknown = ("1.27.1", "registry.k8s.io/etcd:3.5.7-0")
    for one, other in product((tag["version"] for tag in facts["tags"]), repeat=2):
        kubernetes, image = defaults.get(one, unknown)
        wanted = max(kubernetes, defaults.get(other, unknown)[0], key=order)
        running = Running(one, kubernetes, DEPLOYED, image.partition(":")[2])
        found = route(running, Target(other, wanted, values=DEPLOYED))
        refused = refusals(found.findings)
        known = one in defaults and other in defaults and order(one) <= order(other)
        assert bool(refused) is not known, f"{one} -> {other}"
        assert all(re.fullmatch(r"G\d\d", finding.guard) for finding in refused)
        for hop in found.hops:
            before, after = hop.before, hop.after
            pairs = [(before.chart, after.chart), (before.kubernetes, after.kubernetes)]
            pairs.append((before.store, after.store))
            assert sum(old != new for old, new in pairs) == 1
            assert all(old.numbers <= new.numbers for old, new in pairs)
            assert all(new.minor[1] - old.minor[1] <= 1 for old, new in pairs)
        if found.hops:
            last = found.hops[-1].after
            assert (str(last.chart), str(last.kubernetes)) == (other, wanted)


def test_g17_each_chart_on_the_way_takes_the_values_of_its_hop(contract: Contract) -> None:
    """By the schema of the chart, as far as it is known; from each version that a case was rendered with."""
    checked = 0
    versions = [patch.version for line in LINES for patch in line.patches]
    with_schema = {file.stem for file in (contract.folder / "values.schema").iterdir()}
    for version in (v for v in versions if v in with_schema):
        patch = patch_of(version)
        assert patch
        for case in contract.cases(version):
            live = contract.values(case)
            running = Running(version, patch.kubernetes, live, patch.etcd)
            target = Target(
                versions[-1],
                values=renamed(live, versions[-1]).values,
                allow=frozenset({"G60"}),
            )
            found = route(running, target)
            assert not refusals(found.findings), f"{version}: {case}"
            for hop in found.hops:
                chart = str(hop.after.chart)
                if chart in with_schema:
                    schema = contract.read(f"values.schema/{chart}.json")
                    defaults = contract.read(f"values.default/{chart}.json")
                    assert schema_findings(hop.values, schema, defaults, chart) == []
                    checked += 1
    assert checked > 100
