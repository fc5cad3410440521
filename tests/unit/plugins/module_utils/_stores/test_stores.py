# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stores: values, detection, guards of their own, and what their checks say of sick members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.check import CheckResult
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Unreachable
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Claim,
    Observation,
    Pod,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import (
    Member,
    MemberStatus,
    Reach,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import (
    Access,
    Spec,
    StoreSpec,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import (
    STORES,
    checks,
    objects,
    secrets_of,
    store_in,
    store_named,
    stores_on,
)

ETCD = {"controlPlane": {"backingStore": {"etcd": {"deploy": {"enabled": True}}}}}
OPTIONS: dict[str, dict[str, Any]] = {
    "sqlite": {"size": "8Gi"},
    "etcd_deployed": {"members": 3, "size": "8Gi", "storage_class": "fast"},
    "etcd_external": {"endpoint": "etcd.example.net:2379", "tls": {"secret": "client"}},
}


def spec(store: StoreSpec | None = None) -> Spec:
    return Spec("tenant", "tenant", "vcluster-tenant", "hc1", Access(), store=store)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_store_is_recognised_in_the_values_it_gives(name: str) -> None:
    store = store_named(name)
    assert store.option_findings(OPTIONS[name]) == []
    assert store_in(store.values("tenant", OPTIONS[name])) is store


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_of_another_store_is_named(name: str) -> None:
    others = {key for options in OPTIONS.values() for key in options} - set(OPTIONS[name])
    strange = next(key for key in ("endpoint", "members") if key in others)
    (finding,) = store_named(name).option_findings({strange: 1})
    assert f"vcluster_store.{strange}" in finding.what
    assert finding.severity == "refuse"


def test_the_pod_takes_the_first_of_several_stores_and_all_are_seen() -> None:
    every = {
        "controlPlane": {
            "backingStore": {
                "etcd": {kind: {"enabled": True} for kind in ("embedded", "external", "deploy")},
                "database": {kind: {"enabled": True} for kind in ("embedded", "external")},
            }
        }
    }
    assert store_in(every).type == "etcd_embedded"
    assert stores_on(every) == STORES
    assert store_in({}).type == "sqlite"
    assert stores_on({}) == ()


def test_external_etcd_mounts_its_client_certificate() -> None:
    asked = StoreSpec("etcd_external", {**OPTIONS["etcd_external"]})
    values = store_named("etcd_external").values("tenant", asked.options)
    tls = values["controlPlane"]["backingStore"]["etcd"]["external"]["tls"]
    persistence = values["controlPlane"]["statefulSet"]["persistence"]
    folder = persistence["addVolumeMounts"][0]["mountPath"]
    assert persistence["addVolumes"][0]["secret"]["secretName"] == "client"
    assert tls == {
        "caFile": f"{folder}/ca.crt",
        "certFile": f"{folder}/tls.crt",
        "keyFile": f"{folder}/tls.key",
    }
    assert secrets_of(spec(asked)) == {"client": ("ca.crt", "tls.crt", "tls.key")}


def test_g33_a_licensed_store_is_named_while_planning() -> None:
    embedded = {"controlPlane": {"backingStore": {"etcd": {"embedded": {"enabled": True}}}}}
    assert [finding.guard for finding in store_in(embedded).findings(embedded)] == ["G33"]


def test_g42_members_get_a_budget_where_there_are_several() -> None:
    three = store_named("etcd_deployed").values("tenant", {"members": 3})
    (budget,) = objects(spec(), three)
    assert budget["kind"] == "PodDisruptionBudget"
    assert budget["metadata"]["name"] == "tenant-etcd"
    assert budget["spec"]["selector"]["matchLabels"] == {
        "app": "vcluster-etcd",
        "release": "tenant",
    }
    assert objects(spec(), ETCD) == []
    unwanted = replace(spec().defaults, disruption_budgets=False)
    assert objects(replace(spec(), defaults=unwanted), three) == []


NAMES = ("tenant-etcd-0", "tenant-etcd-1", "tenant-etcd-2")


def healthy() -> dict[str, FakeMember]:
    members = tuple(Member(str(index), name, False, ()) for index, name in enumerate(NAMES, 1))
    return {
        name: FakeMember(
            members,
            MemberStatus(str(index), "3.6.8", "1", 20 << 20, 2 << 30, 500, 900, False, ()),
            {500: (77, 400)},
        )
        for index, name in enumerate(NAMES, 1)
    }


@dataclass(frozen=True)
class FakeMember:
    """A member that answers; see the port Etcd."""

    known: tuple[Member, ...]
    said: MemberStatus
    hashed: Mapping[int, tuple[int, int]]

    def members(self) -> tuple[Member, ...]:
        return self.known

    def status(self) -> MemberStatus:
        return self.said

    def hash(self, revision: int) -> tuple[int, int]:
        return self.hashed[revision]


class FakeReach:
    """Members by pod name or endpoint; one that is missing does not answer."""

    def __init__(self, members: Mapping[str, FakeMember]) -> None:
        self.alive = members

    @contextmanager
    def member(self, pod: str) -> Iterator[FakeMember]:
        if pod not in self.alive:
            raise Unreachable(f"{pod} does not answer.")
        yield self.alive[pod]

    @contextmanager
    def external(self, endpoint: str, secret: str, keys: tuple[str, ...]) -> Iterator[FakeMember]:
        assert (secret, keys) == ("client", ("ca.crt", "tls.crt", "tls.key"))
        with self.member(endpoint) as member:
            yield member


def verdict(members: Mapping[str, FakeMember]) -> dict[str, CheckResult]:
    """The checks of a deployed etcd of three."""
    pods = [Pod("etcd", name) for name in NAMES] + [Pod("control_plane", "tenant-0")]
    seen = Observation(workloads=(Workload("etcd", "StatefulSet", "tenant-etcd", 3),))
    found = checks(spec(), seen, pods, cast("Reach", FakeReach(members)), ETCD)
    return {result.id: result for result in found}


def test_g30_a_healthy_cluster_passes_every_check() -> None:
    found = verdict(healthy())
    assert set(found) == {"etcd_quorum", "etcd_members", "etcd_alarms", "etcd_hash", "etcd_size"}
    assert {result.status for result in found.values()} == {"pass"}
    assert "leader tenant-etcd-0" in found["etcd_quorum"].evidence


def said(name: str, **changes: Any) -> dict[str, FakeMember]:
    """A healthy cluster in which one member says something else."""
    members = healthy()
    members[name] = replace(members[name], said=replace(members[name].said, **changes))
    return members


def alone(name: str) -> dict[str, FakeMember]:
    """A member that bootstrapped a cluster of its own, as 1 -> 3 by values makes it."""
    members = healthy()
    only = tuple(member for member in members[name].known if member.name == name)
    members[name] = replace(members[name], known=only)
    return members


def hashed(name: str, value: tuple[int, int]) -> dict[str, FakeMember]:
    members = healthy()
    members[name] = replace(members[name], hashed={500: value})
    return members


def learning(name: str) -> dict[str, FakeMember]:
    members = healthy()
    known = tuple(replace(m, learner=m.name == name) for m in members[name].known)
    return {key: replace(member, known=known) for key, member in members.items()}


@pytest.mark.parametrize(
    ("members", "check", "status", "words"),
    [
        (said(NAMES[1], leader="0"), "etcd_quorum", "fail", f"no leader is known to {NAMES[1]}"),
        (said(NAMES[1], leader="2"), "etcd_quorum", "fail", "different leaders"),
        (alone(NAMES[2]), "etcd_members", "fail", "members disagree"),
        (learning(NAMES[2]), "etcd_members", "fail", f"{NAMES[2]} is still a learner"),
        (said(NAMES[0], id="9"), "etcd_members", "fail", f"{NAMES[0]} is not in its own"),
        (said(NAMES[2], alarms=("NOSPACE",)), "etcd_alarms", "fail", f"{NAMES[2]}: NOSPACE"),
        (hashed(NAMES[1], (78, 400)), "etcd_hash", "fail", f"{NAMES[1]}: 78"),
        (hashed(NAMES[1], (78, 410)), "etcd_hash", "skip", "compacted"),
        (said(NAMES[1], db_size=1400 << 20), "etcd_size", "warn", f"{NAMES[1]}: 1400 MiB"),
        (said(NAMES[1], db_size=2000 << 20), "etcd_size", "fail", "2000 MiB of 2048 MiB"),
        (said(NAMES[1], quota=0), "etcd_size", "pass", "quota not told"),
    ],
)
def test_g30_a_sick_member_is_named(
    members: dict[str, FakeMember], check: str, status: str, words: str
) -> None:
    found = verdict(members)
    assert found[check].status == status
    assert words in found[check].evidence
    others = {result.status for name, result in found.items() if name != check}
    assert others == {"pass"}


def test_g30_a_silent_member_is_named_and_quorum_counted() -> None:
    members = healthy()
    del members[NAMES[2]]
    one = verdict(members)["etcd_quorum"]
    assert one.status == "fail"
    assert NAMES[2] in one.evidence
    assert "quorum is lost" not in one.evidence
    del members[NAMES[1]]
    assert "quorum is lost" in verdict(members)["etcd_quorum"].evidence
    assert set(verdict({})) == {"etcd_quorum"}


def test_g30_a_missing_pod_counts_as_a_missing_member() -> None:
    seen = Observation(workloads=(Workload("etcd", "StatefulSet", "tenant-etcd", 3),))
    pods = [Pod("etcd", name) for name in NAMES[:2]]
    found = checks(spec(), seen, pods, cast("Reach", FakeReach(healthy())), ETCD)
    quorum = next(result for result in found if result.id == "etcd_quorum")
    assert quorum.status == "fail"
    assert f"{NAMES[2]}: no such pod" in quorum.evidence


def test_external_etcd_is_asked_from_here_or_skipped_with_the_reason() -> None:
    asked = spec(StoreSpec("etcd_external", OPTIONS["etcd_external"]))
    values = store_named("etcd_external").values("tenant", OPTIONS["etcd_external"])
    endpoint = OPTIONS["etcd_external"]["endpoint"]
    alive = cast("Reach", FakeReach({endpoint: healthy()[NAMES[0]]}))
    found = checks(asked, Observation(), [], alive, values)
    assert {result.status for result in found} == {"pass"}
    (skipped,) = checks(asked, Observation(), [], cast("Reach", FakeReach({})), values)
    assert skipped.status == "skip"
    assert "does not answer" in skipped.evidence


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ((Claim("data-tenant-0", "5Gi", None, "Bound"),), "pass"),
        ((Claim("data-tenant-0", "5Gi", None, "Pending"),), "fail"),
        ((), "fail"),
    ],
)
def test_sqlite_wants_its_volume_bound(claims: tuple[Claim, ...], status: str) -> None:
    seen = Observation(claims=claims)
    (found,) = checks(spec(), seen, [], cast("Reach", FakeReach({})), {})
    assert (found.id, found.status) == ("store_volume", status)
