# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Snapshots
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import (
    SNAPSHOT_SPEC,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot import (
    run_snapshot,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._inventory import Collected
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._wave_action import WaveAction


class ActionModule(WaveAction):
    """The module of the same name, in-process over a local connection."""

    argument_spec = SNAPSHOT_SPEC
    engine = run_snapshot

    def places(self, collected: Collected) -> dict[str, int]:
        """Beside the host cluster the target, `vcluster_snapshots.concurrency`."""
        snapshots = collected.arguments.get("snapshots") or {}
        target = f"target {snapshots.get('directory')}"
        return {
            **super().places(collected),
            target: int(snapshots.get("concurrency") or Snapshots.concurrency),
        }
