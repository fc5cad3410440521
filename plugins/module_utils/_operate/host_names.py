# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which inventory host a found vCluster is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .._core.errors import FleetError

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Place:
    """Where a vCluster is; no two share one.

    Attributes:
        cluster: Name of its host cluster.
    """

    cluster: str
    namespace: str
    name: str


@dataclass(frozen=True)
class Written:
    """An inventory host that another source has.

    Attributes:
        name: The vCluster it stands for.
        cluster: Name of its host cluster among those looked at; None when it does not say, empty for another one.
    """

    host: str
    name: str
    namespace: str
    cluster: str | None

    def means(self, place: Place) -> bool:
        """Whether it stands for the vCluster there."""
        there = self.cluster is None or self.cluster == place.cluster
        return there and (self.namespace, self.name) == (place.namespace, place.name)


def host_names(
    places: Sequence[Place], written: Iterable[Written], pattern: str, double: str
) -> dict[Place, str]:
    """The inventory host of each vCluster.

    One that a written host stands for gets its name. Every other one is named by `pattern`; where two would get the
    same name, or a written host of that name stands for another one, all found ones of that name are named by
    `double` instead: which of them keeps the short one would else hang on the order in which they are found.

    Raises:
        FleetError: A pattern has an unknown placeholder, or `double` gives two of them one name.
    """
    known = list(written)
    names = _merged(places, known)
    taken = {host.host for host in known}
    left = [place for place in places if place not in names]
    short = {place: _filled(pattern, place) for place in left}
    counts = Counter(short.values())
    for place, name in short.items():
        alone = counts[name] == 1 and name not in taken
        names[place] = name if alone else _filled(double, place)
    for name, count in Counter(names.values()).items():
        if count > 1 or (name in taken and any(names[place] == name for place in left)):
            what = f"Several vClusters would be the inventory host {name}."
            raise FleetError(what, "Let `double` hold {cluster}, {namespace} and {name}.")
    return names


def _merged(places: Sequence[Place], written: Iterable[Written]) -> dict[Place, str]:
    """The places that exactly one written host stands for, and no other place with it."""
    by_name: dict[tuple[str, str], list[Place]] = {}
    for place in places:
        by_name.setdefault((place.namespace, place.name), []).append(place)
    meant: dict[Place, list[str]] = {}
    for host in written:
        found = [p for p in by_name.get((host.namespace, host.name), ()) if host.means(p)]
        if len(found) == 1:
            meant.setdefault(found[0], []).append(host.host)
    return {place: hosts[0] for place, hosts in meant.items() if len(hosts) == 1}


def _filled(pattern: str, place: Place) -> str:
    parts: Mapping[str, str] = {
        "cluster": place.cluster,
        "namespace": place.namespace,
        "name": place.name,
    }

    def part(match: re.Match[str]) -> str:
        if match[1] not in parts:
            what = f"{pattern}: there is no placeholder {{{match[1]}}}."
            raise FleetError(what, "There are {cluster}, {namespace} and {name}.")
        return parts[match[1]]

    return _PLACEHOLDER.sub(part, pattern)
