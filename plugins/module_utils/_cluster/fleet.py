# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The light pass: all vClusters of one host cluster in a fixed number of paged lists (design: Cheap no-op)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from .._core.errors import ApiError
from .._core.observation import Observation, Release, Workload
from .._core.ports import Api, Fleet
from .releases import newest, release_of
from .workloads import SELECTOR, paused, workload_of

Key = tuple[str, str]
Wanted = Mapping[Key, frozenset[str]]

_LIVE_RELEASES = {"labelSelector": "owner=helm,status!=superseded"}
_WORKLOADS = {"labelSelector": SELECTOR}
# Secrets know this one selector beside their names; it leaves out the releases.
_OTHER_SECRETS = {"fieldSelector": "type!=helm.sh/release.v1"}


def survey(api: Api, wanted: Wanted) -> Fleet:
    """Look at vClusters; what else lives on the host cluster is left alone.

    Three lists over all namespaces, a fourth where Secrets are referred to. Where the right for that is missing, the
    same lists for each namespace.

    Args:
        wanted: The Secrets that each refers to.
    """
    version = host_version(api)
    referring = any(wanted.values())
    try:
        found = _collect(api, "", referring)
    except ApiError as error:
        if error.status != 403:
            raise
        return _by_namespace(api, wanted, version)
    return Fleet({key: _observation(found, key, version, wanted[key]) for key in wanted}, {})


def host_version(api: Api) -> tuple[int, int]:
    """Kubernetes minor of the host cluster; vendors append a plus sign to it."""
    answer = api.get("/version")
    return int(answer["major"]), int(str(answer["minor"]).rstrip("+"))


def identity(secret: Mapping[str, Any]) -> str:
    """What changes whenever a Secret does; its metadata tells."""
    return f"{secret['metadata']['uid']}/{secret['metadata']['resourceVersion']}"


class _Found:
    """What the lists showed, by (namespace, release)."""

    def __init__(self) -> None:
        self.releases: defaultdict[Key, list[Release]] = defaultdict(list)
        self.workloads: defaultdict[Key, list[Workload]] = defaultdict(list)
        self.secrets: dict[Key, str] = {}


def _collect(api: Api, namespace: str, referring: bool) -> _Found:
    scope = f"/namespaces/{namespace}" if namespace else ""
    found = _Found()
    for item in api.list(f"/api/v1{scope}/secrets", _LIVE_RELEASES, metadata_only=True):
        metadata = item["metadata"]
        found.releases[_key(metadata, "name")].append(release_of(metadata))
    for kind in ("Deployment", "StatefulSet"):
        for item in api.list(f"/apis/apps/v1{scope}/{kind.lower()}s", _WORKLOADS):
            found.workloads[_key(item["metadata"], "release")].append(workload_of(item, kind))
    if referring:
        for item in api.list(f"/api/v1{scope}/secrets", _OTHER_SECRETS, metadata_only=True):
            place = item["metadata"]["namespace"], item["metadata"]["name"]
            found.secrets[place] = identity(item)
    return found


def _key(metadata: Mapping[str, Any], label: str) -> Key:
    return metadata["namespace"], (metadata.get("labels") or {}).get(label, "")


def _observation(
    found: _Found, key: Key, version: tuple[int, int], secrets: frozenset[str]
) -> Observation:
    workloads = tuple(found.workloads.get(key, ()))
    places = {name: (key[0], name) for name in secrets}
    return Observation(
        release=newest(found.releases.get(key, ())),
        workloads=workloads,
        references={n: found.secrets[p] for n, p in places.items() if p in found.secrets},
        paused=paused(workloads),
        host_version=version,
    )


def _by_namespace(api: Api, wanted: Wanted, version: tuple[int, int]) -> Fleet:
    observations: dict[Key, Observation] = {}
    failures: dict[Key, Exception] = {}
    requests = 1
    for namespace, keys in _grouped(wanted).items():
        referring = any(wanted[key] for key in keys)
        requests += 4 if referring else 3
        try:
            found = _collect(api, namespace, referring)
        except ApiError as error:
            failures.update(dict.fromkeys(keys, error))
            continue
        observations.update({key: _observation(found, key, version, wanted[key]) for key in keys})
    count = len(_grouped(wanted))
    note = (
        f"No right to list Secrets, Deployments and StatefulSets of all namespaces: "
        f"asked {count} namespaces one by one, {requests} requests instead of {5 if any(wanted.values()) else 4}."
    )
    return Fleet(observations, failures, (note,))


def _grouped(wanted: Iterable[Key]) -> dict[str, list[Key]]:
    grouped: defaultdict[str, list[Key]] = defaultdict(list)
    for key in wanted:
        grouped[key[0]].append(key)
    return grouped
