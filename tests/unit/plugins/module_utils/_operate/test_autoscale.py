# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verb `autoscale`: two looks at the load, a decision, and a run that carries it out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from fakes import ASKED as NAMES
from fakes import NOW, FakeHost, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import verify
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.autoscale import Autoscale
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.plan_fleet import (
    Entry,
    plan_fleet,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from

ASKED: dict[str, Any] = {
    **NAMES,
    "store": {"type": "etcd_deployed", "members": 3},
    "replicas": 2,
    "autoscaling": {"max": 4, "by": "load"},
}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "store_checks", lambda *_args: [])


def metrics(requests: float) -> str:
    return (
        f'apiserver_request_total{{code="200",verb="LIST"}} {requests}\n'
        "process_cpu_seconds_total 5\n"
    )


def looked(world: World, rate: float, **more: Any) -> Entry:
    """What the verb plans, each replica answering so many requests a second between its looks."""
    said: list[float] = []

    def passes(seconds: float) -> None:
        said.append(seconds)
        # The clock of the samples goes on by a moment only: the rate is what counts.
        world.metrics = metrics(rate * 60)

    world.metrics = metrics(0)
    context = Context(check=True, connect=lambda _access, _warn: FakeHost(world))  # type: ignore[arg-type,return-value]
    entry = Entry("tenant-a", spec=spec_from({**ASKED, **more}))
    (found,) = plan_fleet([entry], context, Autoscale(passes)).entries
    assert said == [60.0]
    return found


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute passes between two looks, however quick they are."""
    from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import autoscale

    moments = iter(range(0, 100000, 30))
    monkeypatch.setattr(autoscale.time, "monotonic", lambda: float(next(moments)))


def replicas(world: World) -> int:
    values: Any = world.releases[-1].values
    return int(values["controlPlane"]["statefulSet"]["highAvailability"]["replicas"])


def test_a_load_that_asks_for_more_is_a_plan_that_a_run_carries_out(run: Any, world: World) -> None:
    run(**ASKED)
    found = looked(world, 200)
    assert found.kinds == ("scale_out",)
    assert found.spec and found.spec.decision
    assert found.spec.decision.replicas == 3
    result = run(
        view="replicas",
        decision=asdict(found.spec.decision),
        planned=found.plan.digest,
        **ASKED,
    )
    assert (result["outcome"], result["steps"]) == ("done", ["scale_out"])
    assert replicas(world) == 3
    labels = world.notes[-1].labels
    assert labels["fleetops.vcluster/scaled"] == f"3-at-{NOW.timestamp():.0f}"
    assert run(**ASKED)["outcome"] == "unchanged"


def test_a_load_that_asks_for_nothing_changes_nothing(run: Any, world: World) -> None:
    run(**ASKED)
    found = looked(world, 40)
    assert (found.status, found.kinds) == ("unchanged", ())


def test_nothing_else_that_waits_is_carried_out(run: Any, world: World) -> None:
    run(**ASKED)
    more = {
        "values": {"telemetry": {"enabled": False}},
        "store": {"type": "etcd_deployed", "members": 5},
    }
    assert looked(world, 40, **more).kinds == ()
    assert looked(world, 200, **more).kinds == ("scale_out",)


def test_where_an_autoscaler_of_kubernetes_decides_there_is_advice_only(
    run: Any, world: World
) -> None:
    alone = {"replicas": 1, "autoscaling": None}
    run(**{**ASKED, **alone})
    found = looked(world, 200, **alone)
    assert found.kinds == ()
    (finding,) = (f for f in found.plan.findings if f.guard == "advice")
    assert "from one replica to three" in finding.what


def test_embedded_etcd_takes_replicas_and_need_not_become_another_store(
    run: Any, world: World
) -> None:
    alone = {"store": {"type": "etcd_embedded"}, "replicas": 1, "autoscaling": None}
    run(**{**ASKED, **alone})
    (finding,) = (f for f in looked(world, 200, **alone).plan.findings if f.guard == "advice")
    assert "from one replica to three" in finding.what


def test_with_no_replica_that_answers_nothing_is_decided(run: Any, world: World) -> None:
    run(**ASKED)
    world.never_ready = "CrashLoopBackOff"
    found = looked(world, 200)
    assert found.status == "failed"
    assert "no replica answered at both looks" in str(found.error)


def test_a_change_that_is_not_proved_is_not_tried_again_at_once(run: Any, world: World) -> None:
    run(**ASKED)
    found = looked(world, 200)
    assert found.spec and found.spec.decision
    more = {"view": "replicas", "decision": asdict(found.spec.decision), **ASKED}
    world.broken_when = run(check=True, **more)["plan"]["steps"][0]["values"]
    result = run(**more, timeouts={"proof": 1})
    assert (result["outcome"], replicas(world)) == ("rolled_back", 2)
    assert world.notes[-1].labels["fleetops.vcluster/scaled"].startswith("2-at-")


@pytest.mark.parametrize(
    ("changed", "words"), [({"before": 3}, "there were 3 replicas"), ({"at": 0}, "min ago")]
)
def test_a_decision_that_is_no_longer_true_is_not_carried_out(
    run: Any, world: World, changed: dict[str, int], words: str
) -> None:
    run(**ASKED)
    found = looked(world, 200)
    assert found.spec and found.spec.decision
    decision = {**asdict(found.spec.decision), **changed}
    result = run(view="replicas", decision=decision, **ASKED)
    assert (result["outcome"], replicas(world)) == ("unchanged", 2)
    assert words in result["msg"]
