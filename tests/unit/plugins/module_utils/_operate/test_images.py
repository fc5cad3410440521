# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The images of a hop are asked for before anything is changed."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import FakeApi, FakeHelm, FakeHost, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import ApiError
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import images

OLD, NEW = "0.35.3", "0.36.1"
PLACE = "/api/v1/namespaces/vcluster-tenant-a/pods/tenant-a-images"
KUBERNETES = "kubernetes:v1.36.0"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, world: World) -> list[dict[str, Any]]:
    """What the node says of the containers that ask, look by look; the last one stays."""
    answers: list[dict[str, Any]] = []

    def template(_helm: Any, name: str, _ns: str, chart: Any, *_more: Any) -> list[Any]:
        containers = [{"name": "syncer", "image": f"vcluster-pro:{chart.version}"}]
        before = [{"name": "kubernetes", "image": KUBERNETES}]
        pod = {"containers": containers, "initContainers": before, "serviceAccountName": "vc-a"}
        metadata = {"name": name, "labels": {"app": "vcluster"}}
        return [{"kind": "StatefulSet", "metadata": metadata, "spec": {"template": {"spec": pod}}}]

    get = FakeApi.get

    def looked(api: FakeApi, path: str, params: Any = None) -> Any:
        found = get(api, path, params)
        if path != PLACE:
            return found
        state = answers.pop(0) if len(answers) > 1 else answers[0]
        image = found["spec"]["containers"][0]["image"]
        return {**found, "status": {"containerStatuses": [{"image": image, "state": state}]}}

    monkeypatch.setattr(FakeHelm, "template", template)
    monkeypatch.setattr(FakeApi, "get", looked)
    return answers


def test_only_new_ones_are_asked_for_and_nothing_stays(
    run: Any, world: World, said: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    create = FakeApi.create

    def created(api: FakeApi, path: str, body: Any) -> Any:
        made.append(body)
        return create(api, path, body)

    monkeypatch.setattr(FakeApi, "create", created)
    run(version=OLD)
    said[:] = [
        {"waiting": {"reason": "ErrImagePull"}},
        {"waiting": {"reason": "ImagePullBackOff"}},
        {"terminated": {"reason": "StartError"}},
    ]
    result = run(version=NEW, rollback="never")
    assert result["steps"] == ["prove", "chart_hop"], result["msg"]
    (pod,) = [body for body in made if body["metadata"]["name"] == "tenant-a-images"]
    assert [c["image"] for c in pod["spec"]["containers"]] == [f"vcluster-pro:{NEW}"]
    assert pod["spec"]["serviceAccountName"] == "vc-a"
    assert PLACE not in world.objects


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
def test_g53_an_image_that_cannot_be_had_ends_the_hop_before_it_begins(
    run: Any,
    world: World,
    said: list[dict[str, Any]],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(version=OLD)
    monkeypatch.setattr(images, "PATIENCE", 0.3)
    said[:] = [{"waiting": {"reason": reason, "message": "no such manifest"}}]
    result = run(version=NEW, rollback="never")
    assert (result["outcome"], result["steps"]) == ("failed", ["prove"])
    assert f"the image vcluster-pro:{NEW} cannot be pulled: no such manifest" in result["msg"]
    assert world.newest and world.newest.chart_version == OLD
    assert PLACE not in world.objects


def test_a_pod_that_a_killed_run_left_is_waited_for(
    run: Any, world: World, said: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a moment to end."""
    run(version=OLD)
    said[:] = [{"terminated": {"reason": "StartError"}}]
    world.objects[PLACE] = {"metadata": {"name": "tenant-a-images"}}
    find, delete, looks = FakeApi.find, FakeApi.delete, [0]

    def found(api: FakeApi, path: str) -> Any:
        looks[0] += path == PLACE
        if looks[0] == 3 and path == PLACE:
            delete(api, path)
        return find(api, path)

    def deleted(api: FakeApi, path: str) -> None:
        if path != PLACE or looks[0] > 3:
            delete(api, path)

    def created(api: FakeApi, path: str, body: Any) -> Any:
        if f"{path}/{body['metadata']['name']}" in world.objects:
            raise ApiError(409, "already exists")
        return create(api, path, body)

    create = FakeApi.create
    monkeypatch.setattr(FakeApi, "find", found)
    monkeypatch.setattr(FakeApi, "delete", deleted)
    monkeypatch.setattr(FakeApi, "create", created)
    result = run(version=NEW, rollback="never")
    assert result["steps"] == ["prove", "chart_hop"], result["msg"]
    assert looks[0] >= 3


def test_whoever_may_make_no_pods_goes_on(
    run: Any, world: World, said: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(version=OLD)

    def forbidden(_host: FakeHost, _path: str, _body: Any) -> Any:
        raise ApiError(403, "pods is forbidden")

    monkeypatch.setattr(FakeApi, "create", forbidden)
    assert run(version=NEW, rollback="never")["steps"] == ["prove", "chart_hop"]
