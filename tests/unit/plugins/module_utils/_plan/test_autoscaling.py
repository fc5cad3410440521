# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Autoscalers in a plan: their objects, and the count of replicas that they hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper import DEPLOYED, NOTHING, chart, installed, plane, refusing, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Applied,
    Autoscaler,
    Observation,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import (
    Plan,
    Scaler,
    View,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import (
    Decision,
    Spec,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.autoscaling import objects
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.digest import applied_digest
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan

ALL = frozenset({"metrics.k8s.io", "custom.metrics.k8s.io", "autoscaling.k8s.io"})
ENOUGH = {"requests": {"cpu": "1", "memory": "2Gi"}}
FLOOR, MOST = 2, 5


def asking(replicas: int = FLOOR, **more: Any) -> Spec:
    """An etcd vCluster with an autoscaler, unless `autoscaling` says otherwise."""
    options = {"store": DEPLOYED, "resources": ENOUGH, "autoscaling": {"max": MOST}, **more}
    return spec(replicas=replicas, **options)


def running(asked: Spec, live: int, scaler: Autoscaler | None = None, **more: Any) -> Observation:
    """What runs after the install that was asked for, with so many replicas by now."""
    alone = replace(asked, autoscaling=None, vertical_autoscaling=None)
    seen = installed(alone, members=3, replicas=asked.replicas or 1, kind="Deployment").seen()
    first, *others = seen.workloads
    scaled = replace(first, replicas=live, ready=live, updated=live, total=live)
    found = (scaler,) if scaler else ()
    return replace(seen, workloads=(scaled, *others), autoscalers=found, api_groups=ALL, **more)


def ours(asked: Spec, number: int = 0) -> Autoscaler:
    """The autoscaler as an earlier run made it."""
    item = objects(asked, Workload("control_plane", "Deployment", "tenant-a", 1))[number]
    return Autoscaler(item["kind"], item["metadata"]["name"], True, item["spec"])


def theirs(least: int = 2, most: int = 6) -> Autoscaler:
    body = {"minReplicas": least, "maxReplicas": most}
    return Autoscaler("HorizontalPodAutoscaler", "by-hand", False, body)


def counts(found: Plan) -> list[int | None]:
    """The replicas that each step's values ask for."""
    return [
        step.values["controlPlane"]["statefulSet"]["highAvailability"]["replicas"]
        if step.values
        else None
        for step in found.steps
    ]


def test_an_install_brings_the_floor_and_then_the_autoscaler() -> None:
    found = plan(asking(), replace(NOTHING, api_groups=ALL), chart())
    assert found.kinds == ("install", "autoscaling")
    assert counts(found) == [FLOOR, None]


def test_g10_one_replica_grows_before_the_autoscaler_comes() -> None:
    seen = running(asking(1, autoscaling=None), 1)
    found = plan(asking(), seen, chart())
    assert found.kinds == ("scale_out", "autoscaling")
    assert counts(found) == [FLOOR, None]


def test_what_is_there_already_within_the_bounds_stays() -> None:
    found = plan(asking(), running(asking(3, autoscaling=None), 3), chart())
    assert found.kinds == ("autoscaling",)


@given(live=st.integers(FLOOR, MOST))
def test_g10_a_count_within_the_bounds_is_no_drift(live: int) -> None:
    asked = asking()
    seen = running(asked, live, ours(asked))
    assert plan(asked, seen, chart()).kinds == ("prove",)
    assert applied_digest(asked, seen) == applied_digest(asked, running(asked, FLOOR, ours(asked)))


@pytest.mark.parametrize("live", [0, 1])
def test_g10_a_count_that_no_autoscaler_makes_comes_back(live: int) -> None:
    """At 0 it is off, and at 1 there is no election."""
    asked = asking()
    seen = running(asked, live, ours(asked))
    found = plan(asked, seen, chart())
    assert found.kinds == ("values",)
    assert counts(found) == [FLOOR]
    assert applied_digest(asked, seen) != applied_digest(asked, running(asked, FLOOR, ours(asked)))


def test_g10_a_count_past_the_bounds_is_the_autoscalers_own_to_bring_back() -> None:
    asked = asking()
    assert plan(asked, running(asked, 9, ours(asked)), chart()).kinds == ("prove",)


def test_g10_one_that_was_deleted_by_hand_comes_again_and_its_count_stays() -> None:
    asked = asking(values={"telemetry": {"enabled": False}})
    found = plan(asked, running(asking(), 4), chart())
    assert found.kinds == ("values", "autoscaling")
    assert counts(found) == [4, None]


@given(live=st.integers(FLOOR, MOST))
def test_g64_with_another_count_it_is_the_same_plan(live: int) -> None:
    asked = asking(values={"telemetry": {"enabled": False}})
    found = plan(asked, running(asking(), live, ours(asking())), chart())
    other = plan(asked, running(asking(), FLOOR, ours(asking())), chart())
    assert found.digest == other.digest


@given(live=st.integers(FLOOR, MOST))
def test_g64_an_upgrade_keeps_the_count_of_that_moment(live: int) -> None:
    asked = asking(values={"telemetry": {"enabled": False}}, kubernetes_version="1.36.3")
    found = plan(asked, running(asking(), live, ours(asking())), chart())
    assert found.kinds == ("prove", "kubernetes_hop", "values")
    assert counts(found) == [None, live, live]


def test_members_grow_beside_the_count_of_that_moment() -> None:
    asked = asking(store={**DEPLOYED, "members": 5})
    found = plan(asked, running(asking(), 4, ours(asked)), chart(), View.SIZE)
    assert found.kinds == ("scale_out", "scale_out")
    assert counts(found) == [4, 4]


@pytest.mark.parametrize(("least", "most"), [(2, 3), (4, 5)])
def test_other_bounds_are_the_autoscalers_own_to_keep(least: int, most: int) -> None:
    asked = asking(least, autoscaling={"max": most})
    found = plan(asked, running(asking(), 2 if least > 2 else 5, ours(asking())), chart())
    assert found.kinds == ("autoscaling",)
    (change,) = found.steps[0].changes
    name = "minReplicas" if least > 2 else "maxReplicas"
    assert change.path == f"HorizontalPodAutoscaler tenant-a: {name}"


def test_one_that_gets_no_numbers_is_waited_for_again() -> None:
    asked = asking()
    broken = replace(ours(asked), trouble="FailedGetResourceMetric: no metrics")
    assert plan(asked, running(asked, 3, broken), chart()).kinds == ("autoscaling",)
    seen = running(asked, 3, broken)
    assert seen.release
    done = replace(seen.release, applied=Applied("a" * 20, seen.release.revision))
    assert plan(asked, replace(seen, release=done), chart()).kinds == ("prove",)


def test_one_kind_for_another_touches_each_in_its_own_step() -> None:
    vertical = asking(1, autoscaling=None, vertical_autoscaling={})
    found = plan(asking(), running(vertical, 1, ours(vertical)), chart())
    said = [(step.kind.value, step.scaler) for step in found.steps]
    assert said == [
        ("autoscaling", Scaler("VerticalPodAutoscaler", "tenant-a", goes=True)),
        ("scale_out", None),
        ("autoscaling", Scaler("HorizontalPodAutoscaler", "tenant-a")),
    ]
    assert all(step.version for step in found.steps)


def test_gone_from_the_inventory_it_goes_first_and_the_replicas_after_it() -> None:
    asked = asking(autoscaling=None)
    found = plan(asked, running(asking(), 4, ours(asking())), chart())
    assert found.kinds == ("autoscaling", "scale_in")
    assert counts(found) == [None, FLOOR]
    assert found.steps[0].changes[0].why == "removed"


def test_what_the_api_server_filled_in_or_wrote_otherwise_is_no_difference() -> None:
    metric = {
        "type": "Pods",
        "pods": {"metric": {"name": "requests"}, "target": {"type": "AverageValue", "averageValue": "0.5"}},
    }  # fmt: skip
    asked = asking(autoscaling={"max": MOST, "metrics": [metric]})
    made = ours(asked)
    body = {**made.spec, "behavior": {**made.spec["behavior"], "scaleUp": {"policies": []}}}
    live = {"type": "Pods", "pods": {**metric["pods"], "target": {"type": "AverageValue", "averageValue": "500m"}}}  # type: ignore[dict-item]  # fmt: skip
    body["metrics"] = [made.spec["metrics"][0], live]
    seen = running(asked, 2, replace(made, spec=body))
    assert plan(asked, seen, chart()).kinds == ("prove",)


def test_g10_somebody_elses_autoscaler_is_left_alone_and_in_charge() -> None:
    asked = asking(3, autoscaling=None)
    seen = running(asked, 5, theirs())
    assert plan(asked, seen, chart()).kinds == ("prove",)
    # Gone from the inventory means one replica, which it may not have.
    assert refusing(plan(replace(asked, replicas=None), seen, chart())) == {"G10"}


@pytest.mark.parametrize("both", [True, False])
def test_g10_somebody_elses_is_in_charge_of_raw_values_too(both: bool) -> None:
    raw = plane("statefulSet", "highAvailability", "replicas", value=3)
    asked = spec(store=DEPLOYED, resources=ENOUGH, values=raw, **({"replicas": 3} if both else {}))
    assert plan(asked, running(replace(asked, replicas=3), 5, theirs()), chart()).kinds == (
        "prove",
    )


def test_g10_somebody_elses_autoscaler_on_one_replica_is_refused() -> None:
    before = asking(1, autoscaling=None)
    assert refusing(plan(before, running(before, 3, theirs()), chart())) == {"G10"}
    out = plan(asking(2, autoscaling=None), running(before, 1, theirs()), chart())
    assert out.kinds == ("scale_out",)


def test_g10_two_autoscalers_are_refused() -> None:
    found = plan(asking(), running(asking(), 3, theirs()), chart())
    assert refusing(found) == {"G10"}
    assert "by-hand" in found.refusals[0].what


@pytest.mark.parametrize("store", [{"type": "sqlite"}])
def test_g10_replicas_that_hold_the_data_do_not_come_and_go(store: dict[str, str]) -> None:
    found = plan(asking(store=store), replace(NOTHING, api_groups=ALL), chart())
    assert refusing(found) == {"G01", "G10"}


def test_g10_embedded_etcd_has_no_autoscaler() -> None:
    embedded = {"controlPlane": {"backingStore": {"etcd": {"embedded": {"enabled": True}}}}}
    found = plan(asking(store=None, values=embedded), replace(NOTHING, api_groups=ALL), chart())
    assert "G10" in refusing(found)


def test_g10_metrics_that_are_away_hold_nothing_up_where_the_autoscaler_is_there() -> None:
    asked = asking(values={"telemetry": {"enabled": False}})
    seen = replace(running(asking(), 3, ours(asking())), api_groups=frozenset())
    found = plan(asked, seen, chart())
    assert found.kinds == ("values",)
    assert [f.guard for f in found.findings if f.severity == "warn"] == ["G10"]


def test_g10_a_host_cluster_without_the_metrics_is_refused() -> None:
    found = plan(asking(), NOTHING, chart())
    assert refusing(found) == {"G10"}
    assert "metrics.k8s.io" in found.refusals[0].what
    assert "metrics-server" in found.refusals[0].way_out


@pytest.mark.parametrize(
    "resources", [None, {"requests": {"cpu": "200m"}}, {"requests": {"cpu": "0.2"}}, {"limits": {"cpu": "2"}}]
)  # fmt: skip
def test_g10_a_percentage_of_the_charts_own_request_is_refused(resources: Any) -> None:
    found = plan(asking(resources=resources), replace(NOTHING, api_groups=ALL), chart())
    assert refusing(found) == {"G10"}


def test_a_vertical_one_never_ends_the_only_replica_without_consent() -> None:
    for consent, least in ((False, 2), (True, 1)):
        options = {"mode": "Recreate", "evict_single_replica": consent, "max": {"cpu": 8}}
        asked = asking(1, autoscaling=None, vertical_autoscaling=options)
        found = plan(asked, running(asked, 1), chart())
        assert found.kinds == ("autoscaling",)
        body = ours(asked).spec
        assert body["updatePolicy"] == {"updateMode": "Recreate", "minReplicas": least}
        (policy,) = body["resourcePolicy"]["containerPolicies"]
        assert policy["minAllowed"] == {"cpu": "2", "memory": "4Gi"}
        assert policy["maxAllowed"] == {"cpu": "8"}
        assert plan(asked, running(asked, 1, ours(asked)), chart()).kinds == ("prove",)


def test_a_vertical_one_needs_its_api() -> None:
    asked = asking(1, autoscaling=None, vertical_autoscaling={})
    found = plan(asked, replace(running(asked, 1), api_groups=frozenset()), chart())
    assert refusing(found) == {"G10"}
    assert "autoscaling.k8s.io" in found.refusals[0].what


BY_LOAD = {"max": MOST, "by": "load"}


@pytest.mark.parametrize("least", [1, 2])
def test_by_load_there_is_no_object_and_the_count_within_the_bounds_stays(least: int) -> None:
    asked = asking(least, autoscaling=BY_LOAD)
    seen = replace(running(asked, least), api_groups=frozenset())
    assert plan(asked, seen, chart()).kinds == ("prove",)
    grown = running(asking(3, autoscaling=None), 3)
    assert plan(asked, grown, chart()).kinds == ("prove",)


def test_by_load_a_decision_is_a_step_with_its_numbers() -> None:
    asked = asking(autoscaling=BY_LOAD)
    decided = replace(
        asked, decision=Decision(3, "150 requests/s for each replica, above 100", 2, 0)
    )
    found = plan(decided, running(asked, 2), chart())
    assert [step.reason for step in found.steps] == [
        "replicas 2 -> 3: 150 requests/s for each replica, above 100"
    ]
    assert counts(found) == [3]
    later = replace(
        decided, decision=Decision(3, "141 requests/s for each replica, above 100", 2, 60)
    )
    assert plan(later, running(asked, 2), chart()).digest == found.digest
    assert applied_digest(decided, running(asked, 2)) == applied_digest(asked, running(asked, 2))


@pytest.mark.parametrize("decision", [None, Decision(MOST, f"max is {MOST}", 7, 0)])
def test_by_load_a_count_past_the_bounds_comes_back_in_one_step_whatever_runs(
    decision: Decision | None,
) -> None:
    asked = replace(asking(autoscaling=BY_LOAD), decision=decision)
    found = plan(asked, running(asking(7, autoscaling=None), 7), chart())
    assert (found.kinds, counts(found)) == (("scale_in",), [MOST])


@pytest.mark.parametrize("said", [2, 3, MOST])
def test_by_load_a_decision_goes_by_the_count_that_somebody_made_past_helm(said: int) -> None:
    decision = Decision(MOST, f"max is {MOST}", 7, 0)
    asked = replace(asking(autoscaling=BY_LOAD), decision=decision)
    seen = running(asking(said, autoscaling=None), 7)
    (step,) = plan(asked, seen, chart(), View.REPLICAS).steps
    assert (step.kind.value, step.reason) == ("scale_in", f"replicas 7 -> {MOST}: max is {MOST}")


def test_from_one_way_to_the_other_the_object_comes_and_goes() -> None:
    by_load = asking(autoscaling=BY_LOAD)
    assert plan(asking(), running(by_load, 3), chart()).kinds == ("autoscaling",)
    found = plan(by_load, running(asking(), 3, ours(asking())), chart())
    assert found.kinds == ("autoscaling",)
    assert found.steps[0].scaler == Scaler("HorizontalPodAutoscaler", "tenant-a", goes=True)
