# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A quorum that is lost for good: what one member holds becomes that of all, for the vClusters that are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from by_hand import CLUSTER, wait_until
from harness import Fleet, Lab
from runs import kill_at
from saving import installed, variables
from scaling import agree_on_keys, broken, gives_up, members, under_load

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

NAME = "it-recovered"
ETCD = {"type": "etcd_deployed", "members": 3}
NAMED = json.dumps({"fleetops_consent": [NAME]})


@pytest.fixture
def fleet(make_fleet: Any, restorers: dict[str, Path], tmp_path: Path) -> Fleet:
    return installed(make_fleet({CLUSTER: {NAME: variables(tmp_path, ETCD)}}, restorers))


def test_a_quorum_that_is_lost_is_recovered_where_that_is_asked_for_by_name(
    fleet: Fleet, lab: Lab, tmp_path: Path
) -> None:
    with under_load(lab, NAME, tmp_path, "before the loss", around=2.0) as ledger:
        pass
    unneeded = fleet.play("recover_quorum", "-e", NAMED).failed()
    assert "etcd has a quorum" in " ".join(unneeded.output.split())
    for number in (1, 2):
        broken(lab, NAME, number)
    for number in (1, 2):
        gives_up(lab, NAME, number)
    wait_until("the quorum to be lost", lambda: fleet.play("verify").returncode != 0, 120)
    unnamed = fleet.play("recover_quorum").failed()
    assert "is not named as one to recover" in " ".join(unnamed.output.split())
    kill_at(fleet, "filling 3 etcd members", "recover_quorum", "-e", NAMED)
    fleet.play("recover_quorum", "-e", NAMED).succeeded()
    names = {f"{NAME}-etcd-{number}": True for number in range(3)}
    assert [members(lab, NAME, number) for number in range(3)] == [names] * 3
    agree_on_keys(lab, NAME, 3)
    ledger.check()
    assert ledger.report.lost == 0
    fleet.play("verify").succeeded()
