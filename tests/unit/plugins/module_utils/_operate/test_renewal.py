# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What restarts for new certificates, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from signed import certificate, encoded

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import TimedOut
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import renewal, wait

NOW = datetime(2026, 3, 17, 9, 30, tzinfo=UTC)
SPEC = Spec("t", "t", "vcluster-t", "hc1", Access())
PLANE = Workload("control_plane", "Deployment", "t", 3)
ETCD = Workload("etcd", "StatefulSet", "t-etcd", 3)
SECRETS = "/api/v1/namespaces/vcluster-t/secrets/"


@dataclass
class Api:
    """Two Secrets, and workloads that are restarted; the syncer renews some looks after its restart."""

    renews: tuple[str, ...] = ("t-certs", "vc-t")
    log: list[str] = field(default_factory=list)
    now: datetime = NOW
    looks: int = 0

    def find(self, path: str) -> dict[str, Any]:
        secret = path.removeprefix(SECRETS)
        self.looks += any("deployments/t " in line for line in self.log)
        # The one that is elected exports, once all have restarted.
        ready = self.looks > 4 and (secret == "t-certs" or "rolled out" in self.log)
        ends = NOW + timedelta(days=365 if ready and secret in self.renews else 9)
        entry = "etcd-server.crt" if secret == "t-certs" else "client-certificate"
        return {"data": {entry: encoded(certificate(ends))}}

    def merge(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        annotations = body["spec"]["template"]["metadata"]["annotations"]
        place = path.removeprefix("/apis/apps/v1/namespaces/vcluster-t/")
        self.log.append(f"{place} {annotations[renewal.RENEWED_AT]}")
        return {}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait, "PAUSE", 0.0)
    monkeypatch.setattr(renewal, "rollout", lambda api, *_more: api.log.append("rolled out"))


def renewed(api: Any, *workloads: Workload, say: Callable[[str], None] = str) -> None:
    renewal.renew(api, SPEC, Observation(workloads=workloads), wait.Deadline(0.5), say)


def test_g36_members_restart_once_the_syncer_has_renewed_and_the_kubeconfig_is_waited_for() -> None:
    api, said = Api(), list[str]()
    renewed(api, PLANE, ETCD, say=said.append)
    at = "2026-03-17T09:30:00Z"
    assert api.log == [f"deployments/t {at}", f"statefulsets/t-etcd {at}", "rolled out"]
    assert said == ["its first certificate ends on 2027-03-17 now"]
    assert api.find(f"{SECRETS}vc-t") != Api().find(f"{SECRETS}vc-t")


def test_g36_without_members_the_control_plane_alone_restarts() -> None:
    api = Api()
    renewed(api, PLANE)
    assert len(api.log) == 2


def test_g36_a_syncer_that_renews_nothing_is_told_and_no_member_restarts() -> None:
    api = Api(renews=())
    with pytest.raises(TimedOut, match="the syncer to renew the certificates"):
        renewed(api, PLANE, ETCD)
    assert len(api.log) == 1


def test_g36_a_kubeconfig_that_stays_old_is_told() -> None:
    with pytest.raises(TimedOut, match="the kubeconfig in Secret vc-t"):
        renewed(Api(renews=("t-certs",)), PLANE, ETCD)


def test_g48_what_a_run_that_was_cut_off_has_renewed_is_not_waited_for() -> None:
    """Its certificates were new already, the members and the kubeconfig were not."""
    api = Api()
    api.looks, api.log = 4, ["deployments/t earlier"]
    renewed(api, PLANE, ETCD)
    assert [line.split()[0] for line in api.log[1:]] == [
        "deployments/t",
        "statefulsets/t-etcd",
        "rolled",
    ]


def test_a_kubeconfig_without_a_certificate_is_not_waited_for() -> None:
    """Such as one of a ServiceAccount (exportKubeConfig.serviceAccount)."""

    class Without(Api):
        def find(self, path: str) -> dict[str, Any]:
            return {} if path.endswith("/vc-t") else super().find(path)

    api = Without()
    renewed(api, PLANE)
    assert api.log[-1] == "rolled out"
