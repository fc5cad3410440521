# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who stands for a host cluster."""

from __future__ import annotations

from typing import Any

from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet import cluster_hosts


def host(kubeconfig: str, **more: Any) -> dict[str, Any]:
    return {"vcluster_kubeconfig": kubeconfig, **more}


def test_the_first_that_went_well_stands_for_its_host_cluster() -> None:
    done, failed = {"result": {"changed": False}}, {"result": {"failed": True}}
    hostvars = {
        "a": host("/k/west", **failed),
        "b": host("/k/west", **done),
        "c": host("/k/west", **done),
        "d": host("/k/west", vcluster_context="other", **done),
        "e": host("/k/east"),
    }
    assert cluster_hosts(hostvars, "result") == ["b", "d"]
    assert cluster_hosts({}, "result") == []
