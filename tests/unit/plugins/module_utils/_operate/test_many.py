# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same work for many vClusters."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.many import for_each
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from


def specs(*names: str, cluster: str = "hc1") -> dict[str, Spec]:
    return {n: spec_from({"name": n, "host": n, "kubeconfig": f"/k/{cluster}"}) for n in names}


def words(_spec: Spec, error: FleetError) -> str:
    return str(error)


def test_each_host_cluster_is_connected_to_once_and_results_keep_their_order() -> None:
    asked: list[str] = []

    def connect(access: Access, _warn: Any) -> Any:
        asked.append(access.key)
        return access.key

    given = {**specs("b", "a"), **specs("c", cluster="hc2")}
    found = for_each(given, Context(connect=connect), lambda s, h: f"{s.name} {h}", words, 3)
    assert [text.split()[0] for text in found.values()] == ["b", "a", "c"]
    assert len(asked) == 2


def test_no_more_threads_than_allowed() -> None:
    here = threading.Semaphore(2)

    def work(_spec: Spec, _host: Any) -> bool:
        free = here.acquire(blocking=False)
        threading.Event().wait(0.02)
        here.release()
        return free

    context = Context(connect=lambda _a, _w: None)  # type: ignore[arg-type,return-value]
    assert all(for_each(specs(*"abcdef"), context, work, lambda _s, _e: False, 2).values())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FleetError("it is sick."), "it is sick."),
        (KeyError("x"), "Internal error, please report it: KeyError"),
    ],
)
def test_one_that_fails_leaves_the_others_alone(error: Exception, said: str) -> None:
    def work(spec: Spec, _host: Any) -> str:
        if spec.name == "a":
            raise error
        return "well"

    context = Context(connect=lambda _a, _w: None)  # type: ignore[arg-type,return-value]
    found = for_each(specs("a", "b"), context, work, words, 2)
    assert said in found["a"]
    assert found["b"] == "well"


def test_a_host_cluster_that_cannot_be_reached_fails_its_own() -> None:
    def connect(access: Access, _warn: Any) -> Any:
        if access.kubeconfig == "/k/hc2":
            raise Unreachable("Host cluster hc2: no answer.")

    given = {**specs("a"), **specs("c", cluster="hc2")}
    found = for_each(given, Context(connect=connect), lambda _s, _h: "well", words, 2)
    assert found["a"] == "well"
    assert "no answer" in found["c"]
