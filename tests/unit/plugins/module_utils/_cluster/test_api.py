# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the API client."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.api import KubernetesApi
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.kubeconfig import (
    Connection,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.retry import Patience
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.transport import (
    HostTransport,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    ApiError,
    Unreachable,
)

POD = "/api/v1/namespaces/x/pods/a"
PODS = "/api/v1/namespaces/x/pods"


@pytest.fixture
def answer(scripted: Any) -> Any:
    """Prepare the server's next answers."""
    from_conftest = type(scripted.answers[0])

    def prepare(*answers: tuple[int, Any] | tuple[int, Any, dict[str, str]]) -> None:
        scripted.answers = [from_conftest(*one) for one in answers]

    return prepare


def test_get_sends_credentials_and_returns_the_object(
    api: KubernetesApi, scripted: Any, answer: Any
) -> None:
    answer((200, {"kind": "Pod"}))
    assert api.get(POD, {"a": "b c"}) == {"kind": "Pod"}
    (request,) = scripted.requests
    assert (request.method, request.path, request.query) == ("GET", POD, {"a": "b c"})
    assert request.headers["authorization"] == "Bearer abc"


def test_find_returns_none_for_404_only(api: KubernetesApi, answer: Any) -> None:
    answer((404, {"message": "not there"}))
    assert api.find(POD) is None
    answer((403, {"message": "not you"}))
    with pytest.raises(ApiError, match="not you") as caught:
        api.find(POD)
    assert caught.value.status == 403


def test_list_follows_pages(api: KubernetesApi, scripted: Any, answer: Any) -> None:
    answer(
        (200, {"metadata": {"continue": "next"}, "items": [{"n": 1}]}),
        (200, {"metadata": {}, "items": [{"n": 2}]}),
    )
    assert [item["n"] for item in api.list(PODS, {"labelSelector": "a=b"})] == [1, 2]
    assert [request.query.get("continue") for request in scripted.requests] == [None, "next"]
    assert {request.query["labelSelector"] for request in scripted.requests} == {"a=b"}
    assert {request.query["limit"] for request in scripted.requests} == {"500"}


def test_list_goes_on_with_the_token_of_an_expired_continuation(
    api: KubernetesApi, scripted: Any, answer: Any
) -> None:
    answer(
        (200, {"metadata": {"continue": "old"}, "items": [{"n": 1}]}),
        (410, {"kind": "Status", "metadata": {"continue": "fresh"}}),
        (200, {"metadata": {}, "items": [{"n": 2}]}),
    )
    assert [item["n"] for item in api.list(PODS)] == [1, 2]
    assert scripted.requests[-1].query["continue"] == "fresh"


def test_list_reports_an_expiry_without_a_token(api: KubernetesApi, answer: Any) -> None:
    answer((410, {"kind": "Status", "metadata": {}, "message": "too old"}))
    with pytest.raises(ApiError, match="too old"):
        list(api.list(PODS))


def test_metadata_only_asks_for_partial_objects(
    api: KubernetesApi, scripted: Any, answer: Any
) -> None:
    answer((200, {"metadata": {}, "items": []}))
    assert list(api.list(PODS, metadata_only=True)) == []
    assert "as=PartialObjectMetadataList" in scripted.requests[0].headers["accept"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_g47_busy_answers_are_tried_again(
    api: KubernetesApi, scripted: Any, answer: Any, status: int
) -> None:
    answer((status, {"message": "busy"}), (status, "busy"), (200, {"n": 1}))
    assert api.get(POD) == {"n": 1}
    assert len(scripted.requests) == 3


def test_g47_tries_are_bounded_and_counted(api: KubernetesApi, scripted: Any, answer: Any) -> None:
    answer((503, {"message": "etcd is away"}))
    with pytest.raises(ApiError, match=r"503 after \d+ attempts: etcd is away") as caught:
        api.get(POD)
    assert caught.value.status == 503
    assert len(scripted.requests) > 3


def test_g47_retry_after_beyond_the_bound_ends_at_once(
    api: KubernetesApi, scripted: Any, answer: Any
) -> None:
    answer((429, {"message": "slow down"}, {"Retry-After": "3600"}))
    with pytest.raises(ApiError, match="slow down"):
        api.get(POD)
    assert len(scripted.requests) == 1


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_other_errors_are_answers(
    api: KubernetesApi, scripted: Any, answer: Any, status: int
) -> None:
    answer((status, {"message": "no"}))
    with pytest.raises(
        ApiError, match=f"Host cluster test: POST {PODS} was answered with {status}"
    ):
        api.create(PODS, {})
    assert len(scripted.requests) == 1


def test_g46_refused_connection_is_unreachable() -> None:
    connection = Connection("http://127.0.0.1:9", None, None, None, lambda: None, "")
    quick = Patience(silent=0.1, first=0.01)
    api = KubernetesApi("Host cluster gone", HostTransport(lambda: connection), quick)
    with pytest.raises(
        Unreachable, match=r"Host cluster gone cannot be reached: connection refused"
    ):
        api.get("/version")


def test_g46_credentials_are_renewed_once(scripted: Any, answer: Any) -> None:
    tokens = iter(["old", "new", "newest"])

    def load() -> Connection:
        token = next(tokens)
        return Connection(scripted.url, None, None, None, lambda: token, "")

    api = KubernetesApi("Host cluster test", HostTransport(load))
    answer((401, {"message": "Unauthorized"}), (200, {"n": 1}), (401, {"message": "Unauthorized"}))
    assert api.get(POD) == {"n": 1}
    assert [request.headers["authorization"] for request in scripted.requests] == ["old", "new"]
    with pytest.raises(Unreachable, match="refuses the credentials"):
        api.get(POD)
    assert len(scripted.requests) == 4


def test_writes_use_their_methods_and_content_types(
    api: KubernetesApi, scripted: Any, answer: Any
) -> None:
    answer((200, {"n": 1}))
    api.create(PODS, {"a": 1})
    api.replace(POD, {"a": 2})
    api.merge(POD, {"a": None})
    api.apply(POD, {"a": 3})
    api.delete(POD)
    assert [(r.method, r.headers.get("content-type"), r.body) for r in scripted.requests] == [
        ("POST", "application/json", {"a": 1}),
        ("PUT", "application/json", {"a": 2}),
        ("PATCH", "application/merge-patch+json", {"a": None}),
        ("PATCH", "application/apply-patch+yaml", {"a": 3}),
        ("DELETE", None, None),
    ]
    assert scripted.requests[3].query == {"fieldManager": "fleetops.vcluster", "force": "true"}


def test_delete_of_what_is_gone_is_no_error(api: KubernetesApi, answer: Any) -> None:
    answer((404, {"message": "gone"}))
    api.delete(POD)


def test_text_is_not_json(api: KubernetesApi, answer: Any) -> None:
    answer((200, "ok"))
    assert api.text("/readyz") == "ok"


def test_an_answer_that_is_no_json_is_an_error(api: KubernetesApi, answer: Any) -> None:
    answer((200, "<html>a proxy's log-in page</html>"))
    with pytest.raises(ApiError, match="not answered with JSON"):
        api.get(POD)


def test_watch_yields_events_and_raises_errors(
    api: KubernetesApi, scripted: Any, answer: Any
) -> None:
    events = [{"type": "ADDED", "object": {"n": 1}}, {"type": "MODIFIED", "object": {"n": 2}}]
    expired = {"type": "ERROR", "object": {"code": 410, "message": "too old"}}
    answer((200, "\n".join(json.dumps(event) for event in events) + "\n"))
    assert list(api.watch(PODS, {"resourceVersion": "5"}, 7)) == events
    query = scripted.requests[0].query
    assert query == {"resourceVersion": "5", "watch": "1", "timeoutSeconds": "7"}
    answer((200, json.dumps(expired) + "\n"))
    with pytest.raises(ApiError, match="too old") as caught:
        list(api.watch(PODS, {}, 7))
    assert caught.value.status == 410


def test_a_stream_is_its_documents(api: KubernetesApi, scripted: Any, answer: Any) -> None:
    answer((200, '{"result": 1}\n{"result": 2}\n'))
    assert list(api.stream("/v3/maintenance/snapshot", {"a": 1})) == [{"result": 1}, {"result": 2}]
    assert (scripted.requests[0].method, scripted.requests[0].body) == ("POST", {"a": 1})


def test_a_stream_that_is_no_json_raises(api: KubernetesApi, answer: Any) -> None:
    answer((200, '{"result": 1}\n{"resu\n'))
    with pytest.raises(Unreachable, match="the answer to /v3/x broke off"):
        list(api.stream("/v3/x", {}))


def test_a_stream_that_breaks_raises_and_a_watch_just_ends(
    api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Breaks:
        status, headers, reason = 200, {}, ""

        def stream(self, _size: int, decode_content: bool) -> Any:
            yield b'{"type": "ADDED"}\n{"ty'
            raise urllib3.exceptions.ProtocolError("connection broken")

        def close(self) -> None:
            pass

    monkeypatch.setattr(api._transport, "send", lambda *_arguments: Breaks())
    assert list(api.watch(PODS, {}, 1)) == [{"type": "ADDED"}]
    found = api.stream("/v3/x", {})
    assert next(found) == {"type": "ADDED"}
    with pytest.raises(Unreachable, match="broke off: connection broken"):
        next(found)


def test_g55_now_is_the_servers_clock(api: KubernetesApi, scripted: Any) -> None:
    scripted.date = "Sun, 06 Nov 1994 08:49:37 GMT"
    assert (
        timedelta() <= api.now - datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC) < timedelta(seconds=5)
    )
    assert [request.path for request in scripted.requests] == ["/version"]
    assert api.now > datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)
    assert len(scripted.requests) == 1


@pytest.mark.apiserver
def test_real_pages_and_partial_objects(real_api: KubernetesApi, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for number in range(3):
        body = {"metadata": {"name": f"c{number}"}, "data": {"text": "x" * 200_000}}
        real_api.create(path, body)
    full = list(real_api.list(path))
    partial = list(real_api.list(path, metadata_only=True))
    assert sorted(item["metadata"]["name"] for item in full) == ["c0", "c1", "c2"]
    assert all(len(item["data"]["text"]) == 200_000 for item in full)
    assert [item["metadata"]["name"] for item in partial] == ["c0", "c1", "c2"]
    assert all("data" not in item for item in partial)


@pytest.mark.apiserver
def test_real_writes_watch_and_clock(real_api: KubernetesApi, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    made = real_api.create(path, {"metadata": {"name": "c"}, "data": {"a": "1"}})
    with pytest.raises(ApiError) as exists:
        real_api.create(path, {"metadata": {"name": "c"}})
    assert exists.value.status == 409
    real_api.merge(f"{path}/c", {"data": {"a": None, "b": "2"}})
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"z": "9"}}
    assert real_api.apply(f"{path}/c", body, check=True)["data"] == {"b": "2", "z": "9"}
    assert real_api.get(f"{path}/c")["data"] == {"b": "2"}
    assert real_api.apply(f"{path}/c", body)["data"] == {"b": "2", "z": "9"}
    with pytest.raises(ApiError) as moved:
        real_api.replace(f"{path}/c", made)
    assert moved.value.status == 409
    version = made["metadata"]["resourceVersion"]
    events = list(real_api.watch(path, {"resourceVersion": version}, 1))
    assert [event["type"] for event in events] == ["MODIFIED", "MODIFIED"]
    real_api.delete(f"{path}/c")
    assert real_api.find(f"{path}/c") is None
    assert abs(real_api.now - datetime.now(UTC)) < timedelta(seconds=5)
