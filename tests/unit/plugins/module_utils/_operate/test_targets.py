# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The targets of a run: a claim has one pod for all that use it, and none when the run is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from claim_host import CLAIM, SPEC, ClaimHost

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.directory import Directory
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Snapshots
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer

HERE = replace(SPEC, snapshots=Snapshots(claim=CLAIM))


def context_of(host: ClaimHost) -> Context:
    found: Any = SimpleNamespace(api=host)
    return Context(connect=lambda _access, _warn: found)


def test_one_pod_serves_all_vclusters_of_a_claim(tmp_path: Path) -> None:
    host = ClaimHost(tmp_path)
    context = context_of(host)
    for name in ("a", "b"):
        list(context.target(replace(HERE, name=name)).files(""))
    assert len(host.pods) == 1
    elsewhere = replace(HERE, access=Access(kubeconfig="/k/hc2"))
    assert context.target(elsewhere) is not context.target(HERE)
    context.close()
    assert host.pods == {}


def test_a_pod_on_a_claim_ends_however_the_run_ends(tmp_path: Path) -> None:
    host = ClaimHost(tmp_path)

    def engine(_arguments: Mapping[str, Any], context: Context) -> dict[str, Any]:
        list(context.target(HERE).files(""))
        assert len(host.pods) == 1
        raise FleetError("It broke.")

    assert answer(engine, {}, context_of(host))["failed"]
    assert host.pods == {}


def test_a_folder_takes_nothing_of_a_host_cluster(tmp_path: Path) -> None:
    def connect(_access: Access, _warn: Any) -> Any:
        raise AssertionError

    spec = replace(SPEC, snapshots=Snapshots(directory=str(tmp_path)))
    assert isinstance(Context(connect=connect).target(spec), Directory)
