# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real autoscaler with real metrics and real load: runs neither fight it nor lose by it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from by_hand import CLUSTER, in_namespace, wait_until
from harness import Fleet, Lab, kubectl
from scaling import service, under_load

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1200)]

NAME = "it-autoscaled"
READERS = 6
LIST = "/api/v1/configmaps?limit=500"
GET = (
    "/api/v1/namespaces/kube-system"  # costs little: many a second, of which two cores are not full
)


def asking(**more: Any) -> dict[str, Any]:
    return {
        "vcluster_version": "0.36.1",
        "vcluster_kubernetes_version": "1.36.3",
        "vcluster_replicas": 2,
        "vcluster_store": {"type": "etcd_deployed", "members": 1},
        "vcluster_resources": {"requests": {"cpu": "300m", "memory": "256Mi"}},
        "vcluster_autoscaling": {"max": 3, "scale_in_window": 30},
        "vcluster_timeouts": {"rollout": 240},
        **more,
    }


@pytest.fixture
def fleet(make_fleet: Any) -> Any:
    """A fleet of one with an autoscaler."""

    def made(**more: Any) -> Any:
        return make_fleet({CLUSTER: {NAME: asking(**more)}})

    return made


def replicas(lab: Lab) -> int:
    path = "--output=jsonpath={.spec.replicas}"
    return int(in_namespace(lab, NAME, "get", "deployment", NAME, path))


@contextmanager
def busy(lab: Lab, folder: Path, path: str = LIST) -> Iterator[None]:
    """Readers that ask all the while."""
    target, over = service(lab, NAME, folder), threading.Event()

    def read() -> None:
        while not over.is_set():
            connection = target.connect()
            try:
                for _number in range(50):
                    target.request(connection, "GET", path)
                    if over.is_set():
                        return
            except (OSError, ValueError):
                over.wait(0.5)
            finally:
                connection.close()

    readers = [threading.Thread(target=read) for _number in range(READERS)]
    for reader in readers:
        reader.start()
    try:
        yield
    finally:
        over.set()
        for reader in readers:
            reader.join(30)


def settled(fleet: Fleet) -> None:
    """A run changes nothing, as soon as the replicas have come or gone."""
    wait_until("a run without a change", lambda: "changed=0" in fleet.play("site").output, 120)


def test_g10_g64_a_cycle_of_load_is_left_to_the_autoscaler(
    fleet: Any, lab: Lab, tmp_path: Path
) -> None:
    fleet().play("site").succeeded()
    assert "changed=0" in fleet().play("site").succeeded().output
    with under_load(lab, NAME, tmp_path, "HPA cycle", around=30.0, patience=10.0) as ledger:
        with busy(lab, tmp_path):
            wait_until("a third replica", lambda: replicas(lab) == 3, 300)
            settled(fleet())
            other = {"vcluster_values": {"logging": {"encoding": "json"}}}
            fleet(**other).play("site").succeeded()
            assert replicas(lab) == 3
        wait_until("two replicas again", lambda: replicas(lab) == 2, 400)
        settled(fleet(**other))
    assert (ledger.report.lost, ledger.report.failed) == (0, 0), ledger.report


def test_a_cycle_of_load_is_followed_by_the_rule(fleet: Any, lab: Lab, tmp_path: Path) -> None:
    """The limit lies between what the readers ask and what the ledger writes; latency is left out on two cores."""
    rule = {"by": "load", "max": 3, "requests": 60, "latency_ms": 60000, "cool_down": 400}
    autoscaled = fleet(vcluster_autoscaling=rule)
    autoscaled.play("site").succeeded()
    with under_load(lab, NAME, tmp_path, "autoscale by load") as ledger:
        with busy(lab, tmp_path, GET):
            checked = " ".join(autoscaled.play("autoscale", "--check").succeeded().output.split())
            assert "replicas 2 -> 3: " in checked
            assert "requests/s for each replica, above 60" in checked
            assert replicas(lab) == 2
            autoscaled.play("autoscale").succeeded()
            assert replicas(lab) == 3
        scaled = time.monotonic()
        settled(autoscaled)
        held = " ".join(autoscaled.play("autoscale").succeeded().output.split())
        assert replicas(lab) == 3
        assert "3 replicas stay: " in held
        assert "s ago, of 400" in held
        time.sleep(max(0.0, scaled + 400 - time.monotonic()))
        autoscaled.play("autoscale").succeeded()
        assert replicas(lab) == 2
        settled(autoscaled)
    assert ledger.report.lost == 0, ledger.report


def test_the_adviser_tells_one_replica_to_become_three(
    fleet: Any, lab: Lab, tmp_path: Path
) -> None:
    """It changes nothing, and leaves a report with the numbers."""
    alone = fleet(vcluster_replicas=1, vcluster_autoscaling=None)
    alone.play("site").succeeded()
    with busy(lab, tmp_path, GET):
        output = alone.play("autoscale", "--check").succeeded().output
    assert "from one replica to three (vcluster_replicas: 3): " in " ".join(output.split())
    report = next(line for line in output.splitlines() if line.startswith("JSON: "))
    load = json.loads(Path(report.removeprefix("JSON: ")).read_text())["loads"][NAME]
    assert load["requests"]["GET"] > 20
    assert load["replicas"] == 1
    assert 55 < load["seconds"] < 75
    assert load["memory"] > 50e6
    assert load["store_bytes"] > 0
    assert load["limits"]["memory"]
    assert replicas(lab) == 1


def test_g10_taken_out_of_the_inventory_it_goes(fleet: Any, lab: Lab) -> None:
    fleet().play("site").succeeded()
    planned = fleet(vcluster_autoscaling=None).play("plan").succeeded().output
    assert "autoscaling: HorizontalPodAutoscaler it-autoscaled goes" in " ".join(planned.split())
    fleet(vcluster_autoscaling=None).play("site").succeeded()
    assert in_namespace(lab, NAME, "get", "horizontalpodautoscalers", "--output=name") == ""
    assert replicas(lab) == 2


# The API alone, as the vertical-pod-autoscaler brings it; nothing acts on what is asked for there.
VERTICAL: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": "verticalpodautoscalers.autoscaling.k8s.io",
        "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
    },
    "spec": {
        "group": "autoscaling.k8s.io",
        "names": {"kind": "VerticalPodAutoscaler", "plural": "verticalpodautoscalers"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}


def test_a_vertical_autoscaler_comes_where_its_api_is(fleet: Any, lab: Lab) -> None:
    asked = {
        "vcluster_autoscaling": None,
        "vcluster_vertical_autoscaling": {"mode": "Recreate"},
    }
    refused = fleet(**asked).play("plan").succeeded().output
    assert "does not serve autoscaling.k8s.io" in " ".join(refused.split())
    admin = lab.clusters[CLUSTER]
    kubectl(admin, "apply", "-f", "-", stdin=json.dumps(VERTICAL))
    try:
        kubectl(admin, "wait", "--for=condition=Established", "crd", VERTICAL["metadata"]["name"])
        fleet(**asked).play("site").succeeded()
        path = "--output=jsonpath={.spec.updatePolicy.updateMode} {.spec.updatePolicy.minReplicas}"
        told = in_namespace(lab, NAME, "get", "verticalpodautoscaler", NAME, path)
        assert told == "Recreate 2"
        assert "changed=0" in fleet(**asked).play("site").succeeded().output
        fleet(vcluster_autoscaling=None).play("site").succeeded()
        assert in_namespace(lab, NAME, "get", "verticalpodautoscalers", "--output=name") == ""
    finally:
        kubectl(admin, "delete", "crd", VERTICAL["metadata"]["name"])


def test_g10_what_cannot_work_is_told_while_planning(fleet: Any) -> None:
    run = fleet(vcluster_resources=None).play("plan").succeeded()
    assert "percentage of the request, which is 200m" in " ".join(run.output.split())
    metric = {
        "type": "Pods",
        "pods": {"metric": {"name": "x"}, "target": {"type": "AverageValue", "averageValue": "1"}},
    }
    run = fleet(vcluster_autoscaling={"max": 3, "metrics": [metric]}).play("plan").succeeded()
    assert "does not serve custom.metrics.k8s.io" in " ".join(run.output.split())
