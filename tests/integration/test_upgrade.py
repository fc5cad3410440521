# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Upgrades of vClusters whose clients write all the while: each store, each boundary, and what goes wrong.

The lab needs both Kubernetes releases for tenants (`lab up --kubernetes v1.36.3,v1.35.4`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from by_hand import CLUSTER, in_namespace
from harness import Fleet, Lab, kubectl
from runs import kill_at, watched
from saving import fleets_of_one, manifests
from scaling import under_load

from lab import external_etcd

pytestmark = [
    pytest.mark.lab,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.usefixtures("anew"),
]

NAME, SECRET = "it-raised", "etcd-client"
OLD = {"vcluster_version": "0.34.7", "vcluster_kubernetes_version": "1.35.4"}
NEW = {"vcluster_version": "0.36.1", "vcluster_kubernetes_version": "1.36.3"}
# The chart of 0.36 brings a later release of etcd, too.
HOPS = "prove, snapshot, chart_hop, snapshot, chart_hop, etcd_hop, snapshot, kubernetes_hop"
# What a run says when it gets there.
BOUNDARIES = (
    "snapshot: the way back from chart 0.34.7",
    "took snapshot",
    "asking for the images",
    "chart_hop: chart 0.34.7 -> 0.35.3",
    "0 of 1 replicas ready",
    "snapshot: the way back from Kubernetes",
    "kubernetes_hop: Kubernetes 1.35.4",
)
Make = Callable[..., Fleet]


@pytest.fixture
def fleet(make_fleet: Any, restorers: dict[str, Path], tmp_path: Path) -> Make:
    """A fleet of one with these variables."""
    return fleets_of_one(make_fleet, restorers, tmp_path, NAME)


@pytest.fixture
def external(lab: Lab, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """An etcd of its own, and its client's certificate where the vCluster will be."""
    kubeconfig = lab.clusters[CLUSTER]
    etcd = external_etcd.create(kubeconfig, NAME, tmp_path / "etcd")
    namespace = f"vcluster-{NAME}"
    place = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    objects = yaml.safe_dump_all([place, etcd.secret(SECRET, namespace)])
    kubectl(kubeconfig, "apply", "-f", "-", stdin=objects)
    yield {"type": "etcd_external", "endpoint": etcd.endpoint, "tls": {"secret": SECRET}}
    kubectl(kubeconfig, "delete", "namespace", external_etcd.NAMESPACE)


def images(lab: Lab, app: str = "vcluster") -> set[str]:
    """The tags that the control plane runs with, or another app."""
    path = "--output=jsonpath={..spec.template.spec..image}"
    found = in_namespace(
        lab, NAME, "get", "statefulsets,deployments", f"--selector=app={app}", path
    )
    return {image.rpartition(":")[2] for image in found.split()}


@pytest.mark.parametrize("replicas", [1, 3])
def test_g16_a_walk_on_etcd_fails_no_client_and_loses_nothing(
    fleet: Make, lab: Lab, tmp_path: Path, replicas: int
) -> None:
    store, count = {"type": "etcd_deployed", "members": 3}, {"vcluster_replicas": replicas}
    fleet(store, **OLD, **count).play("site").succeeded()
    with under_load(lab, NAME, tmp_path, f"walk, {replicas} replicas", 30.0, 10.0) as ledger:
        run = fleet(store, **NEW, **count).play("upgrade").succeeded()
    assert HOPS in " ".join(run.output.split())
    assert (ledger.report.lost, ledger.report.failed) == (0, 0)
    assert {"0.36.1", "v1.36.3"} <= images(lab)
    assert len(manifests(tmp_path / "target")) == 3
    again = fleet(store, **NEW, **count).play("site").succeeded()
    assert "changed=0" in again.output


def test_g16_a_walk_on_an_external_etcd(
    fleet: Make, lab: Lab, tmp_path: Path, external: dict[str, Any]
) -> None:
    fleet(external, **OLD).play("site").succeeded()
    with under_load(lab, NAME, tmp_path, "walk, external etcd", 30.0, 10.0) as ledger:
        fleet(external, **NEW).play("upgrade").succeeded()
    assert (ledger.report.lost, ledger.report.failed) == (0, 0)
    assert {"0.36.1", "v1.36.3"} <= images(lab)


def test_g18_a_deployed_etcd_goes_over_a_minor(fleet: Make, lab: Lab, tmp_path: Path) -> None:
    """From 3.5 to 3.6, member by member, after the chart that brings it."""
    store, same = {"type": "etcd_deployed", "members": 3}, {"vcluster_kubernetes_version": "1.35.4"}
    fleet(store, vcluster_version="0.28.2", **same).play("site").succeeded()
    assert images(lab, "vcluster-etcd") == {"3.5.25-0"}
    with under_load(lab, NAME, tmp_path, "etcd over a minor", 30.0, 10.0) as ledger:
        run = fleet(store, vcluster_version="0.29.3", **same).play("upgrade").succeeded()
    assert "chart_hop, snapshot, etcd_hop" in " ".join(run.output.split())
    assert (ledger.report.lost, ledger.report.failed) == (0, 0)
    assert "0.29.3" in images(lab) and images(lab, "vcluster-etcd") == {"3.6.4-0"}


def test_g48_a_walk_on_sqlite_that_is_killed_at_each_boundary(
    fleet: Make, lab: Lab, tmp_path: Path
) -> None:
    fleet(**OLD).play("site").succeeded()
    with under_load(lab, NAME, tmp_path, "walk that is killed") as ledger:
        for words in BOUNDARIES:
            assert kill_at(fleet(**NEW), words, "upgrade"), words
        fleet(**NEW).play("upgrade").succeeded()
    assert ledger.report.lost == 0
    assert {"0.36.1", "v1.36.3"} <= images(lab)


def test_g53_an_image_that_cannot_be_had_changes_nothing(
    fleet: Make, lab: Lab, tmp_path: Path
) -> None:
    fleet(**OLD).play("site").succeeded()
    absent = {**OLD, "vcluster_kubernetes_version": "1.35.99"}
    with under_load(lab, NAME, tmp_path, "an image that never comes", 5.0, 10.0) as ledger:
        run = fleet(**absent).play("upgrade").failed()
    assert "v1.35.99 cannot be pulled" in " ".join(run.output.split())
    assert (ledger.report.lost, ledger.report.failed) == (0, 0)
    assert "v1.35.4" in images(lab)
    assert "changed=0" in fleet(**OLD).play("site").succeeded().output


def test_g24_a_second_run_at_once_waits_or_says_who_has_it(fleet: Make, lab: Lab) -> None:
    fleet(**OLD).play("site").succeeded()

    def second() -> None:
        run = fleet(**NEW, vcluster_timeouts={"lock": 0}).play("upgrade").failed()
        assert "is being worked on by" in " ".join(run.output.split())

    watched(fleet(**NEW), "chart_hop: chart 0.34.7", second, "upgrade").succeeded()
    assert {"0.36.1", "v1.36.3"} <= images(lab)
