# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The distros of the chart lines, and the values that pin the tenant's Kubernetes with each (_init-containers.tpl)."""

from __future__ import annotations

from .line import Distro

_K8S = "controlPlane.distro.k8s"


def k8s(*versions: str) -> Distro:
    """The vendor's own image, 0.25 on: a version wins over the tag."""
    return Distro("k8s", versions, f"{_K8S}.image.tag", instead=f"{_K8S}.version")


def k8s_parts(*versions: str) -> Distro:
    """An image for each part, until 0.24: its tag wins over the version where it is not the chart's default."""
    parts = ("apiServer", "controllerManager", "scheduler")
    tags = tuple(f"{_K8S}.{part}.image.tag" for part in parts)
    return Distro("k8s", versions, f"{_K8S}.version", beside=tags)


def k3s(*versions: str) -> Distro:
    """Gone in 0.33 (G21)."""
    return Distro(
        "k3s", tuple(f"{text}-k3s1" for text in versions), "controlPlane.distro.k3s.image.tag"
    )


def k0s(*versions: str) -> Distro:
    """Gone in 0.26 (G21)."""
    return Distro(
        "k0s", tuple(f"{text}-k0s.0" for text in versions), "controlPlane.distro.k0s.image.tag"
    )
