# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the etcd gateway's shapes; real answers are in test_tenant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.api import KubernetesApi
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.etcd import EtcdGateway
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import ApiError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.etcd import Member


@pytest.fixture
def paths(scripted: Any) -> dict[str, Any]:
    """Answers by path, to be filled by the test; 404 for the others."""
    answers: dict[str, Any] = {}
    kind = type(scripted.answers[0])

    def answer(request: Any) -> Any:
        found = answers.get(request.path)
        return kind(200, found) if found is not None else kind(404, {"message": "Not Found"})

    scripted.answers = [answer]
    return answers


def test_members_are_what_this_member_knows(
    api: KubernetesApi, scripted: Any, paths: dict[str, Any]
) -> None:
    paths["/v3/cluster/member/list"] = {
        "members": [
            {"ID": "1", "name": "m0", "peerURLs": ["https://m0:2380"]},
            {"ID": "2", "peerURLs": ["https://m1:2380"], "isLearner": True},
        ]
    }
    assert EtcdGateway(api).members() == (
        Member("1", "m0", False, ("https://m0:2380",)),
        Member("2", "", True, ("https://m1:2380",)),
    )
    assert scripted.requests[0].body == {"linearizable": False}


def test_keys_with_a_prefix_are_counted_and_deleted(
    api: KubernetesApi, scripted: Any, paths: dict[str, Any]
) -> None:
    paths["/v3/kv/range"] = {"header": {"revision": "9"}, "count": "3"}
    paths["/v3/kv/deleterange"] = {"header": {"revision": "10"}, "deleted": "3"}
    etcd = EtcdGateway(api)
    assert etcd.count(prefix=b"/a/") == (9, 3)
    etcd.delete(b"/a/")
    below = {"key": "L2Ev", "range_end": "L2Ew"}  # "/a/" to "/a0"
    assert scripted.requests[0].body == {**below, "count_only": True, "revision": "0"}
    assert scripted.requests[1].body == below


def test_alarms_are_named_once(api: KubernetesApi, paths: dict[str, Any]) -> None:
    errors = ["etcdserver: no leader", "memberID:1 alarm:NOSPACE ", "memberID:2 alarm:NOSPACE "]
    header = {"member_id": "1", "revision": "5"}
    paths["/v3/maintenance/status"] = {"header": header, "errors": errors}
    status = EtcdGateway(api).status()
    assert (status.alarms, status.revision) == (("NOSPACE",), 5)
    assert (status.leader, status.quota) == ("0", 0), (
        "no leader, and a quota that 3.5 does not tell"
    )


def test_hash_on_etcd_3_5_has_the_older_path(
    api: KubernetesApi, scripted: Any, paths: dict[str, Any]
) -> None:
    paths["/v3/maintenance/hash"] = {"hash": 77, "compact_revision": "3"}
    assert EtcdGateway(api).hash(9) == (77, 3)
    assert [request.path for request in scripted.requests] == [
        "/v3/maintenance/hashkv",
        "/v3/maintenance/hash",
    ]
    assert scripted.requests[1].body == {"revision": "9"}


def test_other_errors_stay(api: KubernetesApi, scripted: Any) -> None:
    scripted.answers = [type(scripted.answers[0])(400, {"message": "future revision"})]
    with pytest.raises(ApiError, match="future revision"):
        EtcdGateway(api).hash(9)
    assert len(scripted.requests) == 1


class Stream:
    """An API that answers with documents, one after the other."""

    def __init__(self, *documents: dict[str, Any]) -> None:
        self._documents = documents

    def stream(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        assert (path, body) == ("/v3/maintenance/snapshot", {})
        yield from self._documents


def test_a_snapshot_is_the_pieces_of_the_stream() -> None:
    api: Any = Stream({"result": {"blob": "YWI="}}, {"result": {}}, {"result": {"blob": "Yw=="}})
    assert b"".join(EtcdGateway(api).snapshot()) == b"abc"


def test_a_snapshot_that_the_member_ends_is_an_error() -> None:
    api: Any = Stream({"result": {"blob": "YWI="}}, {"error": {"message": "server stopped"}})
    with pytest.raises(ApiError, match="ended its snapshot: server stopped"):
        list(EtcdGateway(api).snapshot())
