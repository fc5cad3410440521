# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores whose image cannot be run: the values of their steps against the vendor's chart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from facts import RELEASE, Contract

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Observation
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Plan
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import ChartArchive
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.versions import version_of
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import merged
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import (
    plane_kind,
    store_named,
)

STORE = store_named("etcd_embedded")
BARE = dict.fromkeys(("topology_spread", "disruption_budgets", "service_names", "resources"), False)


def planned(contract: Contract, version: str, **more: Any) -> Plan:
    """The plan of an install of three replicas, checked by the schema of the vendor's chart."""
    defaults = contract.read(f"values.default/{version}.json")
    chart = ChartArchive(
        Path("vcluster.tgz"),
        "0" * 64,
        version,
        contract.read(f"values.schema/{version}.json"),
        defaults,
    )
    asked = {"name": RELEASE, "version": version, "replicas": 3, "store": {"type": STORE.type}}
    # A host like the tenant: every line is at home there (G20).
    tenant = version_of(defaults["controlPlane"]["distro"]["k8s"]["image"]["tag"])
    seen = Observation(host_version=tenant.minor, complete=True)
    return plan(spec_from({**asked, **more}), seen, chart)


def test_g08_the_steps_of_embedded_etcd_are_cases_of_the_contract(
    contract: Contract, version: str
) -> None:
    """Both cases are rendered object by object in test_rendered.py."""
    found = planned(contract, version, defaults=BARE)
    assert found.kinds == ("install", "scale_out")
    cases = ("etcd-embedded-1", "etcd-embedded-3")
    assert [step.values for step in found.steps] == [_counted(contract.values(c)) for c in cases]


def _counted(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a case, with the count of replicas where only the chart's default says it."""
    said = {"statefulSet": {"highAvailability": {"replicas": 1}}}
    return {**values, "controlPlane": {**said, **values["controlPlane"]}}


def test_g17_all_that_production_needs_fits_the_schema(contract: Contract, version: str) -> None:
    options = {"type": STORE.type, "size": "9Gi", "storage_class": "fast"}
    found = planned(contract, version, store=options)
    assert not found.refusals
    assert found.kinds == ("install", "scale_out")


@pytest.mark.parametrize("replicas", [1, 3])
def test_g13_it_is_a_stateful_set_whose_claims_are_those_of_its_members(
    contract: Contract, version: str, replicas: int
) -> None:
    objects = contract.rendered(version, f"etcd-embedded-{replicas}")
    body = objects[f"StatefulSet/{RELEASE}"]["spec"]
    assert f"Deployment/{RELEASE}" not in objects
    assert body["replicas"] == replicas
    # All start at once: so the first one has to come alone.
    assert body["podManagementPolicy"] == "Parallel"
    (template,) = body["volumeClaimTemplates"]
    names = [f"{template['metadata']['name']}-{RELEASE}-{n}" for n in range(replicas)]
    assert STORE.claims(RELEASE, replicas) == names
    # Claims of replicas that went stay (G14): nothing is said for whenScaled.
    assert set(body["persistentVolumeClaimRetentionPolicy"]) == {"whenDeleted"}
    ports = {port["name"] for port in objects[f"Service/{RELEASE}-headless"]["spec"]["ports"]}
    assert {"etcd", "peer"} <= ports


def test_g13_the_kind_of_the_control_plane_is_what_is_rendered(
    contract: Contract, version: str
) -> None:
    defaults = contract.read(f"values.default/{version}.json")
    for case in contract.cases(version):
        kind = plane_kind(merged(defaults, contract.values(case)))
        assert f"{kind}/{RELEASE}" in contract.rendered(version, case), case


@pytest.mark.parametrize(
    ("store", "of"), [("etcd_deployed", "etcd-deploy-3"), ("sqlite", "sqlite")]
)
def test_g03_what_is_made_beside_is_what_is_rendered(
    contract: Contract, version: str, store: str, of: str
) -> None:
    objects = contract.rendered(version, of)
    wanted = store_named(store).servers(RELEASE)
    assert wanted
    assert all(f"{kind}/{name}" in objects for kind, name in wanted)


def test_g31_one_replica_may_hold_leases_from_0_35(contract: Contract, version: str) -> None:
    """Nothing here waits for a Lease of a single replica; with three there always are the rights for it."""

    def leases(case: str) -> bool:
        rules = contract.rendered(version, case)[f"Role/vc-{RELEASE}"]["rules"]
        return any("leases" in rule["resources"] for rule in rules)

    assert leases("etcd-embedded-1") is (version_of(version).minor >= (0, 35))
    assert leases("etcd-embedded-3")


def test_g02_g07_what_the_chart_takes_and_we_refuse(contract: Contract, version: str) -> None:
    checks = contract.read("fails.json")["checks"]
    for name, guard in (
        ("replicas/etcd-embedded-2", "G07"),
        ("store-content/etcd.embedded-volumeclaim-false", "G02"),
    ):
        result = checks[name]["results"].get(version)
        if result is None:
            continue
        assert not result["refused"]
        assert result["rendered"]["kind"] == "StatefulSet"
        values = checks[name]["values"]
        found = planned(contract, version, replicas=None, store=None, values=values)
        assert {finding.guard for finding in found.refusals} == {guard}, name
