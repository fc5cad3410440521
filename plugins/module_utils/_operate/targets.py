# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The targets of snapshots, opened: some have something on a host cluster for as long as a run uses them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from .._cluster.claim_folder import ClaimFolder
from .._cluster.directory import Directory
from .._core.ports import Api, Target
from .._core.spec import Claim, Snapshots, Spec


class Targets:
    """Those of one run."""

    def __init__(self) -> None:
        self._claims: dict[tuple[str, Claim], ClaimFolder] = {}
        self._opening = threading.Lock()

    def of(self, spec: Spec, api: Callable[[], Api]) -> Target:
        """The target of a vCluster's snapshots; nothing is sent yet.

        Args:
            api: Gives that of its host cluster.
        """
        claim = spec.snapshots.claim
        if claim is None:
            return open_target(spec.snapshots)
        key = (spec.access.key, claim)
        with self._opening:
            if key not in self._claims:
                self._claims[key] = ClaimFolder(api(), spec, claim, spec.limits.rollout)
            return self._claims[key]

    def close(self) -> None:
        """End the pods on claims."""
        for claim in self._claims.values():
            claim.close()


def open_target(snapshots: Snapshots) -> Target:
    """A target that takes nothing of a host cluster."""
    if snapshots.s3 is not None:
        # Its library is large, and most runs need none of it.
        from .._cluster.bucket import Bucket

        return Bucket(snapshots.s3)
    return Directory(Path(snapshots.directory or ""))
