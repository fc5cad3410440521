# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the lock, against a real API server (G24)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.api import KubernetesApi
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.lock import (
    LeaseLock,
    holder,
    locked,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import ApiError, Locked

pytestmark = pytest.mark.apiserver


def path(namespace: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"


def lease(api: KubernetesApi, namespace: str) -> dict[str, Any]:
    return api.get(f"{path(namespace)}/vcluster-a-fleetops")


def until(what: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def lost(lock: LeaseLock) -> bool:
    try:
        lock.check()
    except Locked:
        return True
    return False


def test_held_then_free(real_api: KubernetesApi, namespace: str) -> None:
    with locked(real_api, namespace, "a", 0) as lock:
        lock.check()
        held = lease(real_api, namespace)["spec"]
        assert " pid " in held["holderIdentity"]
        assert held["leaseDurationSeconds"] == 30
    assert "holderIdentity" not in lease(real_api, namespace)["spec"]
    with locked(real_api, namespace, "a", 0) as lock:
        lock.check()


def test_freed_when_somebody_wrote_to_it_last(real_api: KubernetesApi, namespace: str) -> None:
    """The proof notes the foreign values on it: the next run must not wait for the expiry."""
    with locked(real_api, namespace, "a", 0):
        body = {"metadata": {"annotations": {"fleetops.vcluster/foreign": "{}"}}}
        real_api.merge(f"{path(namespace)}/vcluster-a-fleetops", body)
    assert "holderIdentity" not in lease(real_api, namespace)["spec"]


def test_freed_after_an_error_inside(real_api: KubernetesApi, namespace: str) -> None:
    with pytest.raises(ZeroDivisionError), locked(real_api, namespace, "a", 0):
        raise ZeroDivisionError
    assert "holderIdentity" not in lease(real_api, namespace)["spec"]


def test_g24_a_second_run_fails_and_names_the_first(
    real_api: KubernetesApi, namespace: str
) -> None:
    with locked(real_api, namespace, "a", 0):
        who = lease(real_api, namespace)["spec"]["holderIdentity"]
        with pytest.raises(Locked) as caught, locked(real_api, namespace, "a", 0):
            pass
        assert who in str(caught.value)
        assert f"Lease {namespace}/vcluster-a-fleetops" in str(caught.value)


def test_g24_a_second_run_waits_for_the_first(real_api: KubernetesApi, namespace: str) -> None:
    first = LeaseLock(real_api, path(namespace), "vcluster-a-fleetops", holder())
    assert first.take() == ""
    threading.Timer(0.5, first.release).start()
    with locked(real_api, namespace, "a", 10, sleep=lambda _seconds: time.sleep(0.1)) as lock:
        lock.check()


def test_g24_g55_a_dead_holder_is_taken_over_after_its_expiry(
    real_api: KubernetesApi, namespace: str
) -> None:
    dead = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "vcluster-a-fleetops"},
        "spec": {
            "holderIdentity": "gone@there pid 1",
            "leaseDurationSeconds": 2,
            "renewTime": real_api.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }
    real_api.create(path(namespace), dead)
    with pytest.raises(Locked, match="gone@there pid 1"), locked(real_api, namespace, "a", 0):
        pass
    began = time.monotonic()
    with locked(real_api, namespace, "a", 10, sleep=lambda _seconds: time.sleep(0.1)) as lock:
        lock.check()
    assert time.monotonic() - began < 5


def test_it_is_renewed_beside_other_writes(real_api: KubernetesApi, namespace: str) -> None:
    with locked(real_api, namespace, "a", 0, duration=3) as lock:
        before = lease(real_api, namespace)["spec"]["renewTime"]
        body = {"metadata": {"annotations": {"fleetops.vcluster/foreign": "{}"}}}
        real_api.merge(f"{path(namespace)}/vcluster-a-fleetops", body)
        until(lambda: lease(real_api, namespace)["spec"]["renewTime"] > before)
        lock.check()
    annotations = lease(real_api, namespace)["metadata"]["annotations"]
    assert annotations == {"fleetops.vcluster/foreign": "{}"}


def test_a_lock_that_somebody_took_is_lost_and_left_alone(
    real_api: KubernetesApi, namespace: str
) -> None:
    lock = LeaseLock(real_api, path(namespace), "vcluster-a-fleetops", holder(), duration=3)
    assert lock.take() == ""
    body = {"spec": {"holderIdentity": "somebody else"}}
    real_api.merge(f"{path(namespace)}/vcluster-a-fleetops", body)
    until(lambda: lost(lock))
    with pytest.raises(Locked, match="held by somebody else now"):
        lock.check()
    lock.release()
    assert lease(real_api, namespace)["spec"]["holderIdentity"] == "somebody else"


def test_of_many_at_once_one_wins(real_api: KubernetesApi, namespace: str) -> None:
    locks = [
        LeaseLock(real_api, path(namespace), "vcluster-a-fleetops", holder()) for _ in range(8)
    ]
    won: list[LeaseLock] = []

    def take(lock: LeaseLock) -> None:
        if not lock.take():
            won.append(lock)

    threads = [threading.Thread(target=take, args=(lock,)) for lock in locks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    won[0].check()
    won[0].release()


def test_a_missing_namespace_is_an_error(real_api: KubernetesApi) -> None:
    with pytest.raises(ApiError, match="404"), locked(real_api, "nowhere", "a", 0):
        pass
