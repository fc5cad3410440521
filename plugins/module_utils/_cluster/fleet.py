# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The light pass: all vClusters of one host cluster in a fixed number of paged lists (design: Cheap no-op)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .._core.errors import ApiError, FleetError
from .._core.migration import Migration
from .._core.observation import Observation, Release, Workload
from .._core.ports import Api, Fleet, Json
from .leases import leader_lease, leader_of
from .releases import lease_name, migration_in, newest, release_of
from .workloads import SELECTOR, paused, workload_of

Key = tuple[str, str]
Wanted = Mapping[Key, frozenset[str]]

_LIVE_RELEASES = {"labelSelector": "owner=helm,status!=superseded"}
_WORKLOADS = {"labelSelector": SELECTOR}
# Secrets know this one selector beside their names; it leaves out the releases.
_OTHER_SECRETS = {"fieldSelector": "type!=helm.sh/release.v1"}


def survey(api: Api, wanted: Wanted, *, leases: bool = False) -> Fleet:
    """Look at vClusters; what else lives on the host cluster is left alone.

    Three lists over all namespaces, one more where Secrets are referred to, one more for Leases. Where the right
    for that is missing, the same lists for each namespace.

    Args:
        wanted: The Secrets that each refers to.
        leases: Look at them too: who leads, and what was written down of a store migration.
    """
    look = _Look(api, host_version(api), leases)
    try:
        return Fleet(look.at("", wanted), {})
    except ApiError as error:
        if not error.forbidden:
            raise
    observations: dict[Key, Observation] = {}
    failures: dict[Key, Exception] = {}
    asked = look.requests
    grouped = _grouped(wanted)
    for namespace, keys in grouped.items():
        try:
            observations.update(look.at(namespace, {key: wanted[key] for key in keys}))
        except ApiError as error:
            failures.update(dict.fromkeys(keys, error))
    note = (
        f"No right to list Secrets, Deployments and StatefulSets of all namespaces: asked "
        f"{len(grouped)} namespaces one by one, {look.requests - asked} lists instead of {asked}."
    )
    return Fleet(observations, failures, (note,))


def host_version(api: Api) -> tuple[int, int]:
    """Kubernetes minor of the host cluster; vendors append a plus sign to it."""
    answer = api.get("/version")
    return int(answer["major"]), int(str(answer["minor"]).rstrip("+"))


def identity(secret: Mapping[str, Any]) -> str:
    """What changes whenever a Secret does; its metadata tells."""
    return f"{secret['metadata']['uid']}/{secret['metadata']['resourceVersion']}"


@dataclass
class _Look:
    """Lists over one namespace or all of them, and what they show.

    Attributes:
        requests: Lists that were asked for.
    """

    api: Api
    version: tuple[int, int]
    leases: bool
    requests: int = 0

    def at(self, namespace: str, wanted: Wanted) -> dict[Key, Observation]:
        """The vClusters of one namespace, of all of them by an empty name."""
        self._scope = f"/namespaces/{namespace}" if namespace else ""
        self.requests += 3 + any(wanted.values()) + self.leases
        releases: defaultdict[Key, list[Release]] = defaultdict(list)
        for metadata in self._metadata(_LIVE_RELEASES):
            releases[_key(metadata, "name")].append(release_of(metadata))
        workloads = self._workloads()
        secrets = self._secrets() if any(wanted.values()) else {}
        leases = self._leases() if self.leases else {}
        seen_at = self.api.now

        def observation(key: Key) -> Observation:
            here, name = key
            elected = leases.get((here, leader_lease(name)))
            own = leases.get((here, lease_name(name)), {})
            return Observation(
                release=newest(releases.get(key, ())),
                workloads=tuple(workloads.get(key, ())),
                references={n: secrets[here, n] for n in wanted[key] if (here, n) in secrets},
                paused=paused(workloads.get(key, ())),
                host_version=self.version,
                leader=leader_of(elected, seen_at) if elected else None,
                seen_at=seen_at,
                migration=_migration(own),
            )

        return {key: observation(key) for key in wanted}

    def _workloads(self) -> dict[Key, list[Workload]]:
        found: defaultdict[Key, list[Workload]] = defaultdict(list)
        for kind in ("Deployment", "StatefulSet"):
            path = f"/apis/apps/v1{self._scope}/{kind.lower()}s"
            for item in self.api.list(path, _WORKLOADS):
                found[_key(item["metadata"], "release")].append(workload_of(item, kind))
        return found

    def _secrets(self) -> dict[Key, str]:
        return {
            (metadata["namespace"], metadata["name"]): identity({"metadata": metadata})
            for metadata in self._metadata(_OTHER_SECRETS)
        }

    def _leases(self) -> dict[Key, Json]:
        path = f"/apis/coordination.k8s.io/v1{self._scope}/leases"
        return {
            (item["metadata"]["namespace"], item["metadata"]["name"]): item
            for item in self.api.list(path)
        }

    def _metadata(self, query: Mapping[str, str]) -> Iterator[Json]:
        path = f"/api/v1{self._scope}/secrets"
        return (item["metadata"] for item in self.api.list(path, query, metadata_only=True))


def _migration(lease: Json) -> Migration | None:
    """A damaged note is refused by whoever reads in full; here it takes nothing from the others."""
    with suppress(FleetError):
        return migration_in(lease)
    return None


def _key(metadata: Mapping[str, Any], label: str) -> Key:
    return metadata["namespace"], (metadata.get("labels") or {}).get(label, "")


def _grouped(wanted: Iterable[Key]) -> dict[str, list[Key]]:
    grouped: defaultdict[str, list[Key]] = defaultdict(list)
    for key in wanted:
        grouped[key[0]].append(key)
    return grouped
