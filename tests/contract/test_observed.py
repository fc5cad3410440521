# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in's objects against objects of a running release, 0.36.1."""

from __future__ import annotations

from typing import Any

import pytest
from facts import Contract, compared

VERSION = "0.36.1"
# Release and values of what was observed: the open-source image and a pinned tenant Kubernetes.
IMAGES = {
    "distro": {"k8s": {"image": {"tag": "v1.34.4"}}},
    "statefulSet": {"image": {"repository": "loft-sh/vcluster-oss"}},
}
OBSERVED = {"sqlite": ("snap", "sqlite"), "etcd-deploy-3": ("up", "etcd-deploy-3")}
# What the API server changes in an object, or what depends on every value that was ever set.
ADMITTED = {
    "spec.ports[https].nodePort",  # 0 is "none" and is dropped
    "spec.ports[kubelet].nodePort",
    "spec.template.metadata.annotations.vClusterConfigHash",
}


@pytest.mark.parametrize("observed", OBSERVED)
def test_live_objects(contract: Contract, template: Any, observed: str) -> None:
    """Every field the stand-in sets has the value that a running release had."""
    release, case = OBSERVED[observed]
    values = contract.values(case)
    plane = values.setdefault("controlPlane", {})
    plane["distro"] = IMAGES["distro"]
    plane["statefulSet"] = {**plane.get("statefulSet", {}), **IMAGES["statefulSet"]}
    done = template(VERSION, values, host="1.34.4", release=release, namespace=f"vc-{release}")
    live = contract.observed(observed)
    for name, item in done.objects().items():
        seen = compared(live[name])
        set_by_us = {p: v for p, v in compared(item).items() if v not in ({}, [], None)}
        wrong = {p: (v, seen.get(p)) for p, v in set_by_us.items() if seen.get(p) != v}
        assert wrong.keys() <= ADMITTED, f"{name}: {wrong}"


@pytest.mark.parametrize("observed", OBSERVED)
def test_nothing_of_the_chart_is_missing(contract: Contract, template: Any, observed: str) -> None:
    """Each object that Helm owned in the running release is one that the stand-in renders."""
    release, case = OBSERVED[observed]
    done = template(VERSION, contract.values(case), release=release, namespace=f"vc-{release}")
    owned = {
        name
        for name, item in contract.observed(observed).items()
        if "meta.helm.sh/release-name" in item["metadata"].get("annotations", {})
    }
    assert owned
    assert owned == done.objects().keys()
