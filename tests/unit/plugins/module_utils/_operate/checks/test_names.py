# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pods in the tenant live on: names and tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeReach, TenantApi
from scenes import result

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
    Release,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.checks import names
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.checks.scene import Scene


def test_g29_a_token_that_another_replica_rejects_fails_by_name(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = TenantApi.create

    def rejects(self: TenantApi, path: str, body: Any) -> Any:
        if path.endswith("tokenreviews") and self.pod == "tenant-a-1":
            return {"status": {"authenticated": False, "error": "bad signature"}}
        return create(self, path, body)

    monkeypatch.setattr(TenantApi, "create", rejects)
    found = result(names.checks(scene), "tokens")
    assert found.status == "fail"
    assert "tenant-a-1 does not accept" in found.evidence


def test_dns_that_does_not_answer_fails_and_none_by_choice_is_skipped(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeReach, "resolve", lambda *_args: ())
    assert result(names.checks(scene), "dns").status == "fail"
    values = {"controlPlane": {"coredns": {"enabled": False}}}
    off = replace(scene, observation=Observation(release=Release(1, "deployed", values=values)))
    assert result(names.checks(off), "dns").status == "skip"


@pytest.mark.parametrize("values", [{"controlPlane": None}, {"controlPlane": {"coredns": None}}])
def test_dns_is_asked_where_the_values_have_an_empty_section(
    scene: Scene, values: dict[str, Any]
) -> None:
    seen = Observation(release=Release(1, "deployed", values=values))
    found = result(names.checks(replace(scene, observation=seen)), "dns")
    assert (found.status, "10.96.0.1" in found.evidence) == ("pass", True)


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"authenticated": True},
        {"authenticated": True, "user": {"username": "system:anonymous"}},
        {"authenticated": False, "user": {"username": names.SUBJECT}},
    ],
)
def test_g29_a_token_is_accepted_only_as_whom_it_was_made_for(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, status: dict[str, Any]
) -> None:
    create = TenantApi.create

    def reviews(self: TenantApi, path: str, body: Any) -> Any:
        return {"status": status} if path == names.REVIEW else create(self, path, body)

    monkeypatch.setattr(TenantApi, "create", reviews)
    found = result(names.checks(scene), "tokens")
    assert found.status == "fail"
    assert "tenant-a-0 does not accept" in found.evidence


def test_g29_the_token_of_one_replica_is_shown_to_all_of_them(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, shown = TenantApi.create, []

    def notes(self: TenantApi, path: str, body: Any) -> Any:
        if path == names.REVIEW:
            shown.append((self.pod, body["spec"]["token"]))
        return create(self, path, body)

    monkeypatch.setattr(TenantApi, "create", notes)
    assert result(names.checks(scene), "tokens").status == "pass"
    assert shown == [("tenant-a-0", "made-here"), ("tenant-a-1", "made-here")]


@pytest.mark.parametrize(
    ("coredns", "status"),
    [
        ({}, "pass"),
        ({"enabled": True}, "pass"),
        ({"enabled": False}, "skip"),
        ({"embedded": True}, "skip"),
        ({"embedded": False}, "pass"),
    ],
)
def test_dns_is_asked_unless_there_is_no_coredns_pod_by_choice(
    scene: Scene, coredns: dict[str, Any], status: str
) -> None:
    release = Release(1, "deployed", values={"controlPlane": {"coredns": coredns}})
    found = replace(scene, observation=Observation(release=release))
    assert result(names.checks(found), "dns").status == status


def test_without_a_replica_nobody_is_asked(scene: Scene) -> None:
    assert {check.status for check in names.checks(replace(scene, replicas={}))} == {"skip"}
