# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory plugin `fleet` reads: its own source file, its cache, and hosts written elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ansible.parsing.vault import VaultHelper

from ..module_utils._core.arguments import PREFIX
from ..module_utils._core.errors import FleetError
from ..module_utils._core.spec import Access
from ..module_utils._operate.discover import ACCESS_OPTIONS, Discovered, Row, Target, target_of
from ..module_utils._operate.host_names import Place, Written
from ._inventory import plain

Resolve = Callable[[Any], Any]


@dataclass(frozen=True)
class Cluster:
    """A host cluster of the source.

    Attributes:
        variables: What its vClusters need to be reached.
        silent: It has a token in clear, which is not handed on.
    """

    target: Target
    variables: Mapping[str, Any]
    silent: bool = field(default=False)


def clusters_of(options: Sequence[Any], resolve: Resolve) -> list[Cluster]:
    """The host clusters of option `clusters`.

    Args:
        resolve: Gives the value of a template, and everything else as it is.

    Raises:
        FleetError: Naming the entry that is wrong.
    """
    found: list[Cluster] = []
    for number, entry in enumerate(options):
        place = f"clusters[{number}]"
        if not isinstance(entry, Mapping):
            raise FleetError(f"{place} is no mapping.")
        try:
            found.append(_cluster(entry, resolve))
        except FleetError as error:
            raise FleetError(f"{place}: {error}") from error
    names = [cluster.target.name for cluster in found]
    for name in names:
        if names.count(name) > 1:
            raise FleetError(f"Two host clusters are called {name}.", "Give each its own `name`.")
    return found


def _cluster(entry: Mapping[str, Any], resolve: Resolve) -> Cluster:
    resolved = {str(key): plain(resolve(value)) for key, value in entry.items()}
    target = target_of({key: value for key, value in resolved.items() if value is not None})
    variables = {PREFIX + key: resolved[key] for key in ACCESS_OPTIONS if resolved.get(key)}
    token = entry.get("api_token")
    if token is not None:
        # Only as it is written: a template or a vaulted text shows nothing in `ansible-inventory --list`.
        variables[PREFIX + "api_token"] = token
        if resolve(token) is token and not VaultHelper.get_ciphertext(token, with_tags=False):
            del variables[PREFIX + "api_token"]
            return Cluster(target, {PREFIX + "cluster": target.name, **variables}, silent=True)
    return Cluster(target, {PREFIX + "cluster": target.name, **variables})


def signature(target: Target, namespaces: Sequence[str]) -> str:
    """Changes with what was asked for, so that a cache that answers something else is not taken."""
    text = json.dumps([target.name, target.access.key, sorted(namespaces)])
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def cached(found: Iterable[Discovered], namespaces: Sequence[str]) -> dict[str, Any]:
    """What the cache keeps: the rows of the host clusters that answered, nothing of how they are reached."""
    return {
        signature(one.target, namespaces): [asdict(row) for row in one.rows]
        for one in found
        if one.error is None
    }


def from_cache(
    content: Any, targets: Iterable[Target], namespaces: Sequence[str]
) -> list[Discovered]:
    """The host clusters that the cache knows."""
    kept = content if isinstance(content, Mapping) else {}
    return [
        Discovered(target, tuple(Row(**row) for row in kept[key]))
        for target in targets
        if (key := signature(target, namespaces)) in kept
    ]


@dataclass(frozen=True)
class KnownHost:
    """A host that another source has.

    Attributes:
        groups: Names of its groups.
        variables: Its own and those of its groups; what stands in `group_vars` and `host_vars` is not among them.
    """

    name: str
    groups: frozenset[str]
    variables: Mapping[str, Any]


def written_hosts(
    hosts: Iterable[KnownHost], targets: Sequence[Target], resolve: Resolve
) -> Iterator[Written]:
    """What the hosts of other sources stand for, as far as it can be read here."""
    for host in hosts:
        said = {key: _text(host.variables.get(PREFIX + key), resolve) for key in _IDENTITY}
        name = said["name"] or host.name
        cluster = _cluster_of(host, said, targets)
        yield Written(host.name, name, said["namespace"] or f"vcluster-{name}", cluster)


_IDENTITY = ("name", "namespace", "cluster", "kubeconfig", "context", "api_host")


def _cluster_of(
    host: KnownHost, said: Mapping[str, str | None], targets: Sequence[Target]
) -> str | None:
    """The host cluster that a host means: by its variables, else by its groups.

    None when a vCluster does not say. A host that says nothing at all may be any machine: it means none of ours.
    """
    if not any(said[key] for key in ("cluster", "kubeconfig", "context", "api_host")):
        ours = [target.name for target in targets if target.name in host.groups]
        if len(ours) == 1:
            return ours[0]
        return None if any(key.startswith(PREFIX) for key in host.variables) else ""
    access = Access(kubeconfig=said["kubeconfig"], context=said["context"], host=said["api_host"])
    for target in targets:
        if _key(target.access) == _key(access):
            return target.name
    return next((target.name for target in targets if target.name == said["cluster"]), "")


def _key(access: Access) -> tuple[str, str, str]:
    path = str(Path(access.kubeconfig).expanduser()) if access.kubeconfig else ""
    return path, access.context or "", access.host or ""


def _text(value: Any, resolve: Resolve) -> str | None:
    """A text, its template resolved; None when it cannot be read here."""
    try:
        found = resolve(value)
    except Exception:
        return None  # A template over variables that are not known yet: it says nothing here.
    return str(found) if isinstance(found, str) and found else None


def places_of(found: Iterable[Discovered]) -> dict[Place, Row]:
    """Where every found vCluster is."""
    return {
        Place(one.target.name, row.namespace, row.name): row for one in found for row in one.rows
    }
