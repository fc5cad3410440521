# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of reading and marking Helm's release Secrets."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import releases
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.api import KubernetesApi
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.care import Point
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Applied,
    Proved,
    Release,
)

DIGEST = "0123456789abcdef0123"
PROVED = Proved(datetime(2026, 11, 24, 12, tzinfo=UTC), datetime(2027, 11, 24, tzinfo=UTC))


def metadata(revision: int, status: str, label: str = "") -> dict[str, Any]:
    labels = {
        "owner": "helm",
        "name": "a",
        "status": status,
        "version": str(revision),
        "modifiedAt": "1700000000",
    }
    if label:
        labels["fleetops.vcluster/applied"] = label
    return {"name": f"sh.helm.release.v1.a.v{revision}", "namespace": "x", "labels": labels}


def packed(document: Any) -> str:
    # Without a time of its own, so that every worker collects the same tests.
    inner = base64.b64encode(gzip.compress(json.dumps(document).encode(), mtime=0))
    return base64.b64encode(inner).decode()


def test_a_release_from_its_labels() -> None:
    found = releases.release_of(metadata(3, "deployed", f"{DIGEST}-r3"))
    assert found == Release(3, "deployed", Applied(DIGEST, 3), modified=1700000000)


@pytest.mark.parametrize(
    "label",
    [f"{DIGEST}-r2", f"{DIGEST}-r30", f"{DIGEST}", f"{DIGEST[:-1]}-r3", "", f"{DIGEST}-r03"],
)
def test_g49_a_label_of_another_revision_does_not_count(label: str) -> None:
    assert releases.release_of(metadata(3, "deployed", label)).applied is None


def test_newest_leaves_superseded_ones_out() -> None:
    found = [Release(3, "deployed"), Release(4, "failed"), Release(5, "superseded")]
    assert releases.newest(found) == Release(4, "failed")
    assert releases.newest([]) is None


def test_decode() -> None:
    document = {"config": {"a": 1}, "chart": {}}
    assert releases.decode(packed(document), "it") == document
    plain = base64.b64encode(base64.b64encode(json.dumps(document).encode())).decode()
    assert releases.decode(plain, "it") == document


@pytest.mark.parametrize("text", ["", "not base64!", packed([1]), packed({"a": 1})[:-40]])
def test_damaged_releases_are_named(text: str) -> None:
    with pytest.raises(FleetError, match="Secret x"):
        releases.decode(text, "Secret x")


@pytest.mark.apiserver
class TestRealServer:
    """Against a real API server."""

    @staticmethod
    def put(
        api: KubernetesApi, namespace: str, revision: int, status: str, label: str = ""
    ) -> None:
        document = {
            "config": {"revision": revision},
            "chart": {"metadata": {"version": f"0.36.{revision}"}},
            "manifest": "---\n",
            "info": {"description": f"words {revision}"},
        }
        data = {"release": base64.b64encode(base64.b64decode(packed(document))).decode()}
        body = {"metadata": {**metadata(revision, status, label), "namespace": namespace}}
        api.create(f"/api/v1/namespaces/{namespace}/secrets", {**body, "data": data})

    def test_history_finds_newest_base_and_last_good(
        self, real_api: KubernetesApi, namespace: str
    ) -> None:
        assert releases.history(real_api, namespace, "a") == releases.History()
        self.put(real_api, namespace, 8, "superseded", f"{DIGEST}-r8")
        self.put(real_api, namespace, 9, "superseded", f"{DIGEST}-r9")
        self.put(real_api, namespace, 10, "deployed", f"{DIGEST}-r9")
        self.put(real_api, namespace, 11, "pending-upgrade")
        found = releases.history(real_api, namespace, "a")
        assert found.release and found.base and found.last_good
        revisions = [found.release.revision, found.base.revision, found.last_good.revision]
        assert revisions == [11, 9, 10]
        assert found.base.values == {"revision": 9}
        assert found.release.chart_version == "0.36.11"
        assert found.last_good.description == "words 10"

    def test_mark_keeps_foreign_values_by_revision(
        self, real_api: KubernetesApi, namespace: str
    ) -> None:
        for revision in (1, 2):
            self.put(real_api, namespace, revision, "deployed")
            pointers = [f"/controlPlane/{revision}"]
            releases.mark(real_api, namespace, "a", revision, DIGEST, pointers, PROVED)
        kept = releases.noted(real_api, namespace, "a")
        assert kept.foreign == {1: ("/controlPlane/1",), 2: ("/controlPlane/2",)}
        found = releases.with_notes(releases.history(real_api, namespace, "a"), kept)
        assert found.base is not None
        assert found.base.applied == Applied(DIGEST, 2)
        assert found.base.foreign == ("/controlPlane/2",)
        assert found.base.proved == PROVED
        again = replace(PROVED, at=PROVED.at + timedelta(hours=1), certificates_end=None)
        releases.note_proof(real_api, namespace, "a", 2, again)
        found = releases.history(real_api, namespace, "a")
        assert found.base and found.base.proved == again
        assert found.base.applied == Applied(DIGEST, 2)

    def test_only_the_last_revisions_are_kept(
        self, real_api: KubernetesApi, namespace: str
    ) -> None:
        for revision in range(1, 13):
            self.put(real_api, namespace, revision, "deployed")
            releases.mark(real_api, namespace, "a", revision, DIGEST, [], PROVED)
        assert sorted(releases.noted(real_api, namespace, "a").foreign) == list(range(3, 13))

    def test_g25_the_snapshot_of_a_way_back_is_kept_until_its_revision_is_proved_anew(
        self, real_api: KubernetesApi, namespace: str
    ) -> None:
        """Another vCluster may come to stand under the same name and revision."""
        for revision in (1, 2):
            self.put(real_api, namespace, revision, "superseded")
            releases.mark(real_api, namespace, "a", revision, DIGEST, ["/a"], PROVED)
            releases.note_snapshot(real_api, namespace, "a", revision, f"snapshot-{revision}")
        kept = releases.noted(real_api, namespace, "a")
        assert kept.snapshots == {1: "snapshot-1", 2: "snapshot-2"}
        assert kept.foreign == {1: ("/a",), 2: ("/a",)}
        found = releases.with_notes(releases.history(real_api, namespace, "a"), kept)
        assert found.base and found.base.snapshot == "snapshot-2"
        releases.mark(real_api, namespace, "a", 2, DIGEST, [], PROVED)
        assert releases.noted(real_api, namespace, "a").snapshots == {1: "snapshot-1"}

    def test_forget_deletes_one_revision(self, real_api: KubernetesApi, namespace: str) -> None:
        self.put(real_api, namespace, 1, "deployed")
        self.put(real_api, namespace, 2, "pending-upgrade")
        releases.forget(real_api, namespace, "a", 2)
        found = releases.history(real_api, namespace, "a")
        assert found.release is not None
        assert found.release.revision == 1

    def test_g43_looks_at_the_store_are_kept_beside_what_else_is_noted(
        self, real_api: KubernetesApi, namespace: str
    ) -> None:
        self.put(real_api, namespace, 1, "deployed")
        points = (Point(1000, 5 << 30), Point(90_000, 6 << 30))
        releases.note_points(real_api, namespace, "a", points)
        care = replace(PROVED, care="rewrite a-etcd-0; 71 % of its quota")
        releases.mark(real_api, namespace, "a", 1, DIGEST, ["/a"], care)
        kept = releases.noted(real_api, namespace, "a")
        assert (kept.points, kept.foreign) == (points, {1: ("/a",)})
        found = releases.history(real_api, namespace, "a")
        assert found.base and found.base.proved == care
        releases.note_points(real_api, namespace, "a", points[1:])
        assert releases.noted(real_api, namespace, "a").points == points[1:]
        releases.note_proof(real_api, namespace, "a", 1, PROVED)
        found = releases.history(real_api, namespace, "a")
        assert found.base and found.base.proved == PROVED

    @pytest.mark.parametrize("text", ["[", "{}", "[[1]]", '[["a", 2]]', "7"])
    def test_damaged_looks_begin_anew(
        self, real_api: KubernetesApi, namespace: str, text: str
    ) -> None:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        releases.note_points(real_api, namespace, "a", ())
        annotations = {releases.POINTS_ANNOTATION: text}
        real_api.merge(
            f"{path}/{releases.lease_name('a')}", {"metadata": {"annotations": annotations}}
        )
        assert releases.noted(real_api, namespace, "a").points == ()

    def test_damaged_annotation_is_named(self, real_api: KubernetesApi, namespace: str) -> None:
        annotations = {releases.FOREIGN_ANNOTATION: "["}
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": releases.lease_name("a"), "annotations": annotations},
        }
        path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        real_api.create(path, body)
        with pytest.raises(FleetError, match="was damaged"):
            releases.noted(real_api, namespace, "a")
