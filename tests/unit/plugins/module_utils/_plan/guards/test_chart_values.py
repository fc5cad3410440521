# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that the chart takes and the pod does not survive, or that no upgrade can change."""

from __future__ import annotations

from typing import Any

import pytest
from paper import DEPLOYED, NOTHING, chart, installed, nested, plane, refusing, spec, warning

from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan


@pytest.mark.parametrize(
    "store", [{"type": "sqlite", "size": "9Gi"}, {"type": "sqlite", "storage_class": "fast"}]
)
def test_g12_immutable_fields_are_refused_on_a_live_vcluster(store: dict[str, Any]) -> None:
    assert refusing(plan(spec(store=store), installed(spec()).seen(), chart())) == {"G12"}
    assert not refusing(plan(spec(store=store), NOTHING, chart()))


def test_g13_a_flip_of_the_workload_kind_is_shown() -> None:
    running = installed(spec(store=DEPLOYED), members=3, kind="Deployment")
    raw = plane("statefulSet", "persistence", "volumeClaim", "enabled", value=True)
    assert "G13" in warning(plan(spec(store=DEPLOYED, values=raw), running.seen(), chart()))


@pytest.mark.parametrize(
    "raw",
    [
        plane("statefulSet", "persistence", "volumeClaim", "enabled", value="yes"),
        plane("statefulSet", "highAvailability", "replicas", value=0),
        plane("statefulSet", "highAvailability", "replicas", value=-1),
        plane("statefulSet", "highAvailability", "leaseDuration", value=10),
        plane("statefulSet", "scheduling", "podManagementPolicy", value="Sideways"),
        plane("statefulSet", "persistence", "volumeClaim", "retentionPolicy", value="Keep"),
        plane("distro", "k8s", "version", value="latest"),
        plane("advanced", "podDisruptionBudget", value={"enabled": True, "maxUnavailable": 0}),
        plane(
            "advanced",
            "podDisruptionBudget",
            value={"enabled": True, "minAvailable": 1, "maxUnavailable": 1},
        ),
        plane("backingStore", "etcd", "external", value={"enabled": True}),
        nested("exportKubeConfig", "server", value="tenant.example.net"),
    ],
)
def test_g59_values_that_the_chart_takes_and_the_pod_does_not_survive(raw: dict[str, Any]) -> None:
    assert "G59" in refusing(plan(spec(values=raw), NOTHING, chart()))


def test_g59_what_helm_would_refuse_in_its_templates_is_told_before() -> None:
    both = {"secret": {"name": "a"}, "additionalSecrets": [{"name": "b"}]}
    nameless = {"additionalSecrets": [{"name": "a"}, {"context": "c"}]}
    fine = {"additionalSecrets": [{"name": "a"}, {"namespace": "team"}], "secret": {"name": " "}}
    assert _exported(both) == {"G59"}
    assert _exported(nameless) == {"G59"}
    assert "G59" not in _exported(fine)


def _exported(section: dict[str, Any]) -> set[str]:
    return refusing(plan(spec(values={"exportKubeConfig": section}), NOTHING, chart()))


@pytest.mark.parametrize(("size", "refused"), [("five gigs", True), ("5GB", True), ("10Gi", False)])
def test_g59_a_claim_size_is_a_quantity(size: str, refused: bool) -> None:
    asked = spec(store={"type": "sqlite", "size": size})
    assert (refusing(plan(asked, NOTHING, chart())) == {"G59"}) is refused


def test_g59_there_is_no_etcd_without_members() -> None:
    asked = spec(store={"type": "etcd_deployed", "members": 0})
    assert refusing(plan(asked, NOTHING, chart())) == {"G59"}


def test_g59_an_eviction_policy_that_no_api_server_knows() -> None:
    budget = {"enabled": True, "maxUnavailable": 1, "unhealthyPodEvictionPolicy": "Sometimes"}
    asked = spec(values=plane("advanced", "podDisruptionBudget", value=budget))
    assert refusing(plan(asked, NOTHING, chart())) == {"G59"}
