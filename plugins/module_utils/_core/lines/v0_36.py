# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.36.

Source: values.yaml, values.schema.json and the templates of each release tag.

The keys with volume snapshots are refused by templates/_validate.tpl, not by the schema.
"""

from __future__ import annotations

from .line import Line, Patch, Removed

LINE = Line(
    name="0.36",
    patches=(
        Patch("0.36.0", "1.36.0", "3.6.8-0"),
        Patch("0.36.1", "1.36.0", "3.6.8-0"),
    ),
    removed=(
        Removed("snapshots.auto.volumes", "nothing: back volumes up with a tool for volumes"),
        Removed("sync.toHost.volumeSnapshots", "nothing: remove it, also when it is false"),
        Removed("sync.toHost.volumeSnapshotContents", "nothing: remove it, also when it is false"),
        Removed("sync.fromHost.volumeSnapshotClasses", "nothing: remove it, also when it is false"),
        Removed("deploy.volumeSnapshotController", "nothing: remove it, also when it is false"),
        Removed("rbac.enableVolumeSnapshotRules", "nothing: remove it, also when it is false"),
    ),
)
