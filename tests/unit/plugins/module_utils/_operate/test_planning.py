# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One vCluster observed and planned: what is read, and with which chart."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from fakes import FakeHelm, FakeHost, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Refused
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import spec_of
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.planning import (
    observe_and_plan,
)

SECRET = "/api/v1/namespaces/vcluster-tenant-a/secrets/db"


def asked(**arguments: Any) -> Spec:
    return spec_of({"name": "tenant-a", "kubeconfig": "/k/hc1", **arguments}, Context())


@pytest.fixture
def pulled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The versions that were pulled."""
    found: list[str] = []
    pull = FakeHelm.pull

    def pulls(self: FakeHelm, chart: str, version: str) -> Any:
        found.append(version)
        return pull(self, chart, version)

    monkeypatch.setattr(FakeHelm, "pull", pulls)
    return found


def test_a_new_one_without_a_version_is_refused_before_any_chart_is_pulled(
    world: World, pulled: list[str]
) -> None:
    with pytest.raises(Refused, match="vcluster_version is not set"):
        observe_and_plan(asked(), FakeHost(world), Context())
    assert pulled == []


@pytest.mark.parametrize(("version", "chart"), [(None, "0.35.3"), ("0.36.1", "0.36.1")])
def test_the_chart_is_the_one_asked_for_or_the_one_that_runs(
    world: World, pulled: list[str], version: str | None, chart: str
) -> None:
    world.deploy("tenant-a", "0.35.3", {})
    observe_and_plan(asked(version=version), FakeHost(world), Context())
    assert pulled == [chart]


def test_one_that_is_unchanged_needs_no_chart(run: Any, world: World, pulled: list[str]) -> None:
    run()
    pulled.clear()
    same = asked(version="0.36.1", store={"type": "sqlite"})
    found = observe_and_plan(same, FakeHost(world), Context())
    assert found.plan.steps == ()
    assert pulled == []


def test_g38_references_are_compared_by_content_and_known_as_secret(world: World) -> None:
    content = "https://tenant.example.net"
    world.objects[SECRET] = {"data": {"k": base64.b64encode(content.encode()).decode()}}
    values = {"exportKubeConfig": {"server": {"$secret": {"name": "db", "key": "k"}}}}
    context = Context()
    found = observe_and_plan(asked(version="0.36.1", values=values), FakeHost(world), context)
    assert (found.plan.steps[0].values or {})["exportKubeConfig"] == {"server": content}
    assert found.full.secret_paths == ("/exportKubeConfig/server",)
    assert found.spec.values == values
    assert content not in context.secrets.mask(f"x {content}")
