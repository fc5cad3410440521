# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find every vCluster of a host cluster, whoever installed it, in four paged lists.

The control planes are told by the chart's own labels (`app=vcluster`, `release=NAME`), so that one rendered by Argo CD,
which leaves no Helm release, is found too. Which store runs stands in none of the metadata; it stands in the Secret
`vc-config-NAME` that the control plane reads (14 KB, a release is 196 KB), so those are listed with their content, of
which only the section of the store is parsed.
"""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from .._core.errors import ApiError
from .._core.found import Found
from .._core.observation import Observation, Release, Workload
from .._core.ports import Api, Json
from .._stores.seen import needs_licence, store_seen
from .libraries import yaml
from .releases import newest, release_of
from .workloads import COMPONENTS, SELECTOR, paused, workload_of

Key = tuple[str, str]

_RELEASES = {"labelSelector": "owner=helm,status!=superseded"}
_CONFIGS = {"labelSelector": "app=vcluster"}
_WORKLOADS = {"labelSelector": SELECTOR}
_CHART = re.compile(r"-(\d+\.\d+\.\d+.*)$")
_PATTERN = re.compile(r"[*?\[]")
_PLANE, _STORE = "controlPlane:", "  backingStore:"


def find_all(api: Api, namespaces: Sequence[str] = ()) -> list[Found]:
    """All vClusters, in the order of their namespaces and names.

    Args:
        namespaces: Names, or patterns such as `team-*`; all namespaces when empty. Names alone are listed one by one,
            which needs no rights beyond them; with a pattern, everything is listed and the rest left out.

    Raises:
        ApiError: A list is refused.
        Unreachable: The host cluster does not answer.
    """
    patterns = any(_PATTERN.search(name) for name in namespaces)
    scopes = sorted(set(namespaces)) if namespaces and not patterns else [""]
    found: list[Found] = []
    for scope in scopes:
        try:
            found += _Lists(api, scope).found()
        except ApiError as error:
            if not error.forbidden or scope:
                raise
            way_out = "Grant the ClusterRole of the documentation, or name the namespaces to look at, without patterns."
            raise ApiError(403, error.what, way_out) from error
    if patterns:
        found = [one for one in found if any(fnmatchcase(one.namespace, p) for p in namespaces)]
    return sorted(found, key=lambda one: (one.namespace, one.name))


@dataclass
class _Seen:
    """What the lists show of one vCluster."""

    workloads: list[Workload] = field(default_factory=list)
    charts: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    config: Mapping[str, Any] | None = None

    def note(self, metadata: Mapping[str, Any]) -> None:
        self.charts.append(str((metadata.get("labels") or {}).get("chart", "")))
        self.created.append(str(metadata.get("creationTimestamp") or ""))


class _Lists:
    """The four lists of one namespace, or of all by an empty name."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._scope = f"/namespaces/{namespace}" if namespace else ""
        self._seen: defaultdict[Key, _Seen] = defaultdict(_Seen)

    def found(self) -> Iterator[Found]:
        self._look_at_workloads()
        self._look_at_configs()
        releases = self._releases()
        for key, seen in self._seen.items():
            yield _found(key, seen, newest(releases.get(key, ())))

    def _look_at_workloads(self) -> None:
        for kind in ("Deployment", "StatefulSet"):
            path = f"/apis/apps/v1{self._scope}/{kind.lower()}s"
            for item in self._api.list(path, _WORKLOADS):
                if key := _key(item["metadata"], "release"):
                    self._seen[key].note(item["metadata"])
                    self._seen[key].workloads.append(workload_of(item, kind))

    def _look_at_configs(self) -> None:
        """They also show a vCluster whose workloads are gone, or were never made."""
        for item in self._api.list(f"/api/v1{self._scope}/secrets", _CONFIGS):
            metadata = item["metadata"]
            key = _key(metadata, "release")
            if key and metadata["name"] == f"vc-config-{key[1]}":
                self._seen[key].note(metadata)
                self._seen[key].config = store_config(item)

    def _releases(self) -> dict[Key, list[Release]]:
        """Those of every chart: the labels of a release do not name it."""
        releases: defaultdict[Key, list[Release]] = defaultdict(list)
        path = f"/api/v1{self._scope}/secrets"
        for item in self._api.list(path, _RELEASES, metadata_only=True):
            key = _key(item["metadata"], "name")
            if key and key in self._seen:
                releases[key].append(release_of(item["metadata"]))
        return releases


def _key(metadata: Mapping[str, Any], label: str) -> Key | None:
    name = (metadata.get("labels") or {}).get(label)
    return (metadata["namespace"], name) if name else None


def _found(key: Key, seen: _Seen, release: Release | None) -> Found:
    namespace, name = key
    order = list(COMPONENTS.values())
    workloads = tuple(sorted(seen.workloads, key=lambda found: order.index(found.component)))
    return Found(
        name=name,
        namespace=namespace,
        chart_version=_chart_version(seen.charts),
        store=store_seen(seen.config, workloads),
        needs_licence=needs_licence(seen.config),
        created=min((moment for moment in seen.created if moment), default=""),
        observation=Observation(release=release, workloads=workloads, paused=paused(workloads)),
    )


def _chart_version(charts: Iterable[str]) -> str:
    """From labels such as `vcluster-0.36.1`; a `+` of a version is a `_` in a label."""
    for chart in charts:
        if match := _CHART.search(chart):
            return match[1].replace("_", "+")
    return ""


def store_config(secret: Json) -> dict[str, Any] | None:
    """The section of the store in a Secret `vc-config-NAME`, at its place in the values; None if it cannot be read."""
    try:
        text = base64.b64decode((secret.get("data") or {}).get("config.yaml", "")).decode()
        section = _section(text)
        if section:
            return {"controlPlane": _parsed(section)}
        plane = (_load(text) or {}).get("controlPlane")
    except (ValueError, AttributeError, yaml.YAMLError):
        return None
    return {"controlPlane": plane} if isinstance(plane, dict) else None


def _section(text: str) -> str:
    """`backingStore` as the chart writes it, two spaces a level; empty when it is written otherwise."""
    lines = text.splitlines()
    try:
        start = lines.index(_STORE, lines.index(_PLANE))
    except ValueError:
        return ""
    end = start + 1
    while end < len(lines) and lines[end].startswith("   "):
        end += 1
    between = lines[lines.index(_PLANE) + 1 : start]
    return "\n".join(lines[start:end]) if all(line[:1] in ("", " ") for line in between) else ""


@lru_cache(maxsize=64)
def _parsed(section: str) -> Any:
    """Most vClusters of a fleet have one of a few sections; nobody changes what this returns."""
    return _load(section)


def _load(text: str) -> Any:
    # The C parser is ten times as fast; PyYAML is also built without it.
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
