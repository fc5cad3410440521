# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A move: nothing acknowledged is missing at the target, and never do both serve."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes import NOW, Cut, World
from saved import CERTS, PAIR, PAIRS, Api, Host, Member, deploy

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.unpacked import live
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
    Locked,
    ProofFailed,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import (
    filling,
    restoring,
    wait,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.move import (
    MOVE,
    move_plan,
    run_move,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.refill import Refill

OLD, NEW = "/k/hc1", "/k/hc2"
Run = Callable[..., dict[str, Any]]


@dataclass
class Named(World):
    """A world whose changes are told apart from another's in one log."""

    title: str = ""

    def change(self, what: str) -> None:
        super().change(f"{self.title}: {what}")


@dataclass
class Pair:
    """Source and target, each on its host cluster, with one log for both."""

    log: list[str] = field(default_factory=list)
    worlds: dict[str, Named] = field(default_factory=dict)
    stores: dict[str, Member] = field(default_factory=dict)
    fails: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        for path, title in ((OLD, "old"), (NEW, "new")):
            world = self.worlds[path] = Named(title=title, log=self.log)
            deploy(world)
            config = base64.b64encode(
                b"clusters: [{cluster: {server: 'https://new:443'}}]"
            ).decode()
            secret = "/api/v1/namespaces/vcluster-tenant-a/secrets/vc-tenant-a"
            world.objects[secret] = {"data": {"config": config}}
            self.stores[path] = Member()
        self.target.objects[CERTS] = {"data": {"ca.key": "bmV3"}}
        self.stores[NEW].hold({b"/registry/empty": b""}, 7)

    @property
    def source(self) -> Named:
        return self.worlds[OLD]

    @property
    def target(self) -> Named:
        return self.worlds[NEW]

    def cut(self, step: int) -> None:
        for world in self.worlds.values():
            world.cut_before = step

    def held(self, path: str, folder: Path) -> dict[bytes, bytes]:
        (folder / "held").write_bytes(self.stores[path].stream)
        with (folder / "held").open("rb") as file:
            return dict(live("etcd", file))

    def fill(self, spec: Any, observation: Any, work: Refill) -> None:
        """Restore what the target shall hold; the source does not run then."""
        assert self.source.workloads[0].replicas == 0
        self.target.change("the store is filled")
        if self.fails and (failure := self.fails.pop(0)):
            raise failure
        self.stores[NEW].hold(dict(work.items()), work.revision)
        work.compare()


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Pair:
    made = Pair()
    monkeypatch.setattr(filling, "refill", made.fill)
    monkeypatch.setattr(wait, "PAUSE", 0.0)
    return made


@pytest.fixture
def run(pair: Pair, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    moments = itertools.count()
    monkeypatch.setattr(Api, "now", property(lambda _self: NOW + timedelta(seconds=next(moments))))

    def run_it(check: bool = False, **more: Any) -> dict[str, Any]:
        def connect(access: Any, _warn: Any) -> Host:
            return host(pair, access.kubeconfig)

        arguments = {
            "name": "tenant-a",
            "kubeconfig": NEW,
            "move_from": {"kubeconfig": OLD},
            "snapshots": {
                "directory": str(tmp_path / "target"),
                "recipients": [PAIR.recipient],
                "identity": PAIR.identity,
            },
            "proof": "read",
            "timeouts": {"proof": 1, "rollout": 1},
            **more,
        }
        return answer(run_move, arguments, Context(check=check, connect=connect))

    return run_it


def annotations(world: World) -> Mapping[str, str]:
    return world.workloads[0].annotations


def test_it_is_there_as_it_was_and_the_source_is_paused(
    run: Run, pair: Pair, tmp_path: Path
) -> None:
    result = run()
    assert not result.get("failed"), result["msg"]
    assert result["outcome"] == "done"
    assert pair.held(NEW, tmp_path) == PAIRS
    assert pair.log == [
        "old: scale tenant-a to 0",
        "old: annotate",
        "new: scale tenant-a to 0",
        "new: the certificates are put back",
        "new: the store is filled",
        "new: annotate",
        "new: scale tenant-a to 1",
        "new: unmark",
        "old: annotate",
    ]
    assert annotations(pair.source)["loft.sh/paused"] == "true"
    assert annotations(pair.source)["loft.sh/paused-replicas"] == "1"
    assert pair.target.objects[CERTS]["data"]["ca.key"] == "c2VjcmV0LWtleQ=="
    assert list(annotations(pair.target)) == [MOVE]
    assert result["server"] == "https://new:443"
    assert result["checks"]
    assert "is paused" in result["told"]


def test_again_it_changes_nothing(run: Run, pair: Pair) -> None:
    run()
    pair.log.clear()
    result = run()
    assert (result["changed"], result["outcome"]) == (False, "unchanged")
    assert pair.log == []


def test_a_fleet_moves_those_that_say_from_where(pair: Pair) -> None:
    def plan(**more: Any) -> Any:
        spec = spec_from({"name": "tenant-a", "kubeconfig": NEW, **more})
        context = Context(connect=lambda access, _warn: host(pair, access.kubeconfig))
        return move_plan(spec, host(pair, NEW), context)

    saved = {"directory": "/backups", "recipients": [PAIR.recipient]}
    assert plan(snapshots=saved) is None
    planned = plan(snapshots=saved, move_from={"kubeconfig": OLD})
    assert planned.plan.kinds == ("move",)
    assert planned.plan.steps[0].disruption.kind == "outage"


def host(pair: Pair, kubeconfig: str) -> Host:
    return Host(pair.worlds[kubeconfig], pair.stores[kubeconfig])


def test_check_mode_says_for_how_long_the_api_is_away(run: Run, pair: Pair) -> None:
    result = run(check=True)
    assert (result["changed"], result["outcome"]) == (True, "planned")
    assert "from vCluster vcluster-tenant-a/tenant-a on host cluster hc1" in result["msg"]
    assert "API is away for about" in result["msg"]
    assert pair.log == []


@pytest.mark.parametrize("step", range(1, 10))
def test_g48_a_run_that_was_cut_off_anywhere_is_finished_by_the_next(
    run: Run, pair: Pair, tmp_path: Path, step: int
) -> None:
    pair.cut(step)
    with pytest.raises(Cut):
        run()
    pair.cut(0)
    if "new: scale tenant-a to 1" in pair.log:
        # It serves already: what is written there now is not to be filled over.
        pair.stores[NEW].hold({**PAIRS, b"/registry/later": b"1"}, pair.stores[NEW].before + 1)
    result = run()
    assert not result.get("failed"), result["msg"]
    held = pair.held(NEW, tmp_path)
    assert held == PAIRS or held == {**PAIRS, b"/registry/later": b"1"}
    assert (b"/registry/later" in held) == (step > 7)
    assert annotations(pair.source)["loft.sh/paused"] == "true"
    assert pair.source.workloads[0].replicas == 0
    assert (pair.target.workloads[0].replicas, list(annotations(pair.target))) == (1, [MOVE])


def test_g28_a_target_that_cannot_be_filled_gives_the_source_back(
    run: Run, pair: Pair, tmp_path: Path
) -> None:
    pair.fails = [FleetError("the pod failed.")]
    result = run()
    assert (result["failed"], result["outcome"]) == (True, "rolled_back")
    assert "the pod failed" in result["msg"]
    assert "runs again, as before the move" in result["msg"]
    assert pair.source.workloads[0].replicas == 1
    assert annotations(pair.source) == {}
    assert annotations(pair.target) == {}
    assert pair.held(NEW, tmp_path) == {b"/registry/empty": b""}


def test_g28_a_proof_that_fails_gives_the_source_back(
    run: Run, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [ProofFailed("dns: no answer.", "", ())]

    def failing(*_arguments: Any) -> Any:
        if left:
            raise left.pop()
        return ()

    monkeypatch.setattr(restoring, "prove", failing)
    result = run()
    assert result["outcome"] == "rolled_back"
    assert "dns: no answer" in result["msg"]
    assert pair.source.workloads[0].replicas == 1
    assert annotations(pair.source) == {}


def test_a_source_that_can_give_no_snapshot_runs_again(run: Run, pair: Pair) -> None:
    pair.stores[OLD].ends = FleetError("the member is gone.")
    result = run()
    assert result["outcome"] == "rolled_back"
    assert pair.log == ["old: scale tenant-a to 0", "old: scale tenant-a to 1", "old: unmark"]


def test_g24_a_lost_lock_leaves_it_to_whoever_has_it(
    run: Run, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.fails = [Locked("somebody took it.")]  # type: ignore[list-item]
    result = run()
    assert result["outcome"] == "locked"
    assert pair.source.workloads[0].replicas == 0


@pytest.mark.parametrize("path", [OLD, NEW])
def test_g24_a_held_vcluster_is_left_alone(run: Run, pair: Pair, path: str) -> None:
    pair.worlds[path].holder = "somebody"
    assert run()["outcome"] == "locked"
    assert pair.log == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"move_from": None}, "vcluster_move_from says nothing"),
        ({"move_from": {"kubeconfig": NEW}}, "would be moved to where it is"),
        ({"snapshots": {}}, "no place for its snapshots"),
        ({"snapshots": {"directory": "/nowhere"}}, "would not be encrypted"),
    ],
)
def test_what_does_not_fit_touches_nothing(
    run: Run, pair: Pair, change: dict[str, Any], words: str
) -> None:
    result = run(**change)
    assert result["outcome"] == "refused"
    assert words in result["msg"]
    assert pair.log == []


@pytest.mark.parametrize(
    ("path", "words"),
    [(OLD, "nothing to take a snapshot of"), (NEW, "nothing can move there")],
)
def test_both_have_to_be_there(run: Run, pair: Pair, path: str, words: str) -> None:
    pair.worlds[path].releases, pair.worlds[path].workloads = [], ()
    result = run()
    assert result["outcome"] == "refused"
    assert words in result["msg"]


def test_a_source_that_was_retired_is_moved_already(run: Run, pair: Pair) -> None:
    run()
    pair.source.releases, pair.source.workloads = [], ()
    assert run()["outcome"] == "unchanged"


def test_g24_a_source_on_its_way_to_another_target_is_left_to_it(run: Run, pair: Pair) -> None:
    (first, *others) = pair.source.workloads
    mark = json.dumps({"snapshot": "20260101T000000Z-00000000", "to": "vCluster x/y on hc3"})
    pair.source.workloads = (replace(first, replicas=0, annotations={MOVE: mark}), *others)
    result = run()
    assert result["outcome"] == "refused"
    assert "is being moved, or was moved, to vCluster x/y on hc3" in result["msg"]
    assert pair.log == []


def test_g48_a_target_that_serves_is_known_under_another_name_of_its_host_cluster(
    run: Run, pair: Pair
) -> None:
    """Names of host clusters come from files: another controller may have another one."""
    pair.cut(9)
    with pytest.raises(Cut):
        run()
    pair.cut(0)
    result = run(cluster="somewhere")
    assert not result.get("failed"), result["msg"]
    assert pair.log[8:] == ["old: annotate"], "parked, and nothing else"


def test_g34_a_paused_source_is_left_asleep(run: Run, pair: Pair) -> None:
    (first, *others) = pair.source.workloads
    asleep = replace(first, replicas=0, annotations={"loft.sh/paused": "true"})
    pair.source.workloads = (asleep, *others)
    result = run()
    assert result["outcome"] == "refused"
    assert "is paused" in result["msg"]
    assert pair.log == []


def test_g25_a_target_with_an_older_kubernetes_is_refused(run: Run, pair: Pair) -> None:
    tag = {"controlPlane": {"distro": {"k8s": {"image": {"tag": "v1.35.0"}}}}}
    etcd = {"backingStore": {"etcd": {"deploy": {"enabled": True}}}}
    tag["controlPlane"].update(etcd)  # type: ignore[arg-type]
    deploy(pair.target, tag)
    result = run()
    assert result["outcome"] == "refused"
    assert "has Kubernetes 1.36.0, and 1.35.0 runs" in result["msg"]


def test_another_store_is_refused(run: Run, pair: Pair) -> None:
    deploy(pair.target, {})
    assert "A move keeps the store" in run()["msg"]


def test_a_move_that_was_undone_by_hand_begins_anew(run: Run, pair: Pair, tmp_path: Path) -> None:
    """Somebody woke the source up: what it holds now counts, not the old snapshot."""
    run()
    (first, *others) = pair.source.workloads
    kept = {MOVE: first.annotations[MOVE]}
    pair.source.workloads = (replace(first, replicas=1, ready=1, annotations=kept), *others)
    pair.stores[OLD].hold({**PAIRS, b"/registry/later": b"1"}, 50)
    result = run()
    assert not result.get("failed"), result["msg"]
    assert pair.held(NEW, tmp_path) == {**PAIRS, b"/registry/later": b"1"}
    snapshot = json.loads(annotations(pair.target)[MOVE])["snapshot"]
    assert json.loads(annotations(pair.source)[MOVE])["snapshot"] == snapshot
