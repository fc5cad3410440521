# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The light pass: all vClusters of one host cluster in a fixed number of paged lists (design: Cheap no-op)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._core.errors import ApiError
from .._core.observation import Observation, Release, Workload
from .._core.ports import Api, Fleet
from .releases import newest, release_of
from .workloads import SELECTOR, paused, workload_of

Key = tuple[str, str]

_LIVE_RELEASES = {"labelSelector": "owner=helm,status!=superseded"}
_WORKLOADS = {"labelSelector": SELECTOR}


def survey(api: Api, wanted: Sequence[Key]) -> Fleet:
    """Look at (namespace, name) pairs; what else lives on the host cluster is left alone.

    Three lists over all namespaces. Where the right for that is missing, three lists for each namespace.
    """
    version = host_version(api)
    try:
        found = _collect(api, "")
    except ApiError as error:
        if error.status != 403:
            raise
        return _by_namespace(api, wanted, version)
    return Fleet({key: _observation(found, key, version) for key in wanted}, {})


def host_version(api: Api) -> tuple[int, int]:
    """Kubernetes minor of the host cluster; vendors append a plus sign to it."""
    answer = api.get("/version")
    return int(answer["major"]), int(str(answer["minor"]).rstrip("+"))


class _Found:
    """What the lists showed, by (namespace, release)."""

    def __init__(self) -> None:
        self.releases: defaultdict[Key, list[Release]] = defaultdict(list)
        self.workloads: defaultdict[Key, list[Workload]] = defaultdict(list)


def _collect(api: Api, namespace: str) -> _Found:
    scope = f"/namespaces/{namespace}" if namespace else ""
    found = _Found()
    for item in api.list(f"/api/v1{scope}/secrets", _LIVE_RELEASES, metadata_only=True):
        metadata = item["metadata"]
        found.releases[_key(metadata, "name")].append(release_of(metadata))
    for kind in ("Deployment", "StatefulSet"):
        for item in api.list(f"/apis/apps/v1{scope}/{kind.lower()}s", _WORKLOADS):
            found.workloads[_key(item["metadata"], "release")].append(workload_of(item, kind))
    return found


def _key(metadata: Mapping[str, Any], label: str) -> Key:
    return metadata["namespace"], (metadata.get("labels") or {}).get(label, "")


def _observation(found: _Found, key: Key, version: tuple[int, int]) -> Observation:
    workloads = tuple(found.workloads.get(key, ()))
    return Observation(
        release=newest(found.releases.get(key, ())),
        workloads=workloads,
        paused=paused(workloads),
        host_version=version,
    )


def _by_namespace(api: Api, wanted: Sequence[Key], version: tuple[int, int]) -> Fleet:
    observations: dict[Key, Observation] = {}
    failures: dict[Key, Exception] = {}
    for namespace, keys in _grouped(wanted).items():
        try:
            found = _collect(api, namespace)
        except ApiError as error:
            failures.update(dict.fromkeys(keys, error))
            continue
        observations.update({key: _observation(found, key, version) for key in keys})
    count = len(_grouped(wanted))
    note = (
        f"No right to list Secrets, Deployments and StatefulSets of all namespaces: "
        f"asked {count} namespaces one by one, {3 * count + 1} requests instead of 4."
    )
    return Fleet(observations, failures, (note,))


def _grouped(wanted: Iterable[Key]) -> dict[str, list[Key]]:
    grouped: defaultdict[str, list[Key]] = defaultdict(list)
    for key in wanted:
        grouped[key[0]].append(key)
    return grouped
