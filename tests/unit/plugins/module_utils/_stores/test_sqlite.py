# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SQLite: one replica, one volume."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from members import reach, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Claim,
    Observation,
    Pod,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import (
    checks,
    store_named,
)


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ((Claim("data-tenant-0", "5Gi", None, "Bound"),), "pass"),
        ((Claim("data-tenant-0", "5Gi", None, "Pending"),), "fail"),
        ((), "fail"),
    ],
)
def test_sqlite_wants_its_volume_bound(claims: tuple[Claim, ...], status: str) -> None:
    seen = Observation(claims=claims)
    (found,) = checks(spec(), seen, [], reach({}), {})
    assert (found.id, found.status) == ("store_volume", status)


def plane(**section: Any) -> dict[str, Any]:
    return {"controlPlane": {"statefulSet": section}}


def claim(enabled: Any, **more: Any) -> dict[str, Any]:
    return {"persistence": {"volumeClaim": {"enabled": enabled}, **more}}


@pytest.mark.parametrize(
    ("values", "guards"),
    [
        (plane(**claim("auto")), []),
        (plane(**claim(True)), []),
        (plane(**claim("true")), []),
        (plane(**claim(False)), ["G02"]),
        (plane(**claim("false")), ["G02"]),
        (plane(**claim(False, volumeClaimTemplates=[{"metadata": {"name": "data"}}])), []),
        (plane(**claim("auto"), highAvailability={"replicas": 2}), ["G01"]),
        (plane(**claim(False), highAvailability={"replicas": 3}), ["G01", "G02"]),
    ],
)
def test_g01_g02_one_replica_and_one_volume(values: dict[str, Any], guards: list[str]) -> None:
    assert [finding.guard for finding in store_named("sqlite").findings(values)] == guards


def test_a_deployment_has_no_volume_to_look_at() -> None:
    seen = Observation(workloads=(Workload("control_plane", "Deployment", "tenant", 1),))
    (found,) = checks(spec(), seen, [], reach({}), {})
    assert (found.id, found.status) == ("store_volume", "skip")


def test_the_volume_of_another_vcluster_is_not_its_own() -> None:
    seen = Observation(claims=(Claim("data-tenant-b-0", "5Gi", None, "Bound"),))
    (found,) = checks(spec(), seen, [], reach({}), {})
    assert found.status == "fail"
    assert "data-tenant-0 does not exist" in found.evidence


class Volume:
    """See the port Database."""

    def snapshot(self) -> Iterator[bytes]:
        yield from (b"data", b"base")

    def count(self, revision: int) -> int:
        return revision * 2


class Ways:
    """The tenant's API at one pod, and the volume."""

    @contextmanager
    def replica(self, pod: str) -> Iterator[Ways]:
        assert pod == "tenant-0"
        yield self

    def get(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        assert (path, params) == ("/api/v1/namespaces", {"limit": "1"})
        return {"metadata": {"resourceVersion": "812"}, "items": []}

    @contextmanager
    def database(self) -> Iterator[Volume]:
        yield Volume()


@pytest.mark.parametrize(
    ("pods", "revision"),
    [((Pod("control_plane", "tenant-0", ready=True),), 812), ((), None)],
)
def test_a_snapshot_has_to_reach_what_the_tenants_api_tells_before(
    pods: tuple[Pod, ...], revision: int | None
) -> None:
    """A stopped one tells nothing; then the volume has all."""
    reach: Any = Ways()
    with store_named("sqlite").source(spec(), pods, reach, {}) as source:
        assert (source.way, source.revision) == ("sqlite", revision)
        assert source.title == "SQLite in claim data-tenant-0"
        assert b"".join(source.pieces()) == b"database"
        assert source.count(4) == 8
        assert source.count(4, b"/") is None, "a copy is counted as a whole"
