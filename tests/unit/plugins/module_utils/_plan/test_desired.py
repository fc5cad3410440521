# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked for: variables, raw values, what is laid in, and what stays as it runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from paper import DEPLOYED, NOTHING, Running, chart, installed, plane, refusing, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Observation
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Plan
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.desired import (
    BUDGET,
    MEMORY_REQUEST,
    desired_values,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import (
    ABSENT,
    leaves,
    read,
)


def test_g03_a_store_that_is_not_named_stays() -> None:
    running = installed(spec(store=DEPLOYED, replicas=3), replicas=3, members=3)
    found = plan(spec(replicas=3), running.seen(), chart())
    assert found.kinds == ("prove",)


def test_g17_names_of_the_wrong_type_are_not_replaced_without_a_word() -> None:
    asked = spec(values=plane("proxy", "extraSANs", value="tenant.example.net"))
    schema = {"properties": {"controlPlane": {"properties": {"proxy": {"$ref": "#/$defs/proxy"}}}}}
    names = {"properties": {"extraSANs": {"type": "array"}}}
    strict = replace(chart(), schema={**schema, "$defs": {"proxy": names}})
    assert refusing(plan(asked, NOTHING, strict)) == {"G17"}


def test_g19_a_pin_that_a_hop_made_is_kept() -> None:
    pin = plane("distro", "k8s", "image", "tag", value="v1.35.4")
    found = plan(spec(), Running(pin, kubernetes="1.35.4").seen(), chart())
    assert found.kinds == ("prove",)


def test_g35_service_names_are_laid_in_at_an_install() -> None:
    step = plan(spec(), NOTHING, chart()).steps[0]
    names = (step.values or {})["controlPlane"]["proxy"]["extraSANs"]
    assert names == [
        "tenant-a.vcluster-tenant-a.svc",
        "tenant-a.vcluster-tenant-a.svc.cluster.local",
    ]


def test_g41_g42_spread_and_budget_are_laid_in_and_can_be_turned_off() -> None:
    laid_in = (plan(spec(), NOTHING, chart()).steps[0].values or {})["controlPlane"]
    assert laid_in["statefulSet"]["scheduling"]["topologySpreadConstraints"]
    assert laid_in["advanced"]["podDisruptionBudget"] == {"enabled": True, "maxUnavailable": 1}
    names = ("topology_spread", "disruption_budgets", "service_names", "resources")
    bare = plan(spec(defaults=dict.fromkeys(names, False)), NOTHING, chart()).steps[0]
    assert not bare.values


def asked_for(observation: Observation = NOTHING, **arguments: Any) -> dict[str, Any]:
    """The values asked for, by dotted path."""
    desired = desired_values(spec(**arguments), observation)
    assert not desired.contradictions
    return {".".join(path): value for path, value in leaves(desired.values)}


BARE = dict.fromkeys(("topology_spread", "disruption_budgets", "service_names", "resources"), False)
PLANE = "controlPlane."


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, {}),
        ({"replicas": 3}, {"statefulSet.highAvailability.replicas": 3}),
        ({"kubernetes_version": "1.36.0"}, {"distro.k8s.image.tag": "v1.36.0"}),
        ({"image_registry": "r.example.net"}, {"advanced.defaultImageRegistry": "r.example.net"}),
        (
            {"pull_secrets": ["one", "two"]},
            {
                "advanced.serviceAccount.imagePullSecrets": [{"name": "one"}, {"name": "two"}],
                "advanced.workloadServiceAccount.imagePullSecrets": [
                    {"name": "one"},
                    {"name": "two"},
                ],
            },
        ),
        (
            {"resources": {"limits": {"memory": "1Gi"}}},
            {"statefulSet.resources.limits.memory": "1Gi"},
        ),
        ({"expose": {"type": "cluster"}}, {"service.spec.type": "ClusterIP"}),
        (
            {"expose": {"type": "node_port", "node_port": 31000}},
            {"service.spec.type": "NodePort", "service.httpsNodePort": 31000},
        ),
        (
            {"expose": {"type": "load_balancer", "annotations": {"a.b/c": "x"}}},
            {"service.spec.type": "LoadBalancer", "service.annotations.a.b/c": "x"},
        ),
    ],
)
def test_a_variable_stands_for_values_of_the_chart(
    arguments: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = asked_for(defaults=BARE, **arguments)
    assert found == {PLANE + path: value for path, value in expected.items()}


def test_an_exposed_address_is_in_the_kubeconfig_and_among_the_certificates_names() -> None:
    expose = {
        "type": "ingress",
        "address": "t.example.net:8443",
        "ingress_class": "nginx",
        "annotations": {"a": "b"},
    }
    assert asked_for(defaults=BARE, expose=expose) == {
        "controlPlane.ingress.annotations.a": "b",
        "controlPlane.ingress.enabled": True,
        "controlPlane.ingress.host": "t.example.net",
        "controlPlane.ingress.spec.ingressClassName": "nginx",
        "controlPlane.proxy.extraSANs": ["t.example.net"],
        "exportKubeConfig.server": "https://t.example.net:8443",
    }


@pytest.mark.parametrize("address", ["[fd00::1]", "[fd00::1]:443"])
def test_g35_an_exposed_ipv6_address_is_a_name_without_brackets(address: str) -> None:
    asked = {"defaults": BARE, "expose": {"type": "load_balancer", "address": address}}
    found = asked_for(**asked)
    assert found["controlPlane.proxy.extraSANs"] == ["fd00::1"]
    assert found["exportKubeConfig.server"] == f"https://{address}"
    assert not plan(spec(**asked), NOTHING, chart()).refusals


def test_names_of_the_raw_values_come_first_and_stand_once() -> None:
    own = ["tenant.example.net", "tenant-a.vcluster-tenant-a.svc"]
    raw = plane("proxy", "extraSANs", value=own)
    assert asked_for(values=raw)["controlPlane.proxy.extraSANs"] == [
        *own,
        "tenant-a.vcluster-tenant-a.svc.cluster.local",
    ]


@pytest.mark.parametrize(
    ("arguments", "raw"),
    [
        ({"replicas": 1}, plane("statefulSet", "highAvailability", "replicas", value=2)),
        ({"kubernetes_version": "1.36.0"}, plane("distro", "k8s", "image", "tag", value="v1.35.0")),
        ({"kubernetes_version": "1.36.0"}, plane("distro", "k8s", "version", value="v1.35.0")),
        (
            {"store": DEPLOYED},
            plane("backingStore", "etcd", "deploy", "enabled", value=False),
        ),
        ({"expose": {"type": "cluster"}}, plane("service", "spec", "type", value="NodePort")),
    ],
)
def test_a_variable_and_a_raw_value_that_say_the_opposite_contradict(
    arguments: dict[str, Any], raw: dict[str, Any]
) -> None:
    (finding,) = desired_values(spec(values=raw, **arguments), NOTHING).contradictions
    assert "contradict each other" in finding.what
    assert f"vcluster_{next(iter(arguments))}" in finding.what


@pytest.mark.parametrize("wrong", ["text", 1, [1], {"$secret": {"name": "a", "key": "b"}}])
def test_g17_a_raw_value_in_the_place_of_a_section_is_named(wrong: Any) -> None:
    raw = plane("statefulSet", value=wrong)
    found = desired_values(spec(values=raw), NOTHING).contradictions
    assert {finding.guard for finding in found} == {"G17"}
    assert any("/controlPlane/statefulSet is not a mapping" in finding.what for finding in found)


def test_a_raw_value_replaces_what_is_laid_in() -> None:
    raw = plane("advanced", "podDisruptionBudget", value={"maxUnavailable": 2})
    raw["controlPlane"]["statefulSet"] = {"resources": {"requests": {"memory": "4Gi"}}}
    desired = desired_values(spec(values=raw), NOTHING)
    found = dict(leaves(desired.values))
    assert found[(*BUDGET, "maxUnavailable")] == 2
    assert found[MEMORY_REQUEST] == "4Gi"
    assert not {(*BUDGET, "maxUnavailable"), MEMORY_REQUEST} & desired.defaults
    assert (*BUDGET, "enabled") in desired.defaults


def test_g52_nothing_is_laid_into_what_was_adopted_unless_it_is_asked_for() -> None:
    adopted = Running({"telemetry": {"enabled": False}}).seen()
    assert asked_for(adopted) == {}
    on = asked_for(adopted, defaults=dict.fromkeys(BARE, True))
    assert on == asked_for(NOTHING)
    laid_in = Running(desired_values(spec(), NOTHING).values).seen()
    assert asked_for(laid_in) == on


def test_g03_g19_store_and_kubernetes_stay_as_they_run_until_they_are_named() -> None:
    live = plane("distro", "k8s", "image", "tag", value="v1.35.4")
    live["controlPlane"]["backingStore"] = {"etcd": {"deploy": {"enabled": True}}}
    kept = asked_for(Running(live).seen())
    assert kept == {
        "controlPlane.backingStore.etcd.deploy.enabled": True,
        "controlPlane.distro.k8s.image.tag": "v1.35.4",
    }
    named = asked_for(
        Running(live).seen(), kubernetes_version="1.36.0", store={"type": "sqlite", "size": "5Gi"}
    )
    assert "controlPlane.backingStore.etcd.deploy.enabled" not in named
    assert named["controlPlane.distro.k8s.image.tag"] == "v1.36.0"


def test_g42_a_budget_of_ones_own_gets_no_second_limit() -> None:
    own = plane("advanced", "podDisruptionBudget", value={"minAvailable": 1})
    budget = {"enabled": True, "minAvailable": 1}
    for more in ({}, {"defaults": {"disruption_budgets": True}}):
        step = plan(spec(values=own, **more), NOTHING, chart()).steps[0]
        assert (step.values or {})["controlPlane"]["advanced"]["podDisruptionBudget"] == budget
    theirs = plane("advanced", "podDisruptionBudget", value=budget)
    on = spec(defaults={"disruption_budgets": True})
    assert not plan(on, Running(theirs, proved=False).seen(), chart()).refusals


def test_g42_a_budget_that_is_no_longer_ones_own_gets_the_default_again() -> None:
    own = spec(values=plane("advanced", "podDisruptionBudget", value={"minAvailable": 1}))
    (step,) = plan(
        spec(defaults={"disruption_budgets": True}), installed(own).seen(), chart()
    ).steps
    budget = (step.values or {})["controlPlane"]["advanced"]["podDisruptionBudget"]
    assert budget == {"enabled": True, "maxUnavailable": 1}


@pytest.mark.parametrize(
    ("limit", "laid_in"),
    [("256Mi", "256Mi"), ("512Mi", "512Mi"), ("1Gi", "512Mi"), ("much", "512Mi"), (1000, 1000)],
)
def test_the_memory_laid_in_is_never_above_the_limit(limit: Any, laid_in: Any) -> None:
    asked = {"resources": {"limits": {"memory": limit}}}
    first = asked_for(**asked)
    assert first[".".join(MEMORY_REQUEST)] == laid_in
    running = installed(spec(**asked)).seen()
    assert asked_for(running, **asked) == first
    other = asked_for(running, resources={"limits": {"memory": "128Mi"}})
    assert other[".".join(MEMORY_REQUEST)] == "128Mi"


def test_the_memory_laid_in_is_not_above_a_limit_that_stays() -> None:
    theirs = plane("statefulSet", "resources", "limits", "memory", value="300Mi")
    found = asked_for(Running(theirs, proved=False).seen(), defaults={"resources": True})
    assert found[".".join(MEMORY_REQUEST)] == "300Mi"


def spread_and_budget(found: Plan) -> list[tuple[str, str]]:
    """The changes of a plan that spread replicas or protect them, with their reason."""
    words = ("topologySpreadConstraints", "podDisruptionBudget")
    changes = found.steps[0].changes
    return [
        (c.path.rsplit("/", 1)[-1], c.why) for c in changes if any(word in c.path for word in words)
    ]


def test_g41_g42_several_out_of_one_are_spread_and_protected_like_new_ones() -> None:
    adopted = Running(plane("backingStore", value=STORE), members=1, kind="Deployment")
    for proved in (True, False):
        seen = replace(adopted, proved=proved).seen()
        found = plan(spec(replicas=3), seen, chart())
        assert spread_and_budget(found) == [
            ("enabled", "default"),
            ("maxUnavailable", "default"),
            ("topologySpreadConstraints", "default"),
        ]
        grown = replace(adopted, values=found.steps[0].values or {}, replicas=3).seen()
        # Carried out and not proved, then proved: nothing more to do.
        cut_off = replace(grown, base=seen.base)
        for now in (grown, cut_off):
            assert plan(spec(replicas=3), now, chart()).kinds == ("prove",)


STORE = {"etcd": {"deploy": {"enabled": True}}}
OWN = [{"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule"}]


@pytest.mark.parametrize(
    ("live", "asked"),
    [
        ({}, {"defaults": {"topology_spread": False, "disruption_budgets": False}}),
        (
            {
                "statefulSet": {"scheduling": {"topologySpreadConstraints": OWN}},
                "advanced": {"podDisruptionBudget": {"enabled": False}},
            },
            {},
        ),
        ({"statefulSet": {"highAvailability": {"replicas": 2}}}, {}),
    ],
)
def test_g41_g42_several_out_of_one_keep_what_somebody_chose(
    live: dict[str, Any], asked: dict[str, Any]
) -> None:
    values = {"controlPlane": {"backingStore": STORE, **live}}
    seen = Running(values, members=3, kind="Deployment", proved=False).seen()
    assert spread_and_budget(plan(spec(replicas=3, **asked), seen, chart())) == []


def test_g41_g42_raw_values_replace_what_is_laid_into_several_out_of_one() -> None:
    one = Running(plane("backingStore", value=STORE), members=3, kind="Deployment").seen()
    raw = {
        "advanced": {"podDisruptionBudget": {"enabled": True, "minAvailable": "50%"}},
        "statefulSet": {"scheduling": {"topologySpreadConstraints": OWN}},
    }
    found = plan(spec(replicas=3, values={"controlPlane": raw}), one, chart())
    assert {why for _path, why in spread_and_budget(found)} == {"asked"}
    assert "maxUnavailable" not in dict(spread_and_budget(found))


@pytest.mark.parametrize(("version", "known"), [("0.30.5", False), ("0.31.0", True)])
def test_g42_no_budget_is_laid_in_where_the_chart_has_none(version: str, known: bool) -> None:
    one = Running(plane("backingStore", value=STORE), version, kubernetes="1.34.0", members=3)
    for found, asked in ((NOTHING, {}), (one.seen(), {"replicas": 3})):
        values = desired_values(spec(version=version, **asked), found).values
        assert (read(values, BUDGET) is not ABSENT) is known
    unsaid = spec_from({"name": "tenant-a", "replicas": 3})
    assert (read(desired_values(unsaid, one.seen()).values, BUDGET) is not ABSENT) is known
