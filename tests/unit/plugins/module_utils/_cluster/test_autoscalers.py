# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Autoscalers of a control plane as they are found on the host cluster."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.autoscalers import (
    autoscalers,
    groups_served,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import ApiError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Workload
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import (
    Access,
    Autoscaling,
    Spec,
    VerticalAutoscaling,
)

SPEC = Spec("a", "a", "ns", "hc1", Access())
ASKED = Spec("a", "a", "ns", "hc1", Access(), autoscaling=Autoscaling(3))
PLANES = [Workload("control_plane", "Deployment", "a", 2), Workload("etcd", "StatefulSet", "a-etcd", 3)]  # fmt: skip
HORIZONTAL = "/apis/autoscaling/v2/namespaces/ns/horizontalpodautoscalers"
VERTICAL = "/apis/autoscaling.k8s.io/v1/namespaces/ns/verticalpodautoscalers"


def scaler(target: str, name: str, *, key: str = "scaleTargetRef", ours: bool = False) -> Any:
    labels = {"app.kubernetes.io/managed-by": "fleetops.vcluster"} if ours else {}
    kind, _, of = target.partition("/")
    return {"metadata": {"name": name, "labels": labels}, "spec": {key: {"kind": kind, "name": of}}}


class Host:
    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def find(self, path: str) -> Any:
        kind = path.rsplit("/", 1)[-1]
        assert path in (HORIZONTAL, VERTICAL) or path.count("/") == 2
        found = self.answers.get(kind)
        if isinstance(found, Exception):
            raise found
        return {"items": found} if isinstance(found, list) else found


def test_those_of_the_control_plane_are_found_and_no_others() -> None:
    host = Host(
        horizontalpodautoscalers=[
            scaler("StatefulSet/a", "old kind"),
            scaler("Deployment/a", "hpa", ours=True),
            scaler("StatefulSet/a-etcd", "members"),
        ],
        verticalpodautoscalers=[scaler("Deployment/a", "vpa", key="targetRef")],
    )
    found = autoscalers(cast("Any", host), SPEC, PLANES)
    assert [(s.kind, s.name, s.ours) for s in found] == [
        ("HorizontalPodAutoscaler", "hpa", True),
        ("VerticalPodAutoscaler", "vpa", False),
    ]


def test_no_such_api_and_no_control_plane_are_no_error() -> None:
    assert autoscalers(cast("Any", Host(horizontalpodautoscalers=[])), SPEC, PLANES) == ()
    assert autoscalers(cast("Any", Host()), SPEC, []) == ()


def test_who_may_not_list_them_and_asks_for_none_goes_on() -> None:
    host = Host(horizontalpodautoscalers=ApiError(403, "no"), verticalpodautoscalers=ApiError(403, "no"))  # fmt: skip
    assert autoscalers(cast("Any", host), SPEC, PLANES) == ()
    with pytest.raises(ApiError):
        autoscalers(cast("Any", host), ASKED, PLANES)


def test_only_the_groups_that_are_needed_are_asked_for() -> None:
    host = Host(**{"metrics.k8s.io": {"kind": "APIGroup"}})
    assert groups_served(cast("Any", host), SPEC) == frozenset()
    assert groups_served(cast("Any", host), ASKED) == {"metrics.k8s.io"}
    both = Spec("a", "a", "ns", "hc1", Access(), vertical_autoscaling=VerticalAutoscaling())
    assert groups_served(cast("Any", host), both) == frozenset()
