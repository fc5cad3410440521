# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards on a snapshot."""

from __future__ import annotations

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.finding import Finding
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
    Release,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import (
    Access,
    Snapshots,
    Spec,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.guards.snapshots import (
    snapshot_findings,
)

ETCD = {"controlPlane": {"backingStore": {"etcd": {"deploy": {"enabled": True}}}}}
PLACE = Snapshots(directory="/b", recipients=("age1x",))


def found(
    snapshots: Snapshots = PLACE, allow: str = "", values: object = ETCD
) -> tuple[Finding, ...]:
    spec = Spec(
        "a", "a", "n", "hc1", Access(), snapshots=snapshots, allow=frozenset(filter(None, [allow]))
    )
    release = Release(1, "deployed", chart_version="0.36.1", values=values)  # type: ignore[arg-type]
    return snapshot_findings(spec, Observation(last_good=release if values is not None else None))


def test_an_encrypted_one_of_a_store_that_can_is_fine() -> None:
    assert found() == ()


def test_without_a_place_there_is_none() -> None:
    (finding,) = found(Snapshots(recipients=("age1x",)))
    assert finding.severity == "refuse"
    assert "vcluster_snapshots.directory" in finding.way_out


def test_g38_the_keys_of_authorities_are_not_laid_down_in_clear() -> None:
    (finding,) = found(Snapshots(directory="/b"))
    assert (finding.guard, finding.severity) == ("G38", "refuse")
    assert "vcluster_allow: [G38]" in finding.way_out
    (lifted,) = found(Snapshots(directory="/b"), "G38")
    assert lifted.severity == "warn"


def test_what_cannot_be_saved_is_said_while_planning() -> None:
    (nothing,) = found(values=None)
    assert "does not exist" in nothing.what
    (sqlite,) = found(values={})
    assert "snapshots of the store sqlite are not there yet" in sqlite.what
