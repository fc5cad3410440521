# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates of a server in Secrets: made once, renewed in time, nobody else's touched."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import ApiError
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.tls_secrets import (
    run_tls_secrets,
)

NS = "/api/v1/namespaces/ns"
PARTS = ["t-store-ca", "t-store-server", "t-store-client"]


class Cut(Exception):
    """The run is killed."""


class Api:
    """A namespace with Secrets; a write of an old version is refused, as the API server does."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.objects: dict[str, Any] = {NS: {"metadata": {"name": "ns"}}}
        self.writes: list[str] = []
        self.cut_before = 0
        self.forbidden = False

    def find(self, path: str) -> Any:
        if path == NS and self.forbidden:
            raise ApiError(403, "forbidden")
        return self.objects.get(path)

    def create(self, path: str, body: Any) -> Any:
        if NS not in self.objects:
            raise ApiError(404, 'namespaces "ns" not found')
        return self._write(f"{path}/{body['metadata']['name']}", body)

    def replace(self, path: str, body: Any) -> Any:
        if body["metadata"]["resourceVersion"] != self.version(path):
            raise ApiError(409, "the object has been modified")
        return self._write(path, body)

    def version(self, path: str) -> str:
        return str(self.objects[path]["metadata"]["resourceVersion"])

    def _write(self, path: str, body: Any) -> Any:
        self.writes.append(path.rsplit("/", 1)[-1])
        if len(self.writes) == self.cut_before:
            raise Cut
        metadata = {**body["metadata"], "resourceVersion": str(len(self.writes))}
        self.objects[path] = {**body, "metadata": metadata}
        return self.objects[path]

    def data(self, name: str) -> dict[str, bytes]:
        found = self.objects[f"{NS}/secrets/{name}"]["data"]
        return {key: b64decode(value) for key, value in found.items()}


class Host:
    """Only its API is asked."""

    def __init__(self, api: Api) -> None:
        self.api = api


def run(api: Api, check: bool = False, diff: bool = False, **more: Any) -> dict[str, Any]:
    given = {"hosts": ["t-store", "10.0.0.9"], "days": 365, "renew_before": 30, **more}
    context = Context(check=check, diff=diff, connect=lambda _access, _warn: Host(api))  # type: ignore[arg-type,return-value]
    return answer(run_tls_secrets, {"namespace": "ns", "name": "t-store", **given}, context)


@pytest.fixture
def api() -> Api:
    return Api()


def test_it_is_made_once(api: Api) -> None:
    first = run(api)
    assert first["changed"] and first["issued"] == PARTS
    assert first["not_after"] == "2027-01-01T00:00:00Z"
    again = run(api)
    assert not again["changed"] and not again["issued"] and not again["updated"]
    assert again["digest"] == first["digest"]
    assert api.writes == PARTS


def test_every_secret_is_a_pair_with_whom_to_trust_and_is_marked_as_ours(api: Api) -> None:
    run(api)
    for name in PARTS:
        secret = api.objects[f"{NS}/secrets/{name}"]
        assert secret["type"] == "kubernetes.io/tls"
        assert secret["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "fleetops.vcluster"}
        assert set(secret["data"]) == {"ca.crt", "tls.crt", "tls.key"}


def test_check_mode_tells_the_same_and_writes_nothing(api: Api) -> None:
    told = run(api, check=True)
    assert told["changed"] and told["issued"] == PARTS and not api.writes
    done = run(api)
    assert {**done, "digest": "", "msg": ""} == {**told, "digest": "", "msg": ""}
    assert "would be issued" in told["msg"] and "would" not in done["msg"]
    assert run(api, check=True)["digest"] == done["digest"]


def test_a_month_before_the_end_they_are_issued_anew_by_the_same_authority(api: Api) -> None:
    first = run(api)
    authority = api.data("t-store-ca")
    api.now += timedelta(days=334)
    assert not run(api)["changed"]
    api.now += timedelta(days=1)
    again = run(api)
    assert again["issued"] == PARTS[1:]
    assert again["digest"] != first["digest"]
    assert api.data("t-store-ca") == authority


@pytest.mark.parametrize("hosts", [["t-store"], ["t-store", "10.0.0.9", "another"]])
def test_other_hosts_are_another_certificate_of_the_server_alone(
    api: Api, hosts: list[str]
) -> None:
    run(api)
    again = run(api, hosts=hosts)
    assert again["issued"] == ["t-store-server"]
    assert "has other names" in again["msg"]


def test_order_and_spelling_of_hosts_change_nothing(api: Api) -> None:
    run(api, hosts=["t-store", "fd00:0::1"])
    assert not run(api, hosts=["FD00::1", "localhost", "T-Store."])["changed"]


def test_damage_is_healed(api: Api) -> None:
    run(api)
    path = f"{NS}/secrets/t-store-client"
    api.objects[path]["data"]["tls.key"] = b64encode(b"garbage").decode()
    assert run(api)["issued"] == ["t-store-client"]
    del api.objects[path]
    assert run(api)["issued"] == ["t-store-client"]


def test_an_authority_near_its_end_is_replaced_and_the_old_one_stays_trusted(api: Api) -> None:
    for _year in range(9):
        run(api)
        api.now += timedelta(days=340)
    run(api)
    before = {name: api.data(name) for name in PARTS}
    api.now += timedelta(days=200)
    again = run(api)
    assert (again["issued"], again["updated"]) == (["t-store-ca"], PARTS[1:])
    for name in PARTS[1:]:
        after = api.data(name)
        assert after["ca.crt"] == api.data("t-store-ca")["tls.crt"] + before[name]["ca.crt"]
        assert after["tls.crt"] == before[name]["tls.crt"]
    assert not run(api)["changed"]
    api.now += timedelta(days=140)
    assert run(api)["issued"] == PARTS[1:]


def test_g48_killed_anywhere_the_next_run_finishes(api: Api) -> None:
    for cut_before in range(1, 4):
        api = Api()
        api.cut_before = cut_before
        assert run(api)["failed"]
        assert not run(api).get("failed")
        assert not run(api)["changed"]


def test_g48_killed_while_the_authority_is_replaced_nobody_is_left_out(api: Api) -> None:
    for cut_before in (1, 2, 3):
        api = Api()
        run(api)
        api.objects[f"{NS}/secrets/t-store-ca"]["data"]["tls.key"] = ""
        old = api.data("t-store-server")["ca.crt"]
        api.cut_before = 3 + cut_before
        assert run(api)["failed"]
        assert not run(api).get("failed")
        trust = api.data("t-store-ca")["ca.crt"]
        assert trust.endswith(old) and trust != old
        assert {api.data(name)["ca.crt"] for name in PARTS} == {trust}


@pytest.mark.parametrize("name", PARTS)
def test_a_secret_of_somebody_else_is_refused_and_nothing_is_written(api: Api, name: str) -> None:
    api.objects[f"{NS}/secrets/{name}"] = {"metadata": {"name": name}, "data": {}}
    told = run(api)
    assert told["failed"] and told["outcome"] == "refused" and name in told["msg"]
    assert not api.writes


def test_what_somebody_adds_to_a_secret_stays(api: Api) -> None:
    run(api)
    secret = api.objects[f"{NS}/secrets/t-store-server"]
    secret["metadata"]["annotations"] = {"note": "kept"}
    secret["data"]["more"] = b64encode(b"kept").decode()
    run(api, hosts=[])
    assert api.objects[f"{NS}/secrets/t-store-server"]["metadata"]["annotations"] == {
        "note": "kept"
    }
    assert api.data("t-store-server")["more"] == b"kept"


def test_two_runs_at_once_do_not_sign_with_two_authorities(api: Api) -> None:
    run(api)
    find = api.find

    def raced(path: str) -> Any:
        found = find(path)
        if path.endswith("t-store-server"):
            api.objects[path] = {
                **found,
                "metadata": {**found["metadata"], "resourceVersion": "99"},
            }
        return found

    api.find = raced  # type: ignore[method-assign]
    assert "somebody else meanwhile" in run(api, hosts=[])["msg"]


@pytest.mark.parametrize("check", [True, False])
def test_a_namespace_that_is_missing_is_told(api: Api, check: bool) -> None:
    del api.objects[NS]
    told = run(api, check=check)
    assert told["failed"] and "namespace ns does not exist" in told["msg"]


def test_who_may_not_look_at_namespaces_may_still_write(api: Api) -> None:
    api.forbidden = True
    assert run(api)["issued"] == PARTS


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "T-Store"},
        {"name": "t" * 58},
        {"namespace": "a/b"},
        {"hosts": ["a b"]},
        {"hosts": ["10.0.0.256"]},
        {"hosts": [""]},
        {"days": 0},
        {"days": 1001},
        {"renew_before": 365},
        {"renew_before": -1},
        {"api_host": "http://x"},
    ],
)
def test_wrong_arguments_are_refused(api: Api, wrong: dict[str, Any]) -> None:
    told = run(api, **wrong)
    assert told["failed"] and told["outcome"] == "refused"
    assert not api.writes


def test_the_longest_name_has_a_certificate(api: Api) -> None:
    assert run(api, name="t" * 57)["changed"]


def test_g38_neither_result_nor_difference_holds_a_key(api: Api) -> None:
    run(api)
    told = run(api, hosts=["another"], diff=True)
    assert "10.0.0.9" in told["diff"]["before"] and "another" in told["diff"]["after"]
    assert "PRIVATE" not in str(told)
    assert run(api, hosts=["another"], diff=True)["diff"]["before"] == told["diff"]["after"]


def test_g55_days_are_counted_by_the_clock_of_the_server(api: Api) -> None:
    api.now = datetime(2040, 1, 1, tzinfo=UTC)
    assert run(api)["not_after"] == "2040-12-31T00:00:00Z"
