# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.36.

Source: values.yaml, values.schema.json, config/default_extra_values.go and the templates of each release tag.
Hosts: the vendor's documentation, static/api/k8s-compatibility.json of 2026-08-21.

The keys with volume snapshots are refused by templates/_validate.tpl, not by the schema.
"""

from __future__ import annotations

from .distros import k8s
from .line import Line, Moved, Patch, Removed

LINE = Line(
    name="0.36",
    patches=(
        Patch("0.36.0", "1.36.0", "3.6.8-0"),
        Patch("0.36.1", "1.36.0", "3.6.8-0"),
    ),
    distros=(k8s("1.30.2", "1.31.1", "1.32.1", "1.33.4", "1.34.0", "1.35.0", "1.36.0"),),
    hosts=((1, 34), (1, 35), (1, 36)),
    removed=(
        Removed(
            "snapshots.auto.volumes",
            "nothing: back volumes up with a tool for volumes",
            (Moved("snapshots.auto.volumes", "", "off"),),
        ),
        Removed(
            "sync.toHost.volumeSnapshots",
            "nothing: remove it, also when it is false",
            (Moved("sync.toHost.volumeSnapshots", "", "off"),),
        ),
        Removed(
            "sync.toHost.volumeSnapshotContents",
            "nothing: remove it, also when it is false",
            (Moved("sync.toHost.volumeSnapshotContents", "", "off"),),
        ),
        Removed(
            "sync.fromHost.volumeSnapshotClasses",
            "nothing: remove it, also when it is false",
            (Moved("sync.fromHost.volumeSnapshotClasses", "", "off"),),
        ),
        Removed(
            "deploy.volumeSnapshotController",
            "nothing: remove it, also when it is false",
            (Moved("deploy.volumeSnapshotController", "", "off"),),
        ),
        Removed(
            "rbac.enableVolumeSnapshotRules",
            "nothing: remove it, also when it is false",
            (Moved("rbac.enableVolumeSnapshotRules", "", "drop"),),
        ),
    ),
)
