# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards on a snapshot: what is not there cannot be saved, and where it goes matters."""

from __future__ import annotations

from ..._core.finding import Finding, refuse
from ..._core.observation import Observation
from ..._core.spec import Spec
from ..._stores.registry import store_in
from .lift import lifted


def target_findings(spec: Spec) -> tuple[Finding, ...]:
    """A target is named."""
    if spec.snapshots.directory is not None:
        return ()
    return (
        refuse(
            "spec",
            f"{spec.title}: there is no place for its snapshots.",
            "",
            "Set vcluster_snapshots.directory to a folder of the controller, or a share mounted there.",
        ),
    )


def snapshot_findings(spec: Spec, observation: Observation) -> tuple[Finding, ...]:
    """There is something to save, its store can be, and G38: what holds the keys of its authorities is encrypted."""
    found = [*_store_findings(spec, observation), *target_findings(spec)]
    if not spec.snapshots.recipients:
        found.append(
            refuse(
                "G38",
                f"{spec.title}: its snapshots would not be encrypted.",
                "They hold the keys of its authorities, its values and its Secrets.",
                "Set vcluster_snapshots.recipients to age public keys, or set vcluster_allow: [G38].",
            )
        )
    return lifted(found, spec.allow)


def _store_findings(spec: Spec, observation: Observation) -> list[Finding]:
    good = observation.last_good
    if good is None:
        return [
            refuse(
                "spec",
                f"{spec.title} does not exist, so there is nothing to take a snapshot of.",
                "",
                "Install it first: ansible-playbook fleetops.vcluster.site",
            )
        ]
    store = store_in(good.values or {})
    if store.way is not None:
        return []
    return [
        refuse(
            "spec",
            f"{spec.title}: snapshots of the store {store.type} are not there yet.",
            "",
            "Those of etcd_deployed and etcd_external are.",
        )
    ]
