# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action `fleetops.vcluster.control_plane` with the proof left out: no tenant runs here to prove.

Everything else is the collection's own, from the fork of Ansible's worker on: observe, plan, lock,
helm, wait for the rollout, mark.
"""

from __future__ import annotations

from ansible_collections.fleetops.vcluster.plugins.action.control_plane import (
    ActionModule as ControlPlane,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import control_plane
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.apply import Application


class Unproved(Application):
    """An application that takes the proof for granted."""

    def _prove(self) -> None:
        self.checks = ()


class ActionModule(ControlPlane):
    """See the module's docstring."""

    def _in_process(self, *arguments: object) -> dict[str, object]:
        control_plane.Application = Unproved  # in this worker alone, which ends after its task
        result: dict[str, object] = super()._in_process(*arguments)
        return result
