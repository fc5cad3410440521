# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The versions that revisions ask for: what Helm did not finish, and by what a vCluster goes back from one to another.

A run may be cut off in a hop. Its revision may have changed what the store holds, so it is carried out again, or gone
back from by the snapshot that was taken before it (G23, G25).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from .._core.finding import Finding, refuse
from .._core.observation import Observation, Release
from .._core.plan import WayBack
from .._core.snapshot import taken_at
from .._core.versions import Version, version_of
from .values import read
from .ways import last_of

# Names of the init containers that bring the tenant's Kubernetes (templates/_init-containers.tpl): k8s from 0.25 on;
# k8s until 0.24; k3s and k0s, whose image has the suffix of its distro.
KUBERNETES_CONTAINERS = ("kubernetes", "kube-apiserver", "vcluster")
# A snapshot that is this much older than what came after it was taken by a run that ended before Helm did anything.
FRESH = timedelta(hours=2)


def running_kubernetes(observation: Observation) -> str | None:
    """The tenant's Kubernetes by the image that brings it, for example `1.36.3`.

    Where the live image does not tell (it has a digest only, or the workload is gone), the one that was asked for does.
    """
    good = observation.last_good
    found = (*observation.workloads, *(good.workloads if good else ()))
    planes = [workload for workload in found if workload.component == "control_plane"]
    tags = (plane.tag(container) for container in KUBERNETES_CONTAINERS for plane in planes)
    known = next((version for tag in tags if (version := kubernetes_of(tag))), None)
    if known and good and read(good.values or {}, ("privateNodes", "enabled")) is True:
        # The chart adds this to the tag (_init-containers.tpl); it is no part of what values say.
        known = known.removesuffix("-full")
    return known


def kubernetes_of(tag: str) -> str | None:
    """The version of an image tag; None when it is none."""
    return tag.removeprefix("v") if version_of(tag) else None


def way_back(observation: Observation) -> WayBack:
    """From a revision that was not proved yet: what a run would have done that was cut off."""
    base, good = observation.base, observation.last_good
    if base is None or good is None or base.revision == good.revision:
        return "none"
    if observation.moving:
        return "store"
    if crossed(base, good):
        return "snapshot" if _saved_for(observation, base, good) else "none"
    return "values" if good.ours or redone(observation) else "none"


def _saved_for(observation: Observation, base: Release, good: Release) -> bool:
    """Whether the snapshot of a revision was taken for the one that came after it, and not for one that never came."""
    if not base.snapshot or not (good.ours or redone(observation)):
        return False
    return datetime.fromtimestamp(good.modified, UTC) - taken_at(base.snapshot) < FRESH


def crossed(one: Release, other: Release) -> bool:
    """Whether a line, a minor of Kubernetes or one of the store lies between two revisions (G25)."""
    pairs = zip(_versions(one), _versions(other), strict=True)
    return any(one and other and one.minor != other.minor for one, other in pairs)


def unfinished(observation: Observation) -> Release | None:
    """The newest revision, where it raises a version and Helm did not finish it: its objects may be there already.

    One that lowers any is none: somebody's rollback is not carried on with.
    """
    newest, good = observation.release, observation.last_good
    if newest is None or good is None or newest.revision == good.revision:
        return None
    pairs = zip(_versions(newest), _versions(good), strict=True)
    moved = [(new, old) for new, old in pairs if new and old and new != old]
    return newest if moved and all(new.numbers >= old.numbers for new, old in moved) else None


def redone(observation: Observation) -> bool:
    """Whether it is seen as it will be when a revision is carried out again; see as_finished."""
    newest, good = observation.release, observation.last_good
    same = newest and good and newest.revision == good.revision
    return bool(same and newest and good and newest.status != good.status)


def as_finished(observation: Observation, release: Release) -> Observation:
    """What will be seen when such a revision is carried out again; the newest revision is still that of now."""
    asked = {workload.name: workload.images for workload in release.workloads}
    workloads = tuple(
        replace(workload, images=asked.get(workload.name, workload.images))
        for workload in observation.workloads
    )
    return replace(observation, last_good=replace(release, status="deployed"), workloads=workloads)


def jump(observation: Observation, release: Release) -> Finding | None:
    """Why a revision that Helm did not finish is not carried out again: no hop goes so far (G16, G18)."""
    good = observation.last_good
    if good is None:
        return None
    *pairs, (old, new) = zip(_versions(good), _versions(release), strict=True)
    far = any(one and other and other.minor[1] > one.minor[1] + 1 for one, other in pairs)
    if old and new and old.minor != new.minor:
        far = far or new.minor[1] > old.minor[1] + 1 or old != last_of(old.minor)
    if not far:
        return None
    charts = f"chart {good.chart_version} to {release.chart_version}"
    return refuse(
        "G23",
        f"Revision {release.revision} is {release.status}, and went from {charts}, or as far with Kubernetes or etcd.",
        "No hop goes so far, so it is not carried out again; its pods may have written to the store already.",
        f"See what runs; while nothing of it does: helm rollback to revision {good.revision}.",
    )


def _versions(release: Release) -> tuple[Version | None, ...]:
    """Of the chart, the tenant's Kubernetes and the store's servers."""
    etcd = Observation(workloads=release.workloads).workload("etcd")
    texts = (release.chart_version, running_kubernetes(Observation(last_good=release)))
    return tuple(version_of(text or "") for text in (*texts, etcd.tag("etcd") if etcd else None))
