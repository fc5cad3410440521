# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of actions that read or write the target of a vCluster's snapshots."""

from __future__ import annotations

from ..module_utils._core.spec import Snapshots
from ._inventory import Collected
from ._wave_action import WaveAction


class TargetAction(WaveAction):
    """Takes only so many at once, of a host cluster and of a target."""

    def places(self, collected: Collected) -> dict[str, int]:
        """Beside the host cluster the target, `vcluster_snapshots.concurrency`."""
        snapshots = collected.arguments.get("snapshots") or {}
        s3, claim = snapshots.get("s3") or {}, snapshots.get("claim") or {}
        # A bucket is one target, whatever folders in it are called.
        bucket = f"{s3.get('endpoint')} {s3.get('bucket')}"
        volume = f"{claim.get('namespace')} {claim.get('name')}"
        target = f"target {snapshots.get('directory')} {bucket} {volume}"
        count = int(snapshots.get("concurrency") or Snapshots.concurrency)
        return {**super().places(collected), target: count}
