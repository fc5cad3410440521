# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An etcd outside: its client certificate, and a look at it from here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from members import NAMES, OPTIONS, healthy, reach, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
    Release,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import StoreSpec
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import (
    checks,
    condition,
    secrets_of,
    store_named,
)


def test_external_etcd_mounts_its_client_certificate() -> None:
    asked = StoreSpec("etcd_external", {**OPTIONS["etcd_external"]})
    values = store_named("etcd_external").values("tenant", asked.options)
    tls = values["controlPlane"]["backingStore"]["etcd"]["external"]["tls"]
    persistence = values["controlPlane"]["statefulSet"]["persistence"]
    folder = persistence["addVolumeMounts"][0]["mountPath"]
    assert persistence["addVolumes"][0]["secret"]["secretName"] == "client"
    assert tls == {
        "caFile": f"{folder}/ca.crt",
        "certFile": f"{folder}/tls.crt",
        "keyFile": f"{folder}/tls.key",
    }
    assert secrets_of(spec(asked)) == {"client": ("ca.crt", "tls.crt", "tls.key")}


@pytest.mark.parametrize(
    "options",
    [
        OPTIONS["etcd_external"],
        {
            "endpoint": "etcd:2379",
            "tls": {
                "secret": "mine",
                "ca_key": "a",
                "certificate_key": "b",
                "private_key_key": "c",
            },
        },
        {"endpoint": "etcd:2379"},
    ],
)
def test_what_its_values_stand_for_is_told_and_nothing_of_it_is_left_by_another(
    options: dict[str, Any],
) -> None:
    store = store_named("etcd_external")
    values = store.values("tenant", options)
    assert store.options_in(values) == options
    assert store.left(values) in ({}, {"controlPlane": {"backingStore": {"etcd": {}}}}) or (
        store.left(values)
        == {"controlPlane": {"backingStore": {"etcd": {}}, "statefulSet": {"persistence": {}}}}
    )


def test_files_that_are_mounted_in_another_way_are_not_told() -> None:
    store = store_named("etcd_external")
    values = store.values("tenant", OPTIONS["etcd_external"])
    external = values["controlPlane"]["backingStore"]["etcd"]["external"]
    external["tls"]["caFile"] = "/elsewhere/ca.crt"
    assert store.options_in(values) == {"endpoint": OPTIONS["etcd_external"]["endpoint"]}


def test_external_etcd_is_asked_from_here_or_skipped_with_the_reason() -> None:
    asked = spec(StoreSpec("etcd_external", OPTIONS["etcd_external"]))
    values = store_named("etcd_external").values("tenant", OPTIONS["etcd_external"])
    endpoint = OPTIONS["etcd_external"]["endpoint"]
    alive = reach({endpoint: healthy()[NAMES[0]]})
    found = checks(asked, Observation(), [], alive, values)
    assert {result.status for result in found} == {"pass"}
    (skipped,) = checks(asked, Observation(), [], reach({}), values)
    assert skipped.status == "skip"
    assert "does not answer" in skipped.evidence


def test_g43_of_an_external_etcd_is_told_how_it_is_and_only_an_own_one_is_cared_for() -> None:
    asked = spec(StoreSpec("etcd_external", OPTIONS["etcd_external"]))
    values = store_named("etcd_external").values("tenant", OPTIONS["etcd_external"])
    seen = Observation(release=Release(1, "deployed", values=values))
    member = healthy()[NAMES[0]]
    full = replace(member, said=replace(member.said, alarms=("NOSPACE",), in_use=5 << 20))
    found = condition(asked, seen, [], reach({OPTIONS["etcd_external"]["endpoint"]: full}))
    assert found is not None
    assert (found.size, found.used, found.keys, found.compacted) == (20 << 20, 5 << 20, 338, 400)
    assert (found.compacts, found.rewrite) == (False, "")
    assert found.advice == ("its alarm NOSPACE is raised",)
    # An address is no pod, and nobody is asked for a StatefulSet without a name.
    by_address = condition(asked, seen, [], reach({OPTIONS["etcd_external"]["endpoint"]: member}))
    assert by_address is not None
    assert not by_address.rewrite
    # kine, which takes the same place, has no gateway.
    assert condition(asked, seen, [], reach({})) is None
    ways = reach(healthy(), *NAMES)
    told = condition(asked, seen, [], ways)
    assert told is not None
    assert not told.rewrite, "pods of somebody else"
    cast("Any", ways).owned.add("tenant-etcd")
    own = condition(asked, seen, [], ways)
    assert own is not None
    assert (len(own.parts), own.compacts, own.rewrite) == (3, True, "defragment")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("etcd.example.net:2379", "https://etcd.example.net:2379", True),
        ("etcd.example.net:2379", "etcd.example.net:2379/", True),
        ("etcd.example.net:2379", "etcd.example.net:2380", False),
        ("etcd.example.net:2379", "other.example.net:2379", False),
    ],
)
def test_g03_the_endpoint_is_the_store_however_it_is_written(
    one: str, other: str, same: bool
) -> None:
    store = store_named("etcd_external")
    identities = [store.identity(store.values("t", {"endpoint": text})) for text in (one, other)]
    assert (identities[0] == identities[1]) is same


@pytest.mark.parametrize("options", [{}, {"endpoint": ""}, {"endpoint": "https://"}])
def test_g59_there_is_no_external_etcd_without_an_endpoint(options: dict[str, Any]) -> None:
    store = store_named("etcd_external")
    assert [finding.guard for finding in store.findings(store.values("t", options))] == ["G59"]


def test_keys_of_another_name_are_mounted_and_needed_by_that_name() -> None:
    tls = {"secret": "s", "ca_key": "root.pem", "certificate_key": None, "private_key_key": "k"}
    store = store_named("etcd_external")
    assert store.secrets("tenant", {"tls": tls}) == {"s": ("root.pem", "tls.crt", "k")}
    files = store.values("t", {"endpoint": "e:1", "tls": tls})["controlPlane"]["backingStore"]
    assert files["etcd"]["external"]["tls"]["caFile"].endswith("/root.pem")


def test_one_that_the_inventory_does_not_name_is_not_asked() -> None:
    values = store_named("etcd_external").values("tenant", {"endpoint": "e:1"})
    (found,) = checks(spec(), Observation(), [], reach({"e:1": healthy()[NAMES[0]]}), values)
    assert (found.id, found.status) == ("etcd_quorum", "skip")


def test_g30_an_external_etcd_without_a_leader_fails() -> None:
    member = healthy()[NAMES[0]]
    lost = replace(member, said=replace(member.said, leader="0"))
    options = OPTIONS["etcd_external"]
    values = store_named("etcd_external").values("tenant", options)
    asked = spec(StoreSpec("etcd_external", options))
    found = checks(asked, Observation(), [], reach({options["endpoint"]: lost}), values)
    assert [check.id for check in found if check.status == "fail"] == ["etcd_quorum"]


def test_members_behind_a_service_are_all_asked() -> None:
    asked = spec(StoreSpec("etcd_external", OPTIONS["etcd_external"]))
    values = store_named("etcd_external").values("tenant", OPTIONS["etcd_external"])
    found = checks(asked, Observation(), [], reach(healthy(), *NAMES), values)
    assert {result.status for result in found} == {"pass"}
    assert found[0].evidence == "3 of 3 members answer, leader tenant-etcd-0"
    alive = {name: member for name, member in healthy().items() if name != NAMES[1]}
    quorum = checks(asked, Observation(), [], reach(alive, *NAMES), values)[0]
    assert (quorum.status, "2 of 3 members answer" in quorum.evidence) == ("fail", True)


def test_pods_that_speak_the_protocol_and_are_no_etcd_are_skipped() -> None:
    """kine has no JSON gateway."""
    asked = spec(StoreSpec("etcd_external", OPTIONS["etcd_external"]))
    values = store_named("etcd_external").values("tenant", OPTIONS["etcd_external"])
    (found,) = checks(asked, Observation(), [], reach({}, "kine-0", "kine-1"), values)
    assert (found.id, found.status) == ("etcd_quorum", "skip")


def test_a_snapshot_is_taken_of_a_member_that_is_well_and_no_leader() -> None:
    asked = spec(StoreSpec("etcd_external", OPTIONS["etcd_external"]))
    store = store_named("etcd_external")
    values = store.values("tenant", OPTIONS["etcd_external"])
    alive = {name: member for name, member in healthy().items() if name != NAMES[1]}
    with store.source(asked, [], reach(alive, *NAMES), values) as source:
        assert source.title == f"etcd {NAMES[2]}"
