# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proof of many vClusters at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fakes import ASKED, NOW, FakeHost, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    Refused,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.finding import refuse
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Proved
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.plan_fleet import Entry
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.proofs import (
    proofs_text,
    prove_all,
    span_of,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from


def entry(cluster: str = "hc1", host: str = "tenant-a") -> Entry:
    return Entry(host, spec=spec_from({**ASKED, "host": host, "kubeconfig": f"/k/{cluster}"}))


@pytest.fixture
def context(run: Any, world: World) -> Context:
    """A host cluster hc1 with one proved vCluster, and others that do not answer."""
    run()

    def connect(access: Any, _warn: Any) -> FakeHost:
        if access.kubeconfig != "/k/hc1":
            raise Unreachable(f"Host cluster {access.key}: no answer.")
        return FakeHost(world)

    return Context(connect=connect)


def test_each_has_its_result_and_the_bad_ones_leave_the_others_alone(context: Context) -> None:
    wrong = Entry("typo", error=Refused((refuse("spec", "Unknown variable vcluster_x."),)))
    proofs = prove_all([wrong, entry("hc2", "away"), entry()], context, 3)
    assert list(proofs.results) == ["typo", "away", "tenant-a"]
    assert proofs.results["tenant-a"]["outcome"] == "passed"
    assert set(proofs.failed) == {"typo", "away"}
    assert "no answer" in proofs.failed["away"]


def test_a_proof_that_passed_is_noted_and_one_in_check_mode_is_not(
    context: Context, world: World
) -> None:
    old = Proved(NOW - timedelta(days=2))
    world.releases = [replace(world.releases[-1], proved=old)]
    prove_all([entry()], replace(context, check=True), 1)
    assert world.releases[-1].proved == old
    prove_all([entry()], context, 1)
    assert world.releases[-1].proved and world.releases[-1].proved.at == NOW


def test_only_those_that_are_due(context: Context, world: World, monkeypatch: Any) -> None:
    seen = FakeHost.fleet

    def fleet(self: FakeHost, specs: Any, *, leases: bool = False) -> Any:
        found = seen(self, specs, leases=leases)
        dated = {k: replace(v, seen_at=NOW) for k, v in found.observations.items()}
        return replace(found, observations=dated)

    monkeypatch.setattr(FakeHost, "fleet", fleet)
    world.releases = [replace(world.releases[-1], proved=Proved(NOW - timedelta(hours=3)))]
    young = prove_all([entry()], context, 1, due=timedelta(hours=4))
    assert (young.results, young.not_due) == ({}, ("tenant-a",))
    assert prove_all([entry()], context, 1, due=timedelta(hours=2)).not_due == ()
    world.workloads = tuple(replace(w, ready=0) for w in world.workloads)
    assert prove_all([entry()], context, 1, due=timedelta(hours=4)).failed, "not well: looked at"


def test_the_text_spells_out_what_failed_in_80_columns(context: Context, world: World) -> None:
    world.broken_when = world.releases[-1].values
    text = proofs_text(prove_all([entry("hc2", "away"), entry()], context, 2))
    assert "fail api_ready: tenant-a-0: /readyz says" in text
    assert "2 vClusters: 0 passed, 2 failed" in text
    assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("24h", 86400), ("7d", 604800), ("7", None), ("h", None)],
)
def test_spans(text: str, seconds: int | None) -> None:
    found = span_of(text)
    assert (found.total_seconds() if found else None) == seconds
