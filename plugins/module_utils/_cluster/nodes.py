# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nodes of a host cluster, and what runs on them."""

from __future__ import annotations

from .._core.errors import ApiError
from .._core.observation import POD_ENDED, Node
from .._core.ports import Api

PHASES = ",".join(f"status.phase!={phase}" for phase in POD_ENDED)


def nodes(api: Api) -> tuple[Node, ...] | None:
    """Those that take pods; None where that cannot be told."""
    asked: dict[str, list[dict[str, str]]] = {}
    try:
        for pod in api.list("/api/v1/pods", {"fieldSelector": PHASES, "resourceVersion": "0"}):
            on_node = asked.setdefault(pod["spec"].get("nodeName") or "", [])
            on_node.append({"pods": "1"})  # Each counts, also one that asks for nothing.
            for container in pod["spec"]["containers"]:
                on_node.append((container.get("resources") or {}).get("requests") or {})
        return tuple(
            Node(has, tuple(asked.get(node["metadata"]["name"], ())))
            for node in api.list("/api/v1/nodes")
            if (has := (node.get("status") or {}).get("allocatable"))
            and not node["spec"].get("unschedulable")
        )
    except ApiError:
        return None
