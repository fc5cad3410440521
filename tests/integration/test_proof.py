# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proof on real control planes: what is broken fails by name, and passes again when it runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from by_hand import in_namespace, wait_until
from harness import Lab

pytestmark = [pytest.mark.lab, pytest.mark.slow]

ETCD = {
    "vcluster_version": "0.36.1",
    "vcluster_kubernetes_version": "1.36.3",
    "vcluster_replicas": 3,
    "vcluster_store": {"type": "etcd_deployed", "members": 3},
}


@pytest.fixture
def fleet(make_fleet: Any) -> Any:
    made = make_fleet({"hc1": {"it-etcd": ETCD}})
    made.play("site").succeeded()
    return made


def pods(lab: Lab, app: str) -> list[dict[str, Any]]:
    found = in_namespace(lab, "it-etcd", "get", "pods", f"--selector=app={app}", "--output=json")
    items: list[dict[str, Any]] = json.loads(found)["items"]
    return items


def ready(item: dict[str, Any]) -> bool:
    return any(
        c["type"] == "Ready" and c["status"] == "True" for c in item["status"].get("conditions", ())
    )


def test_a_replica_kept_pending_fails_by_name_and_passes_again(fleet: Any, lab: Lab) -> None:
    """A node selector that no node has keeps the new pod of a restart Pending."""
    nowhere = {"spec": {"template": {"spec": {"nodeSelector": {"nowhere": "true"}}}}}
    in_namespace(lab, "it-etcd", "patch", "deployment/it-etcd", f"--patch={json.dumps(nowhere)}")
    wait_until(
        "a Pending pod",
        lambda: any(p["status"]["phase"] == "Pending" for p in pods(lab, "vcluster")),
    )
    pending = next(p for p in pods(lab, "vcluster") if p["status"]["phase"] == "Pending")
    run = fleet.play("verify").failed()
    assert f"{pending['metadata']['name']}: not scheduled" in run.output

    back = [{"op": "remove", "path": "/spec/template/spec/nodeSelector/nowhere"}]
    in_namespace(
        lab, "it-etcd", "patch", "deployment/it-etcd", "--type=json", f"--patch={json.dumps(back)}"
    )
    wait_until(
        "three ready replicas and no other",
        lambda: [ready(p) for p in pods(lab, "vcluster")] == [True] * 3,
    )
    # The replica that went may have been the leader: its Lease counts for a minute more.
    wait_until("a proof that passes", lambda: fleet.play("verify").returncode == 0, 100)


def test_an_etcd_member_whose_data_was_deleted_is_a_failed_check_with_its_name(
    fleet: Any, lab: Lab
) -> None:
    """A member that comes back empty cannot join; the others go on, and every pod may look Ready."""
    claim = "data-it-etcd-etcd-1"
    in_namespace(lab, "it-etcd", "delete", "pvc", claim, "--wait=false")
    in_namespace(lab, "it-etcd", "delete", "pod", "it-etcd-etcd-1", "--wait=true")
    run = fleet.play("verify").failed()
    assert "it-etcd-etcd-1" in run.output
    assert "etcd_" in run.output
