# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding vClusters on many host clusters: in parallel, and what is said of each."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    Refused,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.found import Found
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Applied,
    Observation,
    Proved,
    Release,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.discover import (
    Target,
    discover,
    facts_of,
    target_of,
)

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
HC1, HC2 = Target("hc1", Access(kubeconfig="/k/hc1")), Target("hc2", Access(kubeconfig="/k/hc2"))


class Lists:
    """An API that has one vCluster and nothing else."""

    now = NOW

    def list(self, path: str, params: Any = None, *, metadata_only: bool = False) -> Iterator[Any]:
        if not path.endswith("/statefulsets"):
            return iter(())
        labels = {"app": "vcluster", "chart": "vcluster-0.36.1", "release": "a"}
        metadata = {"name": "a", "namespace": "n", "labels": labels}
        template: Any = {"spec": {"containers": []}}
        return iter([{"metadata": metadata, "spec": {"replicas": 1, "template": template}}])


def context(**clusters: Any) -> Context:
    def connect(access: Access, _warn: Any) -> Any:
        found = clusters[str(access.kubeconfig).rpartition("/")[2]]
        if isinstance(found, Exception):
            raise found
        return SimpleNamespace(api=found)

    return Context(connect=connect)


def test_g46_a_host_cluster_that_does_not_answer_costs_its_own_vclusters_only() -> None:
    away = Unreachable("It does not answer.")
    one, two = discover([HC1, HC2], (), context(hc1=Lists(), hc2=away), 10)
    assert ([row.name for row in one.rows], one.error) == (["a"], None)
    assert (two.rows, two.error) == ((), away)


def test_a_host_cluster_that_hangs_is_not_waited_for() -> None:
    let_go = threading.Event()

    class Hanging(Lists):
        def list(self, *_args: Any, **_more: Any) -> Iterator[Any]:
            let_go.wait(20)
            return iter(())

    one, two = discover([HC1, HC2], (), context(hc1=Hanging(), hc2=Lists()), 0.3)
    let_go.set()
    assert isinstance(one.error, Unreachable)
    assert "within 0 s" in str(one.error)
    assert len(two.rows) == 1


def test_a_defect_is_told_and_no_traceback() -> None:
    (found,) = discover([HC1], (), context(hc1=ZeroDivisionError("never")), 10)
    assert "ZeroDivisionError" in str(found.error)


def test_what_is_said_of_a_vcluster() -> None:
    at = datetime(2026, 3, 4, 5, tzinfo=UTC)
    release = Release(7, "deployed", Applied("0" * 20, 7), Proved(at))
    images = {"kubernetes": "ghcr.io/loft-sh/kubernetes:v1.36.3"}
    workloads = (
        Workload("control_plane", "Deployment", "a", 3, ready=2, updated=3, images=images),
        Workload("etcd", "StatefulSet", "a-etcd", 3, ready=3, updated=3),
    )
    seen = Observation(release=release, workloads=workloads, paused="loft.sh/paused")
    found = Found("a", "n", "0.36.1", "etcd_deployed", False, "2026-03-04T05:06:00Z", seen)
    assert facts_of(found, NOW) == {
        "fleetops_chart_version": "0.36.1",
        "fleetops_kubernetes_version": "1.36.3",
        "fleetops_store": "etcd_deployed",
        "fleetops_needs_licence": False,
        "fleetops_replicas": 3,
        "fleetops_replicas_ready": 2,
        "fleetops_members": 3,
        "fleetops_members_ready": 3,
        "fleetops_created": "2026-03-04T05:06:00Z",
        "fleetops_age": 7,
        "fleetops_paused": True,
        "fleetops_release": "deployed",
        "fleetops_revision": 7,
        "fleetops_proved": True,
        "fleetops_proved_at": "2026-03-04T05:00:00+00:00",
    }


def test_what_is_not_known_has_the_same_type_as_what_is() -> None:
    full = facts_of(Found("a", "n", observation=Observation(release=Release(1, "failed"))), NOW)
    empty = facts_of(Found("a", "n"), NOW)
    assert {key: type(value) for key, value in full.items()} == {
        key: type(value) for key, value in empty.items()
    }
    assert (empty["fleetops_release"], empty["fleetops_age"]) == ("absent", 0)
    assert None not in empty.values()


def test_a_host_cluster_is_named_as_messages_name_it() -> None:
    assert target_of({"kubeconfig": "/k/hc1/kubeconfig"}).name == "hc1"
    assert target_of({"name": "west", "kubeconfig": "/k/x"}).name == "west"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"kubeconfg": "/k"}, "kubeconfg"),
        ({"replicas": 3}, "replicas"),
        ({"api_host": "http://x"}, "begins with https://"),
        ({"api_token": "abcdef"}, "without vcluster_api_host"),
    ],
)
def test_a_mistake_in_its_options_is_named(options: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused, match=told):
        target_of(options)
