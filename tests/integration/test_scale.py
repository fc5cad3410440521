# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Out and in on real stores, while a client writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from by_hand import CLUSTER, in_namespace, upgrade, wait_until
from harness import Fleet, Lab, kubectl
from scaling import agree_on_keys, broken, gives_up, members, under_load

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1200)]

NAME = "it-scaled"


def asking(count: int, replicas: int) -> dict[str, Any]:
    return {
        "vcluster_version": "0.36.1",
        "vcluster_kubernetes_version": "1.36.3",
        "vcluster_replicas": replicas,
        "vcluster_store": {"type": "etcd_deployed", "members": count},
        "vcluster_timeouts": {"rollout": 240},
    }


@pytest.fixture
def fleet(make_fleet: Any) -> Any:
    """A fleet of one, with so many members and replicas."""

    def made(count: int, replicas: int) -> Fleet:
        fleet: Fleet = make_fleet({CLUSTER: {NAME: asking(count, replicas)}})
        return fleet

    return made


def names(count: int) -> dict[str, bool]:
    return {f"{NAME}-etcd-{number}": True for number in range(count)}


def claims(lab: Lab) -> list[str]:
    found = in_namespace(lab, NAME, "get", "persistentvolumeclaims", "--output=name")
    return sorted(name.rpartition("/")[2] for name in found.split())


def test_g05_g06_etcd_grows_and_shrinks_under_load_and_nothing_is_lost(
    fleet: Any, lab: Lab, tmp_path: Path
) -> None:
    fleet(1, 1).play("site").succeeded()
    planned = fleet(3, 3).play("plan").succeeded().output
    assert "scale_out, scale_out, scale_out" in planned
    for count, replicas in ((3, 3), (5, 3), (3, 3), (1, 1)):
        before = len(members(lab, NAME))
        what = f"etcd {before}->{count}"
        with under_load(lab, NAME, tmp_path, what, patience=10.0) as ledger:
            fleet(count, replicas).play("site").succeeded()
        assert ledger.report.lost == 0, ledger.report
        if min(before, count) > 1:  # A single member that restarts is an outage.
            assert ledger.report.failed == 0, ledger.report
        assert [members(lab, NAME, number) for number in range(count)] == [names(count)] * count
        agree_on_keys(lab, NAME, count)
        assert claims(lab) == [f"data-{NAME}-etcd-{number}" for number in range(count)]
        second = fleet(count, replicas).play("site").succeeded()
        assert "changed=0" in second.output


def test_g05_what_was_grown_survives_restarts_and_a_plain_helm_upgrade(
    fleet: Any, lab: Lab, tmp_path: Path
) -> None:
    fleet(1, 1).play("site").succeeded()
    fleet(3, 1).play("site").succeeded()
    with under_load(lab, NAME, tmp_path, "after", around=2.0) as ledger:
        pass
    in_namespace(lab, NAME, "delete", "pod", "--selector=app=vcluster-etcd")
    _proved(fleet(3, 1))
    upgrade(lab, NAME, {"logging": {"encoding": "json"}})
    _proved(fleet(3, 1))
    ledger.check()
    assert ledger.report.lost == 0
    assert members(lab, NAME) == names(3)


def test_g06_with_a_member_away_none_is_removed(fleet: Any, lab: Lab) -> None:
    fleet(3, 1).play("site").succeeded()
    with pending(lab, f"{NAME}-etcd-2"):
        run = fleet(1, 1).play("site").failed()
        assert "2 of 3 members answer" in " ".join(run.output.split())
        assert members(lab, NAME) == names(3)
    _proved(fleet(3, 1))
    fleet(1, 1).play("site").succeeded()
    assert members(lab, NAME) == names(1)


@contextmanager
def pending(lab: Lab, pod: str) -> Iterator[None]:
    """A pod has no node to run on."""
    admin = lab.clusters[CLUSTER]
    nodes = kubectl(admin, "get", "nodes", "--output=name").split()
    kubectl(admin, "cordon", *nodes)
    try:
        in_namespace(lab, NAME, "delete", "pod", pod)
        yield
    finally:
        kubectl(admin, "uncordon", *nodes)


def test_g63_a_member_whose_data_is_gone_is_replaced(fleet: Any, lab: Lab, tmp_path: Path) -> None:
    fleet(3, 1).play("site").succeeded()
    pod = f"{NAME}-etcd-1"
    before = claim_uid(lab, pod)
    with under_load(lab, NAME, tmp_path, "etcd member replaced") as ledger:
        broken(lab, NAME, 1)
        gives_up(lab, NAME, 1)
        planned = fleet(3, 1).play("plan").succeeded().output
        assert "replace_member: etcd member 1 is lost: its database is corrupt" in planned
        fleet(3, 1).play("site").succeeded()
    assert ledger.report.lost == 0, ledger.report
    assert [members(lab, NAME, number) for number in range(3)] == [names(3)] * 3
    agree_on_keys(lab, NAME, 3)
    assert claim_uid(lab, pod) != before
    assert "changed=0" in fleet(3, 1).play("site").succeeded().output


def claim_uid(lab: Lab, pod: str) -> str:
    where = ("persistentvolumeclaim", f"data-{pod}", "--output=jsonpath={.metadata.uid}")
    return in_namespace(lab, NAME, "get", *where)


def _proved(fleet: Fleet) -> None:
    wait_until("a proof that passes", lambda: fleet.play("verify").returncode == 0, 240)
