# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guards, each by its id: what is refused, what is warned about, and what is let through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from paper import NOTHING, Running, by_hand, chart, installed, refusing, spec, warning

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Refused
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Claim,
    Release,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.digest import applied_digest
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan

DEPLOYED = {"type": "etcd_deployed", "members": 3}
EXTERNAL = {"type": "etcd_external", "endpoint": "etcd.example.net:2379", "tls": {"secret": "etcd"}}
TLS = {"secrets": {"etcd": ("ca.crt", "tls.crt", "tls.key")}}


def values(*path: str, value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    return value


def plane(*path: str, value: Any) -> dict[str, Any]:
    return values("controlPlane", *path, value=value)


def test_g01_sqlite_takes_one_replica() -> None:
    assert refusing(plan(spec(replicas=2), NOTHING, chart())) == {"G01"}
    assert not refusing(plan(spec(replicas=1), NOTHING, chart()))
    assert not refusing(plan(spec(replicas=3, store=DEPLOYED), NOTHING, chart()))


def test_g01_replicas_in_raw_values_count_too() -> None:
    asked = spec(values=plane("statefulSet", "highAvailability", "replicas", value=3))
    assert refusing(plan(asked, NOTHING, chart())) == {"G01"}


def test_g02_a_store_without_a_volume_needs_consent() -> None:
    without = {"type": "sqlite", "persistence": False}
    assert refusing(plan(spec(store=without), NOTHING, chart())) == {"G02"}
    lifted = plan(spec(store=without, allow=["G02"]), NOTHING, chart())
    assert "G02" in warning(lifted)
    assert lifted.steps


def test_g03_a_store_is_not_switched_by_values() -> None:
    running = installed(spec()).seen()
    assert "G03" in refusing(plan(spec(store=DEPLOYED), running, chart()))


def test_g03_another_external_etcd_is_another_store() -> None:
    running = installed_external()
    moved = {**EXTERNAL, "endpoint": "other.example.net:2379"}
    assert refusing(plan(spec(store=moved, replicas=2), running.seen(**TLS), chart())) == {"G03"}
    assert not refusing(plan(spec(store=EXTERNAL, replicas=2), running.seen(**TLS), chart()))


def installed_external() -> Running:
    first = plan(spec(store=EXTERNAL, replicas=2), Running().seen(**TLS, **VANISHED), chart())
    return Running(first.steps[0].values or {}, replicas=2, kind="Deployment")


VANISHED: dict[str, Any] = {"release": None, "base": None, "last_good": None, "workloads": ()}


def test_g03_a_store_that_is_not_named_stays() -> None:
    running = installed(spec(store=DEPLOYED, replicas=3), replicas=3, members=3)
    found = plan(spec(replicas=3), running.seen(), chart())
    assert found.kinds == ("prove",)


@pytest.mark.parametrize("enabled", ["auto", True, False])
def test_g04_two_stores_at_once(enabled: Any) -> None:
    both = {"etcd": {"deploy": {"enabled": True}, "external": {"enabled": True, "endpoint": "e:1"}}}
    raw = plane("backingStore", value=both)
    raw["controlPlane"]["statefulSet"] = {"persistence": {"volumeClaim": {"enabled": enabled}}}
    assert "G04" in refusing(plan(spec(values=raw), NOTHING, chart()))


def test_g05_members_are_not_added_by_values() -> None:
    one = installed(spec(store={"type": "etcd_deployed", "members": 1}), members=1)
    assert "G05" in refusing(plan(spec(store=DEPLOYED), one.seen(), chart()))


def test_g06_members_are_not_removed_by_values() -> None:
    three = installed(spec(store=DEPLOYED), members=3)
    fewer = {"type": "etcd_deployed", "members": 1}
    assert "G06" in refusing(plan(spec(store=fewer), three.seen(), chart()))


@pytest.mark.parametrize(("members", "refused"), [(1, False), (2, True), (3, False), (4, True)])
def test_g07_even_member_counts(members: int, refused: bool) -> None:
    asked = {"type": "etcd_deployed", "members": members}
    assert ("G07" in refusing(plan(spec(store=asked), NOTHING, chart()))) is refused
    assert not refusing(plan(spec(store=asked, allow=["G07"]), NOTHING, chart()))


@pytest.mark.parametrize(
    ("changes", "path", "before"),
    [
        ({"replicas": 5}, "Deployment tenant-a: replicas", 5),
        ({"config_hash": "h"}, "Deployment tenant-a: config hash", "h"),
        ({"images": {"syncer": "mine"}}, "Deployment tenant-a: image of syncer", "mine"),
    ],
)
def test_g09_what_was_changed_past_helm_is_put_back(
    changes: dict[str, Any], path: str, before: Any
) -> None:
    asked = spec(store=DEPLOYED, replicas=3)
    running = installed(asked, replicas=3, members=3, kind="Deployment")
    found = plan(asked, by_hand(running.seen(), **changes), chart())
    assert found.kinds == ("values",)
    assert (path, before, "drift") in [(c.path, c.before, c.why) for c in found.steps[0].changes]


def test_g09_a_workload_that_somebody_deleted_is_put_back() -> None:
    asked = spec(store=DEPLOYED, replicas=3)
    found = installed(asked, replicas=3, members=3, kind="Deployment").seen()
    step = plan(asked, replace(found, workloads=found.workloads[:1]), chart()).steps[0]
    assert [c.path for c in step.changes] == ["StatefulSet tenant-a-etcd"]


def test_g37_annotations_that_others_write_are_no_drift() -> None:
    asked = spec(store=DEPLOYED, replicas=3)
    running = installed(asked, replicas=3, members=3, kind="Deployment").seen()
    written = by_hand(running, annotations={"loft.sh/cert-rotated": "now"}, generation=9)
    assert plan(asked, written, chart()).kinds == ("prove",)
    assert applied_digest(asked, written) == applied_digest(asked, running)


def test_g11_every_change_names_the_pods_that_restart() -> None:
    changed = spec(values={"telemetry": {"enabled": False}})
    one = plan(changed, installed(spec()).seen(), chart()).steps[0]
    assert one.disruption.kind == "outage"
    assert "tenant-a" in one.disruption.estimate
    many = installed(spec(store=DEPLOYED, replicas=3), replicas=3, members=3)
    asked = spec(store=DEPLOYED, replicas=3, values={"telemetry": {"enabled": False}})
    assert plan(asked, many.seen(), chart()).steps[0].disruption.kind == "rolling"


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


def test_g14_claims_of_an_earlier_vcluster() -> None:
    left = Running().seen(**VANISHED, claims=(Claim("data-tenant-a-0", "5Gi", None, "Bound"),))
    assert refusing(plan(spec(), left, chart())) == {"G14"}
    assert plan(spec(allow=["G14"]), left, chart()).kinds == ("install",)


def test_g14_claims_of_an_install_that_was_cut_off_are_its_own() -> None:
    """A run was killed after the objects were made and before Helm's record of them (G48)."""
    workloads = (Workload("control_plane", "StatefulSet", "tenant-a", 1),)
    gone = {**VANISHED, "workloads": workloads}
    seen = Running().seen(**gone, claims=(Claim("data-tenant-a-0", "5Gi", None, "Bound"),))
    assert plan(spec(), seen, chart()).kinds == ("install",)


@pytest.mark.parametrize(
    ("running", "target", "kinds"),
    [
        ("0.36.1", "0.36.0", "refused"),
        ("0.36.1", "0.35.3", "refused"),
        ("0.34.7", "0.36.1", "refused"),
        ("0.35.3", "0.36.1", "chart_hop"),
        ("0.36.0", "0.36.1", "chart_hop"),
    ],
)
def test_g16_the_chart_goes_up_one_line_at_a_time(running: str, target: str, kinds: str) -> None:
    found = plan(spec(version=target), Running(version=running).seen(), chart(target))
    assert found.kinds == (kinds,)
    assert refusing(found) == ({"G16"} if kinds == "refused" else set())


@pytest.mark.parametrize(
    ("running", "target", "kinds"),
    [
        ("1.36.0", "1.35.4", "refused"),
        ("1.34.4", "1.36.0", "refused"),
        ("1.35.4", "1.36.0", "kubernetes_hop"),
        ("1.36.0", "1.36.3", "kubernetes_hop"),
    ],
)
def test_g16_kubernetes_goes_up_one_minor_at_a_time(running: str, target: str, kinds: str) -> None:
    seen = Running(kubernetes=running).seen()
    assert plan(spec(kubernetes_version=target), seen, chart()).kinds == (kinds,)


def test_an_unknown_line_is_refused() -> None:
    found = plan(spec(version="0.99.0"), NOTHING, chart("0.99.0"))
    assert "0.36" in found.refusals[0].way_out


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        ({"nosuch": {}}, ""),
        ({"nosuch": 1}, "/nosuch"),
        ({"telemetry": {"enable": True}}, "/telemetry/enable"),
        ({"telemetry": {"enabled": "yes"}}, "/telemetry/enabled"),
    ],
)
def test_g17_the_charts_schema_is_asked_first(raw: dict[str, Any], place: str) -> None:
    found = plan(spec(values=raw), NOTHING, chart())
    assert refusing(found) == ({"G17"} if place else set())
    assert place in "".join(finding.what for finding in found.refusals)


def test_g17_a_key_that_went_names_what_to_do() -> None:
    raw = {"sleepMode": {"enabled": True}}
    found = plan(spec(values=raw), NOTHING, chart())
    assert refusing(found) == {"G17"}
    assert "sleep" in found.refusals[0].way_out


def test_g19_a_chart_hop_holds_kubernetes() -> None:
    seen = Running(version="0.35.3", kubernetes="1.35.4").seen()
    held = plan(spec(), seen, chart()).steps
    assert [step.kind for step in held] == ["chart_hop"]
    assert (held[0].values or {})["controlPlane"]["distro"]["k8s"]["image"]["tag"] == "v1.35.4"


def test_g19_kubernetes_moves_as_a_step_of_its_own() -> None:
    seen = Running(version="0.35.3", kubernetes="1.35.4").seen()
    first, second = plan(spec(kubernetes_version="1.36.0"), seen, chart()).steps
    tags = [
        (step.values or {})["controlPlane"]["distro"]["k8s"]["image"]["tag"]
        for step in (first, second)
    ]
    assert (first.kind, second.kind) == ("chart_hop", "kubernetes_hop")
    assert tags == ["v1.35.4", "v1.36.0"]


def test_g19_a_pin_that_a_hop_made_is_kept() -> None:
    pin = plane("distro", "k8s", "image", "tag", value="v1.35.4")
    found = plan(spec(), Running(pin, kubernetes="1.35.4").seen(), chart())
    assert found.kinds == ("prove",)


@pytest.mark.parametrize(("host", "refused"), [((1, 33), False), ((1, 34), True), ((1, 36), True)])
def test_g20_an_old_tenant_on_a_new_host(host: tuple[int, int], refused: bool) -> None:
    seen = Running(host=host).seen(**VANISHED)
    found = plan(spec(kubernetes_version="1.33.4"), seen, chart())
    assert (refusing(found) == {"G20"}) is refused
    runs = Running(kubernetes="1.33.4", host=host).seen()
    found = plan(spec(kubernetes_version="1.33.4"), runs, chart())
    assert not refusing(found)
    assert ("G20" in warning(found)) is refused


@pytest.mark.parametrize("status", ["pending-upgrade", "pending-rollback"])
def test_g23_a_stuck_release_goes_on_from_the_last_good_revision(status: str) -> None:
    stuck = Release(4, status, chart_version="0.36.1", values={"telemetry": {"enabled": False}})
    found = plan(spec(), installed(spec()).seen(release=stuck), chart())
    assert found.kinds == ("repair", "values")
    assert "telemetry" not in (found.steps[1].values or {})


def test_g23_an_install_that_never_ended_is_made_again() -> None:
    stuck = Release(1, "pending-install", chart_version="0.36.1", values={})
    seen = Running().seen(release=stuck, base=None, last_good=None, workloads=())
    assert plan(spec(), seen, chart()).kinds == ("repair", "install")


def test_g23_nothing_is_built_on_an_uninstall() -> None:
    leaving = Release(4, "uninstalling", chart_version="0.36.1", values={})
    assert refusing(plan(spec(), Running().seen(release=leaving), chart())) == {"G23"}


def test_g34_a_paused_vcluster_is_left_alone() -> None:
    assert refusing(plan(spec(), Running().seen(paused="loft.sh/paused"), chart())) == {"G34"}


def test_g35_service_names_are_laid_in_at_an_install() -> None:
    step = plan(spec(), NOTHING, chart()).steps[0]
    names = (step.values or {})["controlPlane"]["proxy"]["extraSANs"]
    assert names == [
        "tenant-a.vcluster-tenant-a.svc",
        "tenant-a.vcluster-tenant-a.svc.cluster.local",
    ]


def test_g38_a_reference_must_lead_somewhere() -> None:
    raw = {"exportKubeConfig": {"server": {"$secret": {"name": "nowhere", "key": "server"}}}}
    assert "G38" in refusing(plan(spec(values=raw), NOTHING, chart()))


def test_g39_one_vcluster_a_namespace() -> None:
    seen = Running().seen(neighbours=("tenant-b",))
    assert refusing(plan(spec(), seen, chart())) == {"G39"}


def test_g39_no_service_named_loft() -> None:
    seen = Running().seen(**VANISHED, services=("loft",))
    assert refusing(plan(spec(), seen, chart())) == {"G39"}


def test_g40_names_that_get_too_long() -> None:
    with pytest.raises(Refused) as refused:
        spec(name="a" * 47)
    assert {finding.guard for finding in refused.value.findings} == {"G40"}


def test_g41_g42_spread_and_budget_are_laid_in_and_can_be_turned_off() -> None:
    laid_in = (plan(spec(), NOTHING, chart()).steps[0].values or {})["controlPlane"]
    assert laid_in["statefulSet"]["scheduling"]["topologySpreadConstraints"]
    assert laid_in["advanced"]["podDisruptionBudget"] == {"enabled": True, "maxUnavailable": 1}
    names = ("topology_spread", "disruption_budgets", "service_names", "resources")
    bare = plan(spec(defaults=dict.fromkeys(names, False)), NOTHING, chart()).steps[0]
    assert not bare.values


def test_g52_adoption_changes_nothing_that_was_not_asked_for() -> None:
    theirs = {"telemetry": {"enabled": False}, "networking": {"podCIDR": "10.0.0.0/16"}}
    found = plan(spec(), Running(theirs, proved=False).seen(), chart())
    assert found.kinds == ("prove",)
    assert found.foreign == ("/networking/podCIDR", "/telemetry/enabled")


def test_g54_never_set_is_never_reset_and_removed_is_removed() -> None:
    asked = spec(values={"telemetry": {"enabled": False}})
    theirs = {**dict(installed(asked).values), "networking": {"podCIDR": "10.0.0.0/16"}}
    base = Release(
        3, "deployed", chart_version="0.36.1", values=theirs, foreign=("/networking/podCIDR",)
    )
    seen = Running(theirs).seen(base=base, release=base, last_good=base)
    step = plan(spec(), seen, chart()).steps[0]
    assert [(change.path, change.why) for change in step.changes] == [
        ("/telemetry/enabled", "removed")
    ]
    assert (step.values or {})["networking"] == {"podCIDR": "10.0.0.0/16"}


def test_g54_what_somebody_changed_by_hand_is_drift() -> None:
    asked = spec(values={"telemetry": {"enabled": False}})
    proved = installed(asked)
    by_hand = Release(
        4,
        "deployed",
        chart_version="0.36.1",
        values={**proved.values, "telemetry": {"enabled": True}},
    )
    step = plan(asked, proved.seen(release=by_hand, last_good=by_hand), chart()).steps[0]
    assert [(change.path, change.why) for change in step.changes] == [
        ("/telemetry/enabled", "drift")
    ]


@pytest.mark.parametrize("name", ["on", "y", "null", "123", "1e3"])
def test_g58_names_that_yaml_reads_as_something_else(name: str) -> None:
    with pytest.raises(Refused) as refused:
        spec(name=name)
    assert refused.value.findings[0].guard in ("G58", "spec")


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
        values("exportKubeConfig", "server", value="tenant.example.net"),
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


@pytest.mark.parametrize("wrong", ["text", 1, ["a"]])
def test_g17_a_section_of_the_wrong_type_ends_in_a_finding(wrong: Any) -> None:
    for section in ("exportKubeConfig", "controlPlane"):
        assert refusing(plan(spec(values={section: wrong}), NOTHING, chart()))


@pytest.mark.parametrize(
    ("version", "refused"),
    [("0.31.0", True), ("0.32.3", True), ("0.33.1", True), ("0.33.2", False), ("0.34.0", False)],
)
def test_g60_network_policies_that_cut_the_api_off(version: str, refused: bool) -> None:
    asked = spec(version=version, values=values("policies", "networkPolicy", "enabled", value=True))
    assert (refusing(plan(asked, NOTHING, chart(version))) == {"G60"}) is refused


def test_g62_replicas_on_a_single_member_are_a_warning() -> None:
    single = {"type": "etcd_deployed", "members": 1}
    assert "G62" in warning(plan(spec(replicas=3, store=single), NOTHING, chart()))
    assert "G62" not in warning(plan(spec(replicas=3, store=DEPLOYED), NOTHING, chart()))


def test_g17_names_of_the_wrong_type_are_not_replaced_without_a_word() -> None:
    asked = spec(values=plane("proxy", "extraSANs", value="tenant.example.net"))
    schema = {"properties": {"controlPlane": {"properties": {"proxy": {"$ref": "#/$defs/proxy"}}}}}
    names = {"properties": {"extraSANs": {"type": "array"}}}
    strict = replace(chart(), schema={**schema, "$defs": {"proxy": names}})
    assert refusing(plan(asked, NOTHING, strict)) == {"G17"}


def test_g59_an_eviction_policy_that_no_api_server_knows() -> None:
    budget = {"enabled": True, "maxUnavailable": 1, "unhealthyPodEvictionPolicy": "Sometimes"}
    asked = spec(values=plane("advanced", "podDisruptionBudget", value=budget))
    assert refusing(plan(asked, NOTHING, chart())) == {"G59"}
