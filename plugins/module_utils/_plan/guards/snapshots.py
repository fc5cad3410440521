# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards on snapshots and restores: what is not there cannot be saved, where it goes matters, and it has to fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..._core.finding import Finding, refuse
from ..._core.observation import RESTORING, Observation
from ..._core.s3_url import parse
from ..._core.snapshot import Manifest
from ..._core.snapshot_request import OLDEST
from ..._core.spec import TARGETS, Spec
from ..._core.versions import version_of
from ..._stores.registry import store_in, store_named
from .lift import lifted


def target_findings(spec: Spec) -> tuple[Finding, ...]:
    """A target is named."""
    if any(getattr(spec.snapshots, name) is not None for name in TARGETS):
        return ()
    return (
        refuse(
            "spec",
            f"{spec.title}: there is no place for its snapshots.",
            "",
            "Set vcluster_snapshots.directory to a folder of the controller, or a share mounted there, "
            "vcluster_snapshots.s3 to a bucket, or vcluster_snapshots.claim to a claim on the host cluster.",
        ),
    )


def origin_findings(spec: Spec) -> tuple[Finding, ...]:
    """An archive in a bucket is read with what `vcluster_snapshots.s3` says, so it has to be that bucket."""
    url = parse(spec.snapshots.origin.archive or "")
    s3 = spec.snapshots.s3
    if url is None or (s3 and s3.bucket == url.bucket and url.key and not url.options):
        return ()
    if url.options:
        words = "has options after the question mark"
    elif not url.key:
        words = f"is {url} and names no object"
    else:
        words = f"is in bucket {url.bucket}, and vcluster_snapshots.s3 {f'is {s3.bucket}' if s3 else 'is not set'}"
    return (
        refuse(
            "spec",
            f"{spec.title}: vcluster_snapshots.from.archive {words}.",
            "It is read with the endpoint and the keys of vcluster_snapshots.s3.",
            "Set it to s3://BUCKET/KEY, and vcluster_snapshots.s3 to that bucket.",
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


def return_findings(spec: Spec, observation: Observation, what: str) -> tuple[Finding, ...]:
    """What is there can be saved, and put back by the same run.

    Args:
        what: What the snapshot is called.
    """
    opened = _locked(spec, what, spec.snapshots.recipients)
    return (*snapshot_findings(spec, observation), *opened)


def request_findings(spec: Spec, observation: Observation) -> tuple[Finding, ...]:
    """The vendor's controller runs, can write to the target, and writes an archive that can be read; in clear (G38)."""
    found = _kept_findings(spec, observation)
    good = observation.last_good
    version = version_of((good.chart_version if good else None) or "")
    if version and version.order < OLDEST.order:
        found.append(
            refuse(
                "G26",
                f"{spec.title}: chart {version} has no controller that writes whole archives.",
                "Before 0.29 there is none; up to 0.30.4 it reads the store page by page, each at another revision.",
                f"Bring it to {OLDEST} first, or take a snapshot with fleetops.vcluster.snapshot.",
            )
        )
    plane = observation.workload("control_plane")
    if (
        good
        and observation.paused != RESTORING
        and (observation.paused or not (plane and plane.replicas))
    ):
        how = (
            f"paused or sleeping (annotation {observation.paused})"
            if observation.paused
            else "stopped"
        )
        found.append(
            refuse(
                "G34", f"{spec.title} is {how}.", "Its controller does not run.", "Resume it first."
            )
        )
    if spec.snapshots.s3 is None:
        found.append(
            refuse(
                "spec",
                f"{spec.title}: there is no bucket for its archive.",
                "The vendor's controller cannot write to a folder of this machine.",
                "Set vcluster_snapshots.s3.",
            )
        )
    found.append(
        refuse(
            "G38",
            f"{spec.title}: its archive would not be encrypted.",
            "The vendor's controller writes its values and the tenant's Secrets in clear.",
            "Set vcluster_allow: [G38], or take a snapshot with fleetops.vcluster.snapshot.",
        )
    )
    return lifted(found, spec.allow)


def _store_findings(spec: Spec, observation: Observation) -> list[Finding]:
    found = _kept_findings(spec, observation)
    good = observation.last_good
    return found or (_data_findings(spec, good.values or {}) if good else [])


def _kept_findings(spec: Spec, observation: Observation) -> list[Finding]:
    """There is a store, it is whole, and of a kind that can be saved."""
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
    if observation.paused == RESTORING:
        return [
            refuse(
                "G34",
                f"{spec.title} is being restored.",
                "Its store may be half filled.",
                "Run that restore again first.",
            )
        ]
    if moving := moving_findings(spec, observation):
        return moving
    store = store_in(good.values or {})
    if store.way is not None:
        return []
    return [
        refuse(
            "spec",
            f"{spec.title}: snapshots of the store {store.type} are not there yet.",
            "Those of all other stores than etcd_embedded and database_external are.",
            "The vendor's own command takes one (vcluster snapshot create); only vcluster restore puts it back.",
        )
    ]


def moving_findings(spec: Spec, observation: Observation) -> list[Finding]:
    """G34: a run was cut off while the store changed; the way is to its end."""
    noted = observation.moving
    if noted is None:
        return []
    return [
        refuse(
            "G34",
            f"{spec.title} is on its way from {noted.source} to {noted.target}.",
            "Which of them it runs on is not settled.",
            "Let that come to its end first: fleetops.vcluster.migrate_store.",
        )
    ]


def _data_findings(spec: Spec, values: Mapping[str, Any]) -> list[Finding]:
    found = store_in(values).data_findings(values)
    return [replace(finding, what=f"{spec.title}: {finding.what}") for finding in found]


def restore_findings(
    spec: Spec, observation: Observation, manifest: Manifest
) -> tuple[Finding, ...]:
    """It fits the vCluster that runs, and can be opened."""
    good = observation.last_good
    if good is None:
        return (
            refuse(
                "spec",
                f"{spec.title} does not exist, so there is nothing to restore into.",
                "",
                "Install it first: ansible-playbook fleetops.vcluster.site",
            ),
        )
    values = good.values or {}
    found = [
        *moving_findings(spec, observation),
        *_data_findings(spec, values),
        *_into(spec, manifest, store_in(values).type),
        *_locked(spec, f"snapshot {manifest.id}", manifest.recipients),
    ]
    taken = f"snapshot {manifest.id} was taken with"
    return (
        *found,
        *newer_findings(
            spec, observation, taken, manifest.kubernetes_version, manifest.store_version
        ),
    )


def archive_findings(spec: Spec, manifest: Manifest | None = None) -> tuple[Finding, ...]:
    """A target is named, and the snapshot can be opened."""
    locked = _locked(spec, f"snapshot {manifest.id}", manifest.recipients) if manifest else ()
    return (*target_findings(spec), *locked)


def drill_findings(spec: Spec, manifest: Manifest) -> tuple[Finding, ...]:
    """A copy with the store of the snapshot can be made of it, and it can be opened."""
    locked = _locked(spec, f"snapshot {manifest.id}", manifest.recipients)
    return (*_into(spec, manifest, manifest.store), *locked)


def _into(spec: Spec, manifest: Manifest, store: str) -> list[Finding]:
    portable = manifest.way == "keys"
    if (portable or manifest.store == store) and store_named(store).way is not None:
        return []
    return [
        refuse(
            "spec",
            f"{spec.title}: snapshot {manifest.id} of the store {manifest.store} cannot be restored into the "
            f"store {store} yet.",
            "",
            "It goes into the store that it was taken of.",
        )
    ]


def _locked(spec: Spec, what: str, recipients: Sequence[str]) -> list[Finding]:
    if not recipients or spec.snapshots.identity:
        return []
    return [
        refuse(
            "spec",
            f"{spec.title}: {what} is encrypted and no key is given.",
            "",
            "Set vcluster_snapshots.identity to the age secret key, out of the vault.",
        )
    ]


def newer_findings(
    spec: Spec, observation: Observation, of: str, kubernetes: str, store: str
) -> list[Finding]:
    """G25: objects that a newer Kubernetes stored, and a file that a newer etcd wrote, are not read by older ones.

    Args:
        of: What comes from them, and a verb.
        kubernetes: Its version there.
        store: Version of the store's server there.
    """
    plane, etcd = observation.workload("control_plane"), observation.workload("etcd")
    pairs = (
        ("Kubernetes", kubernetes, plane.tag("kubernetes") if plane else ""),
        ("etcd", store, etcd.tag("etcd") if etcd else ""),
    )
    return [
        refuse(
            "G25",
            f"{spec.title}: {of} {what} {taken}, and {runs.removeprefix('v')} runs.",
            "The older one may not read what the newer one wrote.",
            f"Bring the vCluster to {what} {taken} first.",
        )
        for what, taken, runs in pairs
        if (before := version_of(taken)) and (now := version_of(runs)) and before.minor > now.minor
    ]
