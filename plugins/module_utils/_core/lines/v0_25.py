# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.25.

Source: values.yaml, values.schema.json, config/default_extra_values.go and the templates of each release tag.
"""

from __future__ import annotations

from .distros import k0s, k3s, k8s
from .line import FIRST_METRICS, Line, Moved, Patch, Removed

LINE = Line(
    name="0.25",
    patches=(
        Patch("0.25.0", "1.32.1", "3.5.21-0"),
        Patch("0.25.1", "1.32.1", "3.5.21-0"),
        Patch("0.25.2", "1.32.8", "3.5.21-0"),
    ),
    distros=(
        k8s("1.30.2", "1.31.1", "1.32.8"),
        k3s("1.30.2", "1.31.1", "1.32.7"),
        k0s("1.30.2"),
    ),
    removed=(
        Removed(
            "controlPlane.distro.k8s.apiServer.image",
            "controlPlane.distro.k8s.image, which holds all parts in one",
            (
                Moved(
                    "controlPlane.distro.k8s.apiServer.image.tag",
                    "controlPlane.distro.k8s.image.tag",
                ),
            ),
        ),
        Removed(
            "controlPlane.distro.k8s.apiServer.imagePullPolicy",
            "controlPlane.distro.k8s.imagePullPolicy",
            (
                Moved(
                    "controlPlane.distro.k8s.apiServer.imagePullPolicy",
                    "controlPlane.distro.k8s.imagePullPolicy",
                ),
            ),
        ),
        Removed(
            "controlPlane.distro.k8s.controllerManager.image",
            "controlPlane.distro.k8s.image, which holds all parts in one",
            (
                Moved(
                    "controlPlane.distro.k8s.controllerManager.image.tag",
                    "controlPlane.distro.k8s.image.tag",
                ),
            ),
        ),
        Removed(
            "controlPlane.distro.k8s.controllerManager.imagePullPolicy",
            "controlPlane.distro.k8s.imagePullPolicy",
            (
                Moved(
                    "controlPlane.distro.k8s.controllerManager.imagePullPolicy",
                    "controlPlane.distro.k8s.imagePullPolicy",
                ),
            ),
        ),
        Removed(
            "controlPlane.distro.k8s.scheduler.image",
            "controlPlane.distro.k8s.image, which holds all parts in one",
            (
                Moved(
                    "controlPlane.distro.k8s.scheduler.image.tag",
                    "controlPlane.distro.k8s.image.tag",
                ),
            ),
        ),
        Removed(
            "controlPlane.distro.k8s.scheduler.imagePullPolicy",
            "controlPlane.distro.k8s.imagePullPolicy",
            (
                Moved(
                    "controlPlane.distro.k8s.scheduler.imagePullPolicy",
                    "controlPlane.distro.k8s.imagePullPolicy",
                ),
            ),
        ),
        Removed(
            "experimental.reuseNamespace",
            "a namespace for each vCluster",
            (Moved("experimental.reuseNamespace", "", "off"),),
        ),
    ),
    metrics=FIRST_METRICS,
)
