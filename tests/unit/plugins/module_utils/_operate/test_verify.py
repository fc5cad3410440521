# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proof as a module: what passes, what is noted, and what is left alone."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeHost, FakeReach, TenantApi, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.check import CheckResult
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
    ProofFailed,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import verify
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import spec_of
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.wait import Deadline

ASKED = {"name": "tenant-a", "kubeconfig": "/k/hc1", "version": "0.36.1"}


def context(world: World, **more: Any) -> Context:
    return Context(connect=lambda _access, _warn: FakeHost(world), **more)


def verified(world: World, check: bool = False, **more: Any) -> dict[str, Any]:
    return answer(verify.run_verify, {**ASKED, **more}, context(world, check=check))


def statuses(result: dict[str, Any]) -> dict[str, str]:
    return {check["id"]: check["status"] for check in result["checks"]}


def broken(world: World) -> None:
    """Its API server is not ready any more."""
    assert world.newest
    world.broken_when = world.newest.values


def test_one_that_does_not_exist_is_told() -> None:
    result = verified(World())
    assert result["failed"]
    assert "does not exist" in result["msg"]


def test_a_healthy_one_passes_and_is_never_changed(run: Any, world: World) -> None:
    run()
    done = list(world.log)
    result = verified(world)
    assert (result["outcome"], result["changed"], result["failed"]) == ("passed", False, False)
    assert statuses(result)["write_and_read"] == "pass"
    assert world.log == done
    assert world.tenant == {}


def test_a_sick_one_fails_and_names_the_check(run: Any, world: World) -> None:
    run()
    broken(world)
    result = verified(world)
    assert (result["outcome"], result["failed"]) == ("failed", True)
    assert "1 of" in result["msg"]
    assert "api_ready: tenant-a-0: /readyz says [-]etcd failed" in result["msg"]


@pytest.mark.parametrize("more", [{"check": True}, {"proof": "read"}])
def test_nothing_is_written_in_the_tenant_when_only_reading_is_asked_for(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    run()
    monkeypatch.setattr(TenantApi, "delete", lambda *_args: pytest.fail("something was written"))
    assert statuses(verified(world, **more))["write_and_read"] == "skip"


def test_the_time_of_a_proof_is_noted_only_for_what_was_proved_before_and_passes_now(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[int] = []
    monkeypatch.setattr(
        FakeHost, "note_proof", lambda _self, _spec, revision, _proved: noted.append(revision)
    )
    world.deploy("tenant-a", "0.36.1", {})
    verified(world)
    assert noted == []
    run()
    verified(world, check=True)
    assert noted == []
    verified(world)
    assert noted == [1]
    broken(world)
    verified(world)
    assert noted == [1]


def test_a_replica_that_cannot_be_reached_fails_and_the_others_are_still_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"controlPlane": {"statefulSet": {"highAvailability": {"replicas": 2}}}}
    world.deploy("tenant-a", "0.36.1", values)
    replica = FakeReach.replica

    @contextmanager
    def reached(self: FakeReach, pod: str) -> Any:
        if pod == "tenant-a-0":
            raise Unreachable("port-forward to tenant-a-0 refused")
        with replica(self, pod) as api:
            yield api

    monkeypatch.setattr(FakeReach, "replica", reached)
    result = verified(world)
    assert statuses(result)["api_ready"] == "fail"
    assert statuses(result)["tokens"] == "pass"
    assert "tenant-a-0: port-forward to tenant-a-0 refused" in result["msg"]


def test_without_a_release_there_is_no_store_to_ask(world: World) -> None:
    world.deploy("tenant-a", "0.36.1", {})
    world.releases.clear()
    assert statuses(verified(world))["store"] == "skip"


def test_a_proof_is_tried_until_it_passes_and_says_once_what_is_missing(
    run: Any, world: World
) -> None:
    run()
    broken(world)
    said: list[str] = []

    def progress(text: str) -> None:
        said.append(text)

    def heals(self: TenantApi, path: str, params: Any = None) -> str:
        tries.append(path)
        return "ok" if len(tries) > 3 else "[-]etcd failed"

    tries: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TenantApi, "text", heals)
        proving = context(world, progress=progress)
        spec = spec_of(ASKED, proving)
        results = verify.prove(spec, FakeHost(world), proving, Deadline(5))
    assert not [found for found in results if found.status == "fail"]
    assert tries.count("/readyz") == 5  # alone until it passes, then with all others
    assert len(said) == 1
    assert said[0].startswith("tenant-a: not proved yet: api_ready: tenant-a-0: /readyz says")


def rounds_of(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch, **failing: set[int]
) -> list[set[str]]:
    """Which groups of checks each round of a proof has; `failing`: the tries of a group that fail."""
    run()
    tries: Counter[str] = Counter()
    rounds: list[set[str]] = []

    def group(name: str) -> Any:
        def checks(_scene: Any) -> Any:
            tries[name] += 1
            rounds[-1].add(name)
            yield CheckResult(name, "fail" if tries[name] in failing[name] else "pass", "")

        return checks

    groups = {name: group(name) for name in failing}
    monkeypatch.setattr(verify.plane, "checks", groups["plane"])
    monkeypatch.setattr(verify, "PLANE", (groups["plane"],))
    monkeypatch.setattr(verify, "GROUPS", tuple(groups.values()))
    begin = verify._round

    def begun(*arguments: Any) -> Any:
        rounds.append(set())
        return begin(*arguments)

    monkeypatch.setattr(verify, "_round", begun)
    proving = context(world)
    results = verify.prove(spec_of(ASKED, proving), FakeHost(world), proving, Deadline(5))
    assert [(result.id, result.status) for result in results] == [(n, "pass") for n in failing]
    return rounds


def test_a_proof_begins_with_the_plane_and_tries_again_what_failed_alone(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = rounds_of(run, world, monkeypatch, plane={1}, data=set(), names={1, 2})
    everything, again = {"plane", "data", "names"}, {"plane", "names"}
    assert rounds == [{"plane"}, {"plane"}, everything, again, again]


def test_a_replica_that_goes_while_the_rest_is_tried_again_ends_what_passed(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = rounds_of(run, world, monkeypatch, plane={3}, data=set(), names={1})
    everything = {"plane", "data", "names"}
    assert rounds == [{"plane"}, everything, {"plane", "names"}, {"plane"}, everything]


def test_what_passed_while_a_replica_was_missing_does_not_count(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = rounds_of(run, world, monkeypatch, plane={2}, data=set())
    assert rounds == [{"plane"}, {"plane", "data"}, {"plane"}, {"plane", "data"}]


def test_a_proof_that_never_passes_ends_with_the_checks_of_the_last_round(
    run: Any, world: World
) -> None:
    run()
    broken(world)
    proving = context(world)
    with pytest.raises(ProofFailed) as caught:
        verify.prove(spec_of(ASKED, proving), FakeHost(world), proving, Deadline(0))
    assert [found.id for found in caught.value.checks if found.status == "fail"] == ["api_ready"]


def test_the_summary_counts_every_status() -> None:
    spec = spec_of(ASKED, Context())
    one = CheckResult("pods", "pass", "all")
    good = (one, replace(one, status="warn"), replace(one, status="skip"), one)
    assert verify.summary(spec, good).endswith(": 2 checks passed, 1 warnings, 1 skipped")
    bad = (one, replace(one, id="dns", status="fail", evidence="no address"))
    assert verify.summary(spec, bad).endswith(": 1 of 2 checks failed. dns: no address.")


@pytest.mark.parametrize("error", [FleetError("etcd does not answer"), KeyError("header")])
def test_a_store_that_cannot_be_asked_is_a_failed_check(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    run()

    def away(*_args: Any) -> Any:
        raise error

    monkeypatch.setattr(verify, "store_checks", away)
    found = statuses(verified(world))
    assert (found["store"], found["dns"]) == ("fail", "pass")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("ok\n", ""),
        ("", "/readyz says "),
        ("[-]etcd failed", "/readyz says [-]etcd failed"),
        ("ok\nnot really", "/readyz says ok\nnot really"),
        (FleetError("refused", "look"), "refused look"),
    ],
)
def test_a_replica_is_ready_when_it_says_so_and_nothing_else(said: Any, why: str) -> None:
    class Answers:
        def text(self, path: str) -> str:
            assert path == "/readyz"
            if isinstance(said, Exception):
                raise said
            return str(said)

    replica: Any = Answers()
    assert verify._unready(replica) == why
