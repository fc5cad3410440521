# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that the chart takes and the pod does not survive, or that no upgrade can change."""

from __future__ import annotations

from typing import Any

import pytest
from paper import (
    DEPLOYED,
    NOTHING,
    Running,
    chart,
    installed,
    nested,
    plane,
    refusing,
    spec,
    warning,
)

from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan


@pytest.mark.parametrize(
    "store", [{"type": "sqlite", "size": "1Gi"}, {"type": "sqlite", "storage_class": "fast"}]
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
        plane("statefulSet", "highAvailability", "leaseDuration", value="60"),
        plane("statefulSet", "highAvailability", "renewDeadline", value=60),
        plane("statefulSet", "highAvailability", "renewDeadline", value=18),
        plane("statefulSet", "highAvailability", "retryPeriod", value=0),
        plane("statefulSet", "highAvailability", "retryPeriod", value=-1),
        plane("statefulSet", "highAvailability", "retryPeriod", value=True),
        plane("statefulSet", "scheduling", "podManagementPolicy", value="Sideways"),
        plane("statefulSet", "persistence", "volumeClaim", "retentionPolicy", value="Keep"),
        plane("distro", "k8s", "version", value="latest"),
        plane("distro", "k8s", "image", "tag", value="latest"),
        plane("distro", "k8s", "image", "tag", value="v1.36.0_x"),
        plane("distro", "k8s", "image", "tag", value="v1.36.0.1"),
        plane("distro", "k8s", "image", "tag", value="v1.36.0+x"),
        plane("distro", "k8s", "image", "tag", value="v1.36.0@sha256:abc"),
        plane("distro", "k8s", value={"image": {"tag": "v1.36.1"}, "version": "v1.36.0"}),
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


@pytest.mark.parametrize(
    ("size", "refused"),
    [
        ("five gigs", True),
        ("5GB", True),
        ("5K", True),
        ("0", True),
        ("0Gi", True),
        ("-5Gi", True),
        ("10Gi", False),
        (".5Gi", False),
        ("+5Gi", False),
        ("1.5e9", False),
    ],
)
def test_g59_a_claim_size_is_a_quantity(size: str, refused: bool) -> None:
    asked = spec(store={"type": "sqlite", "size": size})
    assert (refusing(plan(asked, NOTHING, chart())) == {"G59"}) is refused


@pytest.mark.parametrize(
    ("limit", "refused"),
    [
        (0, True),
        ("0", True),
        ("0%", True),
        (-1, True),
        (True, True),
        ("half", True),
        ("101%", True),
        (1, False),
        ("2", False),
        ("1%", False),
        ("100%", False),
    ],
)
@pytest.mark.parametrize("key", ["minAvailable", "maxUnavailable"])
def test_g59_a_budget_has_a_limit_that_protects_something(
    key: str, limit: Any, refused: bool
) -> None:
    asked = spec(values=plane("advanced", "podDisruptionBudget", value={key: limit}))
    assert (refusing(plan(asked, NOTHING, chart())) == {"G59"}) is refused


def test_g59_there_is_no_etcd_without_members() -> None:
    asked = spec(store={"type": "etcd_deployed", "members": 0})
    assert refusing(plan(asked, NOTHING, chart())) == {"G59"}


def test_g59_an_eviction_policy_that_no_api_server_knows() -> None:
    budget = {"enabled": True, "maxUnavailable": 1, "unhealthyPodEvictionPolicy": "Sometimes"}
    asked = spec(values=plane("advanced", "podDisruptionBudget", value=budget))
    assert refusing(plan(asked, NOTHING, chart())) == {"G59"}


@pytest.mark.parametrize(
    "raw",
    [
        plane("statefulSet", "persistence", "volumeClaim", "enabled", value="true"),
        plane("statefulSet", "persistence", "volumeClaim", "enabled", value=True),
        plane("statefulSet", "highAvailability", "leaseDuration", value=90),
        plane("statefulSet", "highAvailability", "renewDeadline", value=19),
        plane("statefulSet", "scheduling", "podManagementPolicy", value="OrderedReady"),
        plane("statefulSet", "persistence", "volumeClaim", "retentionPolicy", value="Delete"),
        plane("distro", "k8s", "image", "tag", value="v1.36.3"),
        plane("distro", "k8s", "version", value="v1.36.3"),
        plane("distro", "k8s", "image", "tag", value="v1.36.3-custom"),
        plane("distro", "k8s", "image", "tag", value=f"v1.36.3@sha256:{'0' * 64}"),
        plane("distro", "k8s", value={"image": {"tag": "v1.36.1"}, "version": "v1.36.1"}),
        plane("advanced", "podDisruptionBudget", value={"enabled": True, "maxUnavailable": 2}),
        plane("advanced", "podDisruptionBudget", value={"enabled": False}),
        plane("advanced", "podDisruptionBudget", "unhealthyPodEvictionPolicy", value="AlwaysAllow"),
        nested("exportKubeConfig", "server", value="https://tenant.example.net:8443"),
    ],
)
def test_g59_its_good_neighbours_are_let_through(raw: dict[str, Any]) -> None:
    assert plan(spec(values=raw), NOTHING, chart()).kinds == ("install",)


def test_g59_an_old_tag_beside_the_version_that_wins_is_let_be() -> None:
    both = plane("distro", "k8s", value={"image": {"tag": "v1.35.0"}, "version": "v1.36.0"})
    assert plan(spec(), Running(both).seen(), chart()).kinds == ("prove",)


@pytest.mark.parametrize("count", ["3", 1.0, True, 0])
def test_g59_a_count_that_is_no_whole_number_above_zero(count: Any) -> None:
    raw = plane("statefulSet", "highAvailability", "replicas", value=count)
    assert refusing(plan(spec(values=raw), NOTHING, chart())) == {"G59"}


def test_g12_only_the_workload_that_has_the_field_keeps_it() -> None:
    """A Deployment has no volume claim templates, so nothing of it is immutable."""
    running = installed(spec(store=DEPLOYED, replicas=3), replicas=3, members=3, kind="Deployment")
    plane_size = plane("statefulSet", "persistence", "volumeClaim", "size", value="9Gi")
    asked = spec(store=DEPLOYED, replicas=3, values=plane_size)
    assert plan(asked, running.seen(), chart()).kinds == ("values",)
    other = spec(store={**DEPLOYED, "storage_class": "fast"}, replicas=3)
    assert refusing(plan(other, running.seen(), chart())) == {"G12"}


def test_an_ingress_needs_a_host_name() -> None:
    asked = spec(expose={"type": "ingress"})
    assert refusing(plan(asked, NOTHING, chart())) == {"spec"}


def test_g35_the_exposed_address_stays_among_the_names_of_the_certificate() -> None:
    asked = spec(expose={"type": "load_balancer", "address": "tenant.example.net:8443"})
    found = plan(asked, NOTHING, chart())
    assert (
        "tenant.example.net" in (found.steps[0].values or {})["controlPlane"]["proxy"]["extraSANs"]
    )


@pytest.mark.parametrize(
    "raw",
    [
        plane("standalone", "enabled", value=True),
        plane("service", "enabled", value=False),
        plane("service", "enabled", value="false"),
    ],
)
def test_modes_without_a_control_plane_or_its_service_are_out_of_scope(raw: dict[str, Any]) -> None:
    (finding,) = plan(spec(values=raw), NOTHING, chart()).refusals
    assert "does not cover it" in finding.why
