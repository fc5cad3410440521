# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a control plane cannot start, told by the log of its last attempt."""

from __future__ import annotations

from dataclasses import dataclass

from .._core.errors import ApiError
from .._core.observation import Pod
from .._core.place import Place
from .._core.ports import Api

CONTAINERS = {"control_plane": "syncer", "etcd": "etcd"}
LINES = "60"


@dataclass(frozen=True)
class Ending:
    """A text in the log after which no restart helps.

    Attributes:
        text: Part of the log line.
        meaning: What it means.
        way_out: What to change.
    """

    text: str
    meaning: str
    way_out: str


# Seen with chart 0.36.1 and the open-source image of the same tag.
ENDINGS = (
    Ending(
        "pro feature",
        "the image has no licence for a feature that the values ask for (G33)",
        "Use a store that needs none (sqlite, etcd_deployed, etcd_external, a database by kine), or connect it.",
    ),
    Ending(
        "embedded database is not supported with multiple replicas",
        "SQLite takes one replica (G01)",
        "Set vcluster_replicas to 1, or choose another store for a new vCluster.",
    ),
    Ending(
        "there is already a virtual cluster in namespace",
        "another vCluster lives in this namespace (G39)",
        "Give each vCluster its own vcluster_namespace.",
    ),
)


def known_ending(api: Api, place: Place, pod: Pod) -> tuple[str, Ending] | None:
    """The log line and its meaning when a restarting pod cannot come up by itself, else None."""
    try:
        log = api.text(
            f"/api/v1/namespaces/{place.namespace}/pods/{pod.name}/log",
            {"container": CONTAINERS[pod.component], "previous": "true", "tailLines": LINES},
        )
    except ApiError:
        # No earlier attempt, or no right to read logs: the pod's own words have to do.
        return None
    for line in reversed(log.splitlines()):
        for ending in ENDINGS:
            if ending.text in line:
                return line.strip(), ending
    return None
