# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verb `autoscale`: two looks at the load, a decision, and a run that carries it out."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import fakes
import pytest
from fakes import ASKED as NAMES
from fakes import DEFAULTS, NOW, FakeHost, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Scaled
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import autoscale, verify
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.all_verbs import verb_named
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.autoscale import Autoscale
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.load_report import (
    load_as_data,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.plan_fleet import (
    Entry,
    entry_as_data,
    plan_fleet,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.two_looks import Clock
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


def metrics(requests: float, cpu: float = 5.0) -> str:
    return (
        "# TYPE apiserver_request_total counter\n"
        f'apiserver_request_total{{code="200",verb="LIST"}} {requests}\n'
        "# TYPE process_cpu_seconds_total counter\n"
        f"process_cpu_seconds_total {cpu}\n"
    )


def minute(world: World, rate: float) -> tuple[Clock, list[float]]:
    """A clock that only sleeping moves, and what the replicas have counted with it; and how long each sleep was."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        world.metrics = metrics(rate * sum(slept), 5.0 + world.cpu * sum(slept))

    world.metrics = metrics(0)
    return Clock(lambda: sum(slept), sleep), slept


def looked(world: World, rate: float, **more: Any) -> Entry:
    """What the verb plans, each replica answering so many requests a second between its looks."""
    context = Context(check=True, connect=lambda _access, _warn: FakeHost(world))  # type: ignore[arg-type,return-value]
    entry = Entry("tenant-a", spec=spec_from({**ASKED, **more}))
    clock, slept = minute(world, rate)
    (found,) = plan_fleet([entry], context, Autoscale(clock)).entries
    assert slept in ([60.0], [])
    return found


@pytest.fixture
def role(run: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module as the role `autoscale` calls it."""

    def run_it(rate: float, **more: Any) -> dict[str, Any]:
        monkeypatch.setattr(autoscale, "Clock", lambda: minute(world, rate)[0])
        found: dict[str, Any] = run(view="replicas", by_load=True, **{**ASKED, **more})
        return found

    return run_it


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
    assert found.plan.findings == ()
    assert found.verdict and (found.verdict.wanted, found.verdict.reason) == (2, "")


def test_the_plan_file_has_the_load_whatever_it_asks_for(run: Any, world: World) -> None:
    run(**ASKED)
    quiet = entry_as_data(looked(world, 40))
    assert (quiet["status"], quiet["kinds"]) == ("unchanged", [])
    load = quiet["load"]
    assert load["requests"] == {"LIST": pytest.approx(80)}
    assert (load["replicas"], load["seconds"], load["p99"]) == (2, 60, None)
    assert load["limits"]["requests"] == 100
    assert load["limits"]["store_bytes"] == 2 * 2**30
    assert (load["before"], load["wanted"], load["reason"]) == (2, 2, "")
    found = entry_as_data(looked(world, 200))["load"]
    assert (found["before"], found["wanted"]) == (2, 3)
    assert "200 requests/s for each replica, above 100" in found["reason"]
    assert json.loads(json.dumps(found)) == found
    assert "load" not in entry_as_data(Entry("other"))


def test_the_role_tells_the_load_and_scales(role: Any, run: Any, world: World) -> None:
    run(**ASKED)
    checked = role(200, check=True)
    assert (checked["outcome"], checked["plan"]["kinds"]) == ("planned", ["scale_out"])
    assert (checked["load"]["before"], checked["load"]["wanted"]) == (2, 3)
    assert replicas(world) == 2
    result = role(200)
    assert (result["outcome"], result["steps"], replicas(world)) == ("done", ["scale_out"], 3)
    assert result["load"]["requests"] == {"LIST": pytest.approx(400)}
    held = role(400)
    assert (held["outcome"], held["load"]["wanted"]) == ("unchanged", 3)
    assert "the last change was 0 s ago" in held["load"]["reason"]


@pytest.mark.parametrize("asked", [ASKED["autoscaling"], None])
def test_the_role_advises_as_the_playbook_does(
    role: Any, run: Any, world: World, asked: dict[str, Any] | None
) -> None:
    more = {"replicas": 1, "autoscaling": asked}
    run(**{**ASKED, **more})
    result, planned = role(200, check=True, **more), looked(world, 200, **more)
    said = [f["what"] for f in result["findings"] if f["guard"] == "advice"]
    assert said == [f.what for f in planned.plan.findings if f.guard == "advice"]
    # Where the load decides, the same load is a decision.
    assert any("from one replica to three" in text for text in said) == (asked is None)
    assert planned.verdict and result["load"] == load_as_data(planned.verdict)
    assert (result["outcome"] == "planned") == (asked is not None)


def test_where_nobody_tells_the_load_the_role_fails_only_if_it_is_to_decide(
    role: Any, run: Any, world: World
) -> None:
    run(**ASKED)
    world.never_ready = "CrashLoopBackOff"
    assert "no replica answered at both looks" in role(200, check=True)["msg"]
    told = role(200, check=True, autoscaling=None)
    assert (told["outcome"], told.get("load")) == ("unchanged", None)


def test_advice_goes_by_the_charts_defaults_where_nothing_else_is_said(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = {"requests": {"cpu": "50m"}}
    plane = {**DEFAULTS["controlPlane"]["statefulSet"], "resources": resources}
    chart = {"controlPlane": {**DEFAULTS["controlPlane"], "statefulSet": plane}}
    run(**ASKED)
    monkeypatch.setattr(fakes, "DEFAULTS", chart)
    world.cpu = 0.2
    found = looked(world, 40)
    assert [f.what for f in found.plan.findings] == [
        "a larger CPU request: 0.20 of 0.05 cores are used."
    ]


def test_a_run_remembers_nothing_of_another() -> None:
    assert verb_named("autoscale", None) is not verb_named("autoscale", None)


def test_a_replica_that_is_gone_at_the_second_look_is_left_out(run: Any, world: World) -> None:
    run(**{**ASKED, "replicas": 3})
    world.silent_after = {"tenant-a-2": 1}
    found = looked(world, 40, replicas=3)
    assert found.verdict and found.verdict.load.replicas == 2
    assert found.spec and found.spec.decision is None
    assert "2 of 3 replicas told it" in found.verdict.reason


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


def test_what_is_decided_is_done_where_the_bounds_have_moved(run: Any, world: World) -> None:
    run(**{**ASKED, "replicas": 7, "autoscaling": {"max": 8, "by": "load"}})
    found = looked(world, 300)
    assert found.verdict and found.spec and found.spec.decision
    assert (found.verdict.wanted, found.verdict.reason) == (4, "max is 4")
    result = run(view="replicas", decision=asdict(found.spec.decision), **ASKED)
    assert (result["steps"], replicas(world)) == (["scale_in"], 4)
    assert world.notes[-1].labels["fleetops.vcluster/scaled"].startswith("4-at-")


def test_a_decision_is_as_old_as_the_look_at_the_load(run: Any, world: World) -> None:
    """Hundreds are planned one after the other, the last ones minutes after it."""
    run(**ASKED)
    host: Any = FakeHost(world)
    spec, verb = spec_from(ASKED), Autoscale(minute(world, 200)[0])
    verb.prepare([spec], host, Context())
    host.api.now = NOW + timedelta(minutes=7)
    decided, _verdict = verb.judged(spec, host.observe(spec), host)
    assert decided.decision and decided.decision.at == int(NOW.timestamp())


def test_a_load_from_before_the_last_change_decides_nothing(run: Any, world: World) -> None:
    run(**ASKED)
    host: Any = FakeHost(world)
    spec, verb = spec_from(ASKED), Autoscale(minute(world, 200)[0])
    verb.prepare([spec], host, Context())
    newest, at = world.releases[-1], int(NOW.timestamp()) + 60
    world.releases[-1] = replace(newest, scaled=Scaled(2, at))
    host.api.now = NOW + timedelta(minutes=7)
    decided, verdict = verb.judged(spec, host.observe(spec), host)
    assert decided.decision is None
    assert verdict and "the last change was 0 s ago" in verdict.reason


def test_nothing_is_looked_at_any_more_when_nobody_waits(run: Any, world: World) -> None:
    run(**ASKED)
    clock, slept = minute(world, 200)
    verb, host = Autoscale(clock), FakeHost(world)
    verb.stop()
    verb.prepare([spec_from(ASKED)], host, Context())  # type: ignore[arg-type]
    assert slept == []


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
