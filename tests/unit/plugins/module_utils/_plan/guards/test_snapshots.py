# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards on a snapshot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.contents import Contents
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.finding import Finding
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
    Release,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.snapshot import Manifest
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import (
    S3,
    Access,
    Origin,
    Snapshots,
    Spec,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.guards.snapshots import (
    RESTORING,
    origin_findings,
    request_findings,
    restore_findings,
    snapshot_findings,
)

ETCD = {"controlPlane": {"backingStore": {"etcd": {"deploy": {"enabled": True}}}}}
PLACE = Snapshots(directory="/b", recipients=("age1x",))
BUCKET = Snapshots(s3=S3("b"))
OPEN = Spec("a", "a", "n", "hc1", Access(), snapshots=BUCKET, allow=frozenset({"G38"}))


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
    assert "vcluster_snapshots.s3" in finding.way_out
    assert found(Snapshots(s3=S3("b"), recipients=("age1x",))) == ()


def test_g38_the_keys_of_authorities_are_not_laid_down_in_clear() -> None:
    (finding,) = found(Snapshots(directory="/b"))
    assert (finding.guard, finding.severity) == ("G38", "refuse")
    assert "vcluster_allow: [G38]" in finding.way_out
    (bucket,) = found(Snapshots(s3=S3("b")))
    assert bucket == finding
    (lifted,) = found(Snapshots(directory="/b"), "G38")
    assert lifted.severity == "warn"


def test_what_cannot_be_saved_is_said_while_planning() -> None:
    (nothing,) = found(values=None)
    assert "does not exist" in nothing.what
    embedded = {"controlPlane": {"backingStore": {"etcd": {"embedded": {"enabled": True}}}}}
    (other,) = found(values=embedded)
    assert "snapshots of the store etcd_embedded are not there yet" in other.what
    assert "vcluster snapshot create" in other.way_out


@pytest.mark.parametrize(
    ("persistence", "place"),
    [
        ({}, None),
        ({"volumeClaim": {"enabled": True}}, None),
        ({"volumeClaim": {"enabled": "true"}}, None),
        ({"volumeClaim": {"enabled": False}}, "an emptyDir"),
        ({"volumeClaim": {"enabled": "yes"}}, "an emptyDir"),
        ({"volumeClaim": {"enabled": False}, "dataVolume": [{"name": "data"}]}, "a dataVolume"),
        ({"volumeClaim": {"enabled": False}, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]}, None),
    ],
)  # fmt: skip
def test_sqlite_needs_a_volume_that_a_second_pod_reaches(
    persistence: dict[str, object], place: str | None
) -> None:
    values = {"controlPlane": {"statefulSet": {"persistence": persistence}}}
    for findings in (found(values=values), unfit(values, store="sqlite")):
        assert [finding.severity for finding in findings] == ["refuse"] * bool(place)
        assert all(f"has its data in {place}" in finding.what for finding in findings)


MANIFEST = Manifest(
    "20260317T093000Z-1a2b3c4d", "a", "n", "hc1", datetime(2026, 3, 17, tzinfo=UTC), "etcd",
    "etcd_deployed", "3.6.8", "0.36.1", "1.36.3", 1, Contents(1, "ab" * 32), (), {}, "", "", "", "",
    datetime(2026, 3, 17, tzinfo=UTC),
)  # fmt: skip


def workload(component: str, **images: str) -> Workload:
    return Workload(component, "StatefulSet", component, 1, 1, 1, 1, 1, 1, images, "")


def unfit(
    values: object = ETCD, kubernetes: str = "v1.36.3", etcd: str = "3.6.8-0", **manifest: object
) -> tuple[Finding, ...]:
    """What keeps a snapshot from being restored into a vCluster that runs these versions."""
    observation = Observation(
        last_good=Release(1, "deployed", values=values),  # type: ignore[arg-type]
        workloads=(
            workload("control_plane", kubernetes=f"kubernetes:{kubernetes}"),
            workload("etcd", etcd=f"etcd:{etcd}"),
        ),
    )
    spec = Spec("a", "a", "n", "hc1", Access(), snapshots=PLACE)
    return restore_findings(spec, observation, replace(MANIFEST, **manifest))


def test_a_snapshot_fits_the_vcluster_that_it_was_taken_of() -> None:
    assert unfit() == ()
    assert unfit(kubernetes="v1.37.0", etcd="3.7.0-0") == (), (
        "newer ones read what older ones wrote"
    )
    assert unfit(kubernetes="latest") == (), "a tag that is no version says nothing"


@pytest.mark.parametrize(
    ("runs", "words"),
    [({"kubernetes": "v1.35.9"}, "Kubernetes 1.36.3"), ({"etcd": "3.5.25-0"}, "etcd 3.6.8")],
)
def test_g25_what_a_newer_one_wrote_is_not_given_to_an_older_one(
    runs: dict[str, str], words: str
) -> None:
    (finding,) = unfit(**runs)  # type: ignore[arg-type]
    assert (finding.guard, finding.severity) == ("G25", "refuse")
    assert f"Bring the vCluster to {words} first" in finding.way_out


def test_a_store_that_cannot_be_filled_is_refused() -> None:
    assert "cannot be restored into the store sqlite" in unfit(values={})[0].what
    assert unfit(values={}, store="sqlite") == ()
    (other,) = unfit(store="etcd_external")
    assert "of the store etcd_external" in other.what
    embedded = {"controlPlane": {"backingStore": {"etcd": {"embedded": {"enabled": True}}}}}
    for manifest in ({"store": "etcd_embedded"}, {"way": "keys", "store": ""}):
        (closed,) = unfit(values=embedded, **manifest)  # type: ignore[arg-type]
        assert "cannot be restored into the store etcd_embedded yet" in closed.what


def test_g34_nothing_is_saved_of_a_store_that_is_being_restored() -> None:
    release = Release(1, "deployed", values=ETCD)
    observation = Observation(last_good=release, paused=RESTORING)
    (finding,) = snapshot_findings(
        Spec("a", "a", "n", "hc1", Access(), snapshots=PLACE), observation
    )
    assert finding.guard == "G34"


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        (None, None),
        ("/backups/a.tar.gz", None),
        ("s3://b/west/a.tar.gz", None),
        ("s3://c/west/a.tar.gz", "is in bucket c, and vcluster_snapshots.s3 is b"),
        ("s3://b", "names no object"),
        ("s3://b/", "names no object"),
        ("s3://b/a.tar.gz?secret-access-key=c2VjcmV0", "has options after the question mark"),
    ],
)
def test_an_archive_in_a_bucket_is_in_that_of_the_inventory(
    archive: str | None, words: str | None
) -> None:
    snapshots = Snapshots(s3=S3("b"), origin=Origin(archive=archive))
    spec = Spec("a", "a", "n", "hc1", Access(), snapshots=snapshots)
    findings = origin_findings(spec)
    assert bool(findings) == bool(words)
    assert all((words or "") in finding.what for finding in findings)
    assert "c2VjcmV0" not in str(findings)


def test_an_archive_in_a_bucket_needs_its_endpoint_and_keys() -> None:
    snapshots = Snapshots(directory="/b", origin=Origin(archive="s3://b/a.tar.gz"))
    (finding,) = origin_findings(Spec("a", "a", "n", "hc1", Access(), snapshots=snapshots))
    assert "vcluster_snapshots.s3 is not set" in finding.what


def asked(
    chart: str = "0.36.1",
    replicas: int = 1,
    paused: str = "",
    values: object = ETCD,
    snapshots: Snapshots = BUCKET,
) -> tuple[Finding, ...]:
    """What keeps the vendor's controller from writing an archive."""
    release = Release(1, "deployed", chart_version=chart, values=values)  # type: ignore[arg-type]
    plane = Workload("control_plane", "StatefulSet", "a", replicas)
    observation = Observation(last_good=release, workloads=(plane,), paused=paused)
    found = request_findings(replace(OPEN, snapshots=snapshots), observation)
    assert {f.guard for f in found if f.severity == "warn"} == {"G38"}, "lifted by consent"
    return tuple(finding for finding in found if finding.severity == "refuse")


def test_g38_an_archive_in_clear_takes_consent() -> None:
    closed = request_findings(replace(OPEN, allow=frozenset()), Observation())
    assert [f.severity for f in closed if f.guard == "G38"] == ["refuse"]


def test_a_controller_that_runs_and_reaches_a_bucket_is_asked() -> None:
    assert asked() == ()
    assert asked(chart="0.30.5") == ()
    assert asked(chart="0.37.0-rc.1") == ()
    assert asked(values={}) == ()
    gone = {"controlPlane": {"statefulSet": {"persistence": {"volumeClaim": {"enabled": False}}}}}
    assert asked(values=gone) == (), "it reads the store through its server, wherever that keeps it"


@pytest.mark.parametrize("chart", ["0.28.2", "0.29.3", "0.30.4", "0.30.5-rc.1"])
def test_g26_older_controllers_write_none_or_torn_ones(chart: str) -> None:
    (finding,) = asked(chart)
    assert (finding.guard, finding.severity) == ("G26", "refuse")
    assert f"chart {chart} has no controller" in finding.what
    assert "0.30.5" in finding.way_out


@pytest.mark.parametrize(
    ("replicas", "paused", "words"),
    [
        (0, "", "is stopped"),
        (0, "loft.sh/paused", "is paused or sleeping (annotation loft.sh/paused)"),
        (1, "loft.sh/paused", "is paused or sleeping (annotation loft.sh/paused)"),
        (0, RESTORING, "is being restored"),
    ],
)
def test_g34_without_a_control_plane_there_is_no_controller(
    replicas: int, paused: str, words: str
) -> None:
    (finding,) = asked(replicas=replicas, paused=paused)
    assert finding.guard == "G34"
    assert words in finding.what


def test_a_controller_writes_to_no_folder_of_ours() -> None:
    (finding,) = asked(snapshots=PLACE)
    assert "no bucket" in finding.what
    assert finding.way_out == "Set vcluster_snapshots.s3."


def test_what_is_not_there_or_is_another_kind_of_archive_is_not_asked_for() -> None:
    embedded = {"controlPlane": {"backingStore": {"etcd": {"embedded": {"enabled": True}}}}}
    (finding,) = asked(values=embedded)
    assert "etcd_embedded" in finding.what
    nothing = request_findings(OPEN, Observation())[0]
    assert "does not exist" in nothing.what
