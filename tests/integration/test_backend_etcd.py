# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An etcd of our own under a vCluster that a client writes to: grown, hurt, mended, upgraded and shrunk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from by_hand import CLUSTER, in_namespace, namespace, wait_until
from harness import Fleet, Lab
from runs import kill_at
from scaling import under_load

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1200)]

NAME, OTHER = "it-backed", "it-backed-too"
STORE = f"{NAME}-store"
TLS = "/tls"


def variables(name: str, members: int, version: str, **more: Any) -> dict[str, Any]:
    return {
        "vcluster_version": "0.36.1",
        "vcluster_kubernetes_version": "1.36.3",
        "vcluster_replicas": 2,
        "vcluster_store": {
            "type": "etcd_external",
            "endpoint": f"{NAME}-store.{namespace(NAME)}:2379",
            "tls": {"secret": f"{name}-store-client"},
        },
        "vcluster_timeouts": {"rollout": 240},
        "backend_etcd_members": members,
        "backend_etcd_version": version,
        "backend_etcd_size": "1Gi",
        "backend_etcd_quota": "512Mi",
        **more,
    }


@pytest.fixture
def fleet(make_fleet: Any) -> Any:
    """A fleet of one whose etcd has so many members of that version."""

    def made(members: int, version: str = "3.6.8-0", **more: Any) -> Fleet:
        fleet: Fleet = make_fleet({CLUSTER: {NAME: variables(NAME, members, version, **more)}})
        return fleet

    return made


def etcdctl(lab: Lab, number: int, *arguments: str) -> str:
    """etcdctl in the pod of one member."""
    tls = (f"--cacert={TLS}/ca.crt", f"--cert={TLS}/tls.crt", f"--key={TLS}/tls.key")
    return in_namespace(lab, NAME, "exec", f"{STORE}-{number}", "--", "etcdctl", *tls, *arguments)


def members(lab: Lab, number: int) -> dict[str, bool]:
    """Name of each member, and whether it votes, as one of them tells it."""
    found = json.loads(etcdctl(lab, number, "member", "list", "--write-out=json"))
    return {
        member.get("name", ""): not member.get("isLearner", False) for member in found["members"]
    }


def names(count: int) -> dict[str, bool]:
    return {f"{STORE}-{number}": True for number in range(count)}


def uids(lab: Lab, kind: str) -> dict[str, str]:
    """Of the members' pods or claims."""
    found = json.loads(in_namespace(lab, NAME, "get", kind, "--output=json"))
    held = {item["metadata"]["name"]: item["metadata"]["uid"] for item in found["items"]}
    return {name: uid for name, uid in held.items() if STORE in name}


def as_asked(lab: Lab, fleet: Fleet, count: int) -> None:
    """All members agree, the claims are theirs, and another run changes nothing."""
    assert [members(lab, number) for number in range(count)] == [names(count)] * count
    assert sorted(uids(lab, "persistentvolumeclaims")) == [
        f"data-{STORE}-{number}" for number in range(count)
    ]
    assert "changed=0" in fleet.play("backends").succeeded().output
    assert "changed=0" in fleet.play("backends", "--check").succeeded().output


def test_g05_g06_g18_g63_nothing_acknowledged_is_lost_whatever_happens_to_the_etcd(
    fleet: Any, lab: Lab, tmp_path: Path
) -> None:
    old, new = "3.5.25-0", "3.6.8-0"
    told = fleet(1, old).play("backends", "--check").succeeded().output
    assert "changed=1" in told
    assert not uids(lab, "pods"), "check mode makes nothing"
    fleet(1, old).play("backends").succeeded()
    fleet(1, old).play("site").succeeded()
    as_asked(lab, fleet(1, old), 1)

    first = uids(lab, "pods")
    with under_load(lab, NAME, tmp_path, "backend etcd 1->3", patience=10.0) as ledger:
        fleet(3, old).play("backends").succeeded()
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report
    assert first.items() <= uids(lab, "pods").items(), "a member that comes restarts no other"
    as_asked(lab, fleet(3, old), 3)

    with under_load(lab, NAME, tmp_path, "backend etcd member killed", patience=10.0) as ledger:
        in_namespace(lab, NAME, "delete", "pod", f"{STORE}-1", "--grace-period=0", "--force")
        fleet(3, old).play("backends").succeeded()
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report
    as_asked(lab, fleet(3, old), 3)

    before = uids(lab, "persistentvolumeclaims")
    with under_load(lab, NAME, tmp_path, "backend etcd claim lost", patience=10.0) as ledger:
        lose_claim(lab, 2)
        run = fleet(3, old).play("backends").succeeded()
        assert "replace_member: member 2 is lost" in run.output
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report
    after = uids(lab, "persistentvolumeclaims")
    assert after[f"data-{STORE}-2"] != before[f"data-{STORE}-2"]
    assert after[f"data-{STORE}-0"] == before[f"data-{STORE}-0"]
    as_asked(lab, fleet(3, old), 3)

    with under_load(lab, NAME, tmp_path, "backend etcd 3.5->3.6", patience=10.0) as ledger:
        run = fleet(3, new).play("backends").succeeded()
        assert "etcd_hop: etcd 3.5.25-0 -> 3.6.8-0" in run.output
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report
    assert '"Version":"3.6' in etcdctl(lab, 0, "endpoint", "status", "--write-out=json").replace(
        '"version"', '"Version"'
    )
    as_asked(lab, fleet(3, new), 3)
    down = fleet(3, old).play("backends").failed()
    assert "G18" in down.output
    as_asked(lab, fleet(3, new), 3)

    with under_load(lab, NAME, tmp_path, "backend etcd 3->1", patience=10.0) as ledger:
        fleet(1, new).play("backends").succeeded()
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report
    as_asked(lab, fleet(1, new), 1)
    assert "passed" in fleet(1, new).play("verify").succeeded().output


def lose_claim(lab: Lab, number: int) -> None:
    """The volume of a member is gone; it comes back empty, and ends for that."""
    pod = f"{STORE}-{number}"
    in_namespace(lab, NAME, "delete", "persistentvolumeclaim", f"data-{pod}", "--wait=false")
    in_namespace(lab, NAME, "delete", "pod", pod)
    path = "--output=jsonpath={.status.containerStatuses[0].restartCount}"

    def ended() -> bool:
        found = in_namespace(lab, NAME, "get", "pod", pod, "--ignore-not-found", path)
        return int(found or 0) > 0

    wait_until(f"member {number} to give up", ended)


@pytest.mark.parametrize(
    "boundary",
    ["scale_out: etcd members 1 -> 2", "adding etcd member", "members ready", "is in step"],
)
def test_g48_growth_that_is_killed_is_finished_by_the_next_run(
    fleet: Any, lab: Lab, boundary: str
) -> None:
    fleet(1).play("backends").succeeded()
    assert kill_at(fleet(3), boundary, "backends")
    fleet(3, vcluster_timeouts={"rollout": 240, "lock": 60}).play("backends").succeeded()
    as_asked(lab, fleet(3), 3)
    fleet(1).play("backends").succeeded()


def test_g06_without_a_quorum_nothing_is_changed_and_it_is_told(fleet: Any, lab: Lab) -> None:
    fleet(3).play("backends").succeeded()
    in_namespace(lab, NAME, "scale", f"statefulset/{STORE}", "--replicas=1")
    wait_until("two members to be away", lambda: len(uids(lab, "pods")) == 1)
    run = fleet(5).play("backends").failed()
    assert "G06" in run.output
    assert len(uids(lab, "pods")) == 1
    in_namespace(lab, NAME, "scale", f"statefulset/{STORE}", "--replicas=3")
    wait_until(
        "the members to be back",
        lambda: fleet(3).play("backends").returncode == 0,
    )
    as_asked(lab, fleet(3), 3)


def test_the_etcd_of_another_vcluster_is_refused(fleet: Any, make_fleet: Any, lab: Lab) -> None:
    fleet(1).play("backends").succeeded()
    alone = make_fleet({CLUSTER: {OTHER: variables(OTHER, 1, "3.6.8-0")}})
    run = alone.play("plan").succeeded()
    assert f"holds the data of vCluster {namespace(NAME)}/{NAME}" in " ".join(run.output.split())
    both = make_fleet({CLUSTER: {n: variables(n, 1, "3.6.8-0") for n in (NAME, OTHER)}})
    run = both.play("plan").succeeded()
    assert "shares the store at" in " ".join(run.output.split())
    taken = variables(OTHER, 1, "3.6.8-0")
    taken |= {"backend_etcd_name": STORE, "backend_etcd_namespace": namespace(NAME)}
    run = make_fleet({CLUSTER: {OTHER: taken}}).play("backends").failed()
    assert f"holds the data of vCluster {namespace(NAME)}/{NAME}" in " ".join(run.output.split())
