# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Upgrades to releases that do not work, and upgrades that are disturbed: each ends as docs/upgrading.md says."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from by_hand import CLUSTER, in_namespace
from harness import Fleet, Lab, lab_command
from runs import cut, watched
from saving import fleets_of_one, manifests, variables
from scaling import broken, members, under_load

pytestmark = [
    pytest.mark.lab,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.usefixtures("anew"),
]

NAME = "it-sunk"
BEFORE, AFTER = {"vcluster_version": "0.35.3"}, {"vcluster_version": "0.36.1"}
ETCD = {"type": "etcd_deployed", "members": 3}
QUICK = {"vcluster_timeouts": {"rollout": 60, "proof": 40}}
Make = Callable[..., Fleet]


@pytest.fixture
def fleet(make_fleet: Any, restorers: dict[str, Path], tmp_path: Path) -> Make:
    """A fleet of one with these variables."""
    return fleets_of_one(make_fleet, restorers, tmp_path, NAME)


def ill(lab: Lab, name: str, tag: str, fault: str) -> None:
    """The images with this tag misbehave in the vCluster's namespace."""
    in_namespace(lab, name, "create", "configmap", "lab-faults", f"--from-literal={tag}={fault}")


def well(lab: Lab, name: str) -> None:
    in_namespace(lab, name, "delete", "configmap", "lab-faults")


def versions_of(lab: Lab, name: str, app: str = "vcluster") -> set[str]:
    """The tags of the images of the control plane, or of another app."""
    path = "--output=jsonpath={..spec.template.spec..image}"
    found = in_namespace(
        lab, name, "get", "statefulsets,deployments", f"--selector=app={app}", path
    )
    return {image.rpartition(":")[2] for image in found.split()}


@pytest.mark.parametrize("store", [None, ETCD], ids=["sqlite", "etcd"])
@pytest.mark.parametrize("fault", ["crashes", "refuses", "stalls"])
def test_g25_a_release_that_does_not_work_goes_back_by_itself_and_halts(
    fleet: Make, lab: Lab, tmp_path: Path, store: dict[str, Any] | None, fault: str
) -> None:
    """Nothing of what was written before the run is lost, and the repaired release is upgraded to."""
    fleet(store, **BEFORE).play("site").succeeded()
    with under_load(lab, NAME, tmp_path, f"before it {fault}", 2.0) as ledger:
        pass
    ill(lab, NAME, "0.36.1", fault)
    # What ends again and again is not waited for so long.
    limits = {"vcluster_timeouts": {"rollout": 900, "proof": 40}} if fault == "crashes" else QUICK
    run = fleet(store, **AFTER, **limits).play("upgrade").failed()
    words = " ".join(run.output.split())
    assert fault != "crashes" or "times in a row" in words
    assert "are back with snapshot" in words
    assert "what was written since is lost to the tenant" in words
    assert "0.35.3" in versions_of(lab, NAME)
    ledger.check()
    assert ledger.report.lost == 0
    fleet(store, **BEFORE).play("verify").succeeded()
    with under_load(lab, NAME, tmp_path, f"after it {fault}", 2.0) as after:
        pass
    assert (after.report.lost, after.report.failed) == (0, 0)
    well(lab, NAME)
    fleet(store, **AFTER).play("upgrade").succeeded()
    assert "0.36.1" in versions_of(lab, NAME)
    for earlier in (ledger, after):
        earlier.check()
        assert earlier.report.lost == 0


def test_g25_with_rollback_never_it_stays_as_it_is(fleet: Make, lab: Lab, tmp_path: Path) -> None:
    fleet(**BEFORE).play("site").succeeded()
    ill(lab, NAME, "0.36.1", "refuses")
    run = fleet(**AFTER, **QUICK, vcluster_rollback="never").play("upgrade").failed()
    assert "are back with" not in " ".join(run.output.split())
    assert "0.36.1" in versions_of(lab, NAME)
    # Nothing goes back by it; a person may.
    assert len(manifests(tmp_path / "target")) == 1


def test_g18_g25_a_store_that_does_not_start_goes_back_with_its_data(
    fleet: Make, lab: Lab, tmp_path: Path
) -> None:
    """A member is broken when etcd goes from 3.5 to 3.6. The chart stays at its new line, which was proved with 3.5."""
    old, new = {"vcluster_version": "0.28.2"}, {"vcluster_version": "0.29.3"}
    pinned = {"vcluster_kubernetes_version": "1.35.4"}
    fleet(ETCD, **{**old, **pinned}).play("site").succeeded()
    with under_load(lab, NAME, tmp_path, "before the store breaks", 2.0) as ledger:
        pass
    made = fleet(ETCD, **{**new, **pinned, **QUICK})
    run = watched(made, "etcd_hop: ", lambda: broken(lab, NAME, 1), "upgrade").failed()
    assert "are back with snapshot" in " ".join(run.output.split())
    assert "0.29.3" in versions_of(lab, NAME)
    assert versions_of(lab, NAME, "vcluster-etcd") == {"3.5.25-0"}
    ledger.check()
    assert ledger.report.lost == 0
    assert members(lab, NAME) == {f"{NAME}-etcd-{number}": True for number in range(3)}
    fleet(ETCD, **{**new, **pinned}).play("upgrade").succeeded()
    assert versions_of(lab, NAME, "vcluster-etcd") == {"3.6.4-0"}
    ledger.check()
    assert ledger.report.lost == 0


def test_g46_a_host_cluster_that_is_cut_off_in_a_hop_is_gone_on_with(
    fleet: Make, lab: Lab, tmp_path: Path
) -> None:
    fleet(ETCD, **BEFORE, vcluster_replicas=2).play("site").succeeded()
    made = fleet(ETCD, **AFTER, vcluster_replicas=2)
    with under_load(lab, NAME, tmp_path, "cut off in a hop", 2.0, 10.0) as ledger:
        with cut(CLUSTER) as cut_off:

            def away() -> None:
                cut_off()
                time.sleep(30)
                lab_command("proxy", CLUSTER, "ok")

            watched(made, "replicas ready", away, "upgrade")
        made.play("upgrade").succeeded()
    assert (ledger.report.lost, ledger.report.failed) == (0, 0)
    assert "0.36.1" in versions_of(lab, NAME)
    assert "changed=0" in made.play("site").succeeded().output


FLEET = {f"it-f{number:02}": 1 if number < 1 else 2 if number < 6 else 3 for number in range(12)}
BAD = "it-f03"


def test_g50_a_bad_one_of_twelve_halts_the_fleet_and_goes_back_alone(
    make_fleet: Any, restorers: dict[str, Path], lab: Lab, tmp_path: Path
) -> None:
    """It is in the second of three waves; what is done stays done, and the rest goes on when it is mended."""

    def made(versions: dict[str, Any], **more: Any) -> Fleet:
        hosts = {
            name: {**variables(tmp_path, **versions, **more), "vcluster_wave": wave}
            for name, wave in FLEET.items()
        }
        return make_fleet({CLUSTER: hosts}, restorers)  # type: ignore[no-any-return]

    def at(version: str) -> set[str]:
        return {name for name in FLEET if version in versions_of(lab, name)}

    calm = {"vcluster_soak": {"seconds": 5}}
    made(BEFORE, **calm).play("site", "--forks=4").succeeded()
    ill(lab, BAD, "0.36.1", "refuses")
    run = made(AFTER, **calm, vcluster_timeouts={"rollout": 300, "proof": 60}).play(
        "upgrade", "--forks=4"
    )
    assert "are back with snapshot" in " ".join(run.failed().output.split())
    third = {name for name, wave in FLEET.items() if wave == 3}
    assert at("0.35.3") == third | {BAD}
    made(BEFORE, **calm).play("verify", f"--limit={BAD}").succeeded()
    well(lab, BAD)
    made(AFTER, **calm).play("upgrade", "--forks=4").succeeded()
    assert at("0.36.1") == set(FLEET)
