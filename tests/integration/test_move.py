# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A vCluster moves to another host cluster while its tenant writes; killed in the middle, and gone on with."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from by_hand import CLUSTER, in_namespace, wait_until
from harness import Lab
from runs import kill_at
from saving import configmaps, installed, kubeconfig_of, manifests, tenant, variables

from lab.ledger import Ledger

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

THERE = "hc2"


@pytest.mark.parametrize(
    ("store", "words"),
    [
        ({"type": "etcd_deployed", "members": 1}, "filling 1 etcd members"),
        ({"type": "sqlite"}, "starting the control plane"),
    ],
    ids=["etcd", "sqlite"],
)
def test_all_that_was_acknowledged_is_there_and_the_source_sleeps(
    make_fleet: Any,
    restorers: dict[str, Path],
    lab: Lab,
    tmp_path: Path,
    store: dict[str, Any],
    words: str,
) -> None:
    name = f"it-moved-{store['type'].replace('_', '-')}"
    asked = variables(tmp_path, store)
    installed(make_fleet({CLUSTER: {name: asked}}, restorers))
    old = kubeconfig_of(lab, name, tmp_path)
    moved = {**asked, "vcluster_move_from": {"kubeconfig": str(restorers[CLUSTER])}}
    fleet = installed(make_fleet({THERE: {name: moved}}, restorers))
    kept = tmp_path / "acknowledged"
    with tenant(lab, name, old) as target:
        ledger = Ledger(target, "default", 20, 40, 4, kept)
        writer = threading.Thread(target=ledger.write)
        writer.start()
        wait_until("a hundred writes", lambda: kept.exists() and len(kept.read_text()) > 500)
        plan = fleet.play("move", "--check").succeeded()
        assert "the API is away for about" in " ".join(plan.output.split())
        kill_at(fleet, words, "move")
        fleet.play("move").succeeded()
        writer.join()
    acknowledged = {int(number) for number in kept.read_text().split()}
    assert ledger.report.failed > 0, "it was to stop while the tenant writes"
    # The kubeconfig of before, at the new place.
    with tenant(lab, name, old, THERE) as target:
        assert acknowledged <= configmaps(target, ledger.run)
    kind = "statefulset" if store["type"] == "sqlite" else "deployment"
    source = json.loads(in_namespace(lab, name, "get", f"{kind}/{name}", "--output=json"))
    assert source["spec"]["replicas"] == 0
    assert source["metadata"]["annotations"]["loft.sh/paused"] == "true"
    fleet.play("verify").succeeded()
    assert ": 0 to change" in " ".join(fleet.play("plan").succeeded().output.split())
    before = len(manifests(tmp_path / "target"))
    assert "0 to move" in " ".join(fleet.play("move").succeeded().output.split())
    assert len(manifests(tmp_path / "target")) == before
