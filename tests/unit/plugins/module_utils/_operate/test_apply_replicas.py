# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps over replicas that are members of the store: what is proved before Helm, and what is not undone."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import Cut, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import apply, verify, wait
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.wait import Deadline

STORE = {"type": "etcd_embedded"}
IMPATIENT = {"total": 5, "rollout": 1, "proof": 1, "lock": 0}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    def proved(spec: Any, host: Any, context: Any, deadline: Deadline) -> Any:
        return verify.prove(spec, host, context, Deadline(0.05, deadline))

    monkeypatch.setattr(apply, "prove", proved)
    monkeypatch.setattr(wait, "PAUSE", 0.0)


def counts(world: World) -> list[int]:
    """Replicas of each revision."""
    found: list[Any] = [release.values for release in world.releases]
    return [v["controlPlane"]["statefulSet"]["highAvailability"]["replicas"] for v in found]


def asked(replicas: int) -> dict[str, Any]:
    return {"store": STORE, "replicas": replicas}


def test_g08_an_install_of_three_begins_with_one_that_is_proved(run: Any, world: World) -> None:
    result = run(**asked(3))
    assert (result["outcome"], result["steps"]) == ("done", ["install", "scale_out"])
    assert counts(world) == [1, 3]
    assert all(release.applied for release in world.releases)
    assert run(**asked(3))["outcome"] == "unchanged"
    (store,) = (check for check in result["checks"] if check["id"] == "store")
    assert store["status"] == "skip"


def test_g08_while_the_first_one_is_not_proved_no_other_comes(run: Any, world: World) -> None:
    first = run(check=True, **asked(3))["plan"]["steps"][0]["values"]
    world.broken_when = first
    result = run(timeouts=IMPATIENT, **asked(3))
    assert (result["outcome"], result["begun"]) == ("failed", ["install"])
    again = run(timeouts=IMPATIENT, **asked(3))
    assert (again["outcome"], again["begun"]) == ("failed", ["prove"])
    assert counts(world) == [1]
    world.broken_when = None
    assert run(**asked(3))["steps"] == ["prove", "scale_out"]


def test_g06_a_replica_that_is_not_proved_stays(run: Any, world: World) -> None:
    run(**asked(1))
    world.broken_when = run(check=True, **asked(3))["plan"]["steps"][1]["values"]
    result = run(timeouts=IMPATIENT, **asked(3))
    assert (result["outcome"], result["steps"]) == ("failed", ["prove"])
    assert counts(world) == [1, 3]


def test_g06_replicas_go_over_odd_counts_each_proved(run: Any, world: World) -> None:
    run(**asked(5))
    result = run(**asked(1))
    assert result["steps"] == ["prove", "scale_in", "scale_in"]
    assert counts(world) == [1, 3, 5, 3, 1]
    assert run(**asked(1))["outcome"] == "unchanged"


@pytest.mark.parametrize(("before", "after"), [(0, 3), (1, 3), (3, 1)])
@pytest.mark.parametrize("back", [False, True])
def test_g48_cut_off_before_every_change_the_next_run_converges(
    run: Any, world: World, before: int, after: int, back: bool
) -> None:
    """Also where the next one is asked for the count that was there before."""
    wanted = before or 1 if back else after
    number = 0
    while True:
        number += 1
        world.__dict__.update(World().__dict__)
        if before:
            run(**asked(before))
        world.cut_before = len(world.log) + number
        try:
            run(**asked(after))
        except Cut:
            world.cut_before = 0
            again = run(**asked(wanted))
            assert not again.get("failed"), (number, again)
            assert world.workloads[0].replicas == wanted
            assert run(**asked(wanted))["outcome"] == "unchanged", number
        else:
            break
    assert number > 4
