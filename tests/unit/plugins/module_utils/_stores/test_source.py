# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A snapshot comes from a member that is well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import members
import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Claim,
    Observation,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import StoreSpec
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import store_named
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.source import (
    healthy_member,
    surviving_member,
)


def source_of(found: dict[str, members.FakeMember]) -> str:
    with healthy_member(members.NAMES, members.reach(found).member) as source:
        return source.title.removeprefix("etcd member ")


def ill(found: dict[str, members.FakeMember], name: str, **said: Any) -> None:
    found[name] = replace(found[name], said=replace(found[name].said, **said))


def test_the_leader_is_spared() -> None:
    found = members.healthy()
    assert source_of(found) == members.NAMES[1]
    del found[members.NAMES[1]], found[members.NAMES[2]]
    assert source_of(found) == members.NAMES[0], "alone it gives one"


@pytest.mark.parametrize("said", [{"leader": "0"}, {"learner": True}, {"alarms": ("CORRUPT",)}])
def test_g26_a_member_that_is_ill_gives_none(said: dict[str, Any]) -> None:
    found = members.healthy()
    ill(found, members.NAMES[1], **said)
    assert source_of(found) == members.NAMES[2]


def test_a_full_one_still_gives_one() -> None:
    found = members.healthy()
    for name in members.NAMES:
        ill(found, name, alarms=("NOSPACE",))
    assert source_of(found) == members.NAMES[1]


def test_with_nobody_well_each_reason_is_told() -> None:
    found = members.healthy()
    del found[members.NAMES[0]]
    ill(found, members.NAMES[1], leader="")
    ill(found, members.NAMES[2], learner=True)
    with pytest.raises(FleetError) as error:
        source_of(found)
    text = str(error.value)
    for words in ("does not answer", "knows no leader", "still a learner"):
        assert words in text


def test_the_revision_is_read_with_a_quorum_before_the_data() -> None:
    """Without one the member's own data might be older than what was acknowledged."""
    found = members.healthy()

    def no_quorum(_revision: int = 0) -> tuple[int, int]:
        raise Unreachable("timed out")

    found[members.NAMES[1]] = replace(found[members.NAMES[1]], counting=no_quorum)
    with pytest.raises(Unreachable, match="timed out"):
        source_of(found)


def left(*indexes: int, **said: Any) -> dict[str, members.FakeMember]:
    """Members that know no leader, each further than the one before."""
    found = members.healthy()
    for number, name in enumerate(members.NAMES):
        if number in indexes:
            ill(found, name, **{"leader": "0", "raft_index": 900 + number, **said})
        else:
            del found[name]
    return found


def survivor(found: dict[str, members.FakeMember], *lost: int) -> str:
    # As many that are gone for good as keep those that answer from being a quorum.
    names = [*members.NAMES, "tenant-a-etcd-3", "tenant-a-etcd-4", "tenant-a-etcd-5"]
    gone = [*names[3:], *(names[number] for number in lost)]
    with surviving_member(names, gone, members.reach(found).member) as source:
        assert (source.revision, source.count(500)) == (500, None)
        assert b"".join(source.pieces()) == b"database"
        return source.title.split(",")[0].removeprefix("etcd member ")


def test_g26_without_a_quorum_the_member_that_got_furthest_is_taken() -> None:
    assert survivor(left(0, 2), 1) == members.NAMES[2]
    assert survivor(left(0), 1, 2) == members.NAMES[0]


def test_g26_a_learner_and_a_corrupt_one_hold_nothing_to_go_on_with() -> None:
    found = left(0, 1, 2)
    ill(found, members.NAMES[2], learner=True)
    ill(found, members.NAMES[1], alarms=("CORRUPT",))
    assert survivor(found) == members.NAMES[0]
    ill(found, members.NAMES[0], learner=True)
    with pytest.raises(FleetError, match="Restore a snapshot"):
        survivor(found)


def test_g26_a_member_that_does_not_answer_and_is_not_known_to_be_lost_may_hold_more() -> None:
    with pytest.raises(FleetError, match=r"nothing tells that its data is lost"):
        survivor(left(2), 0)


def test_g26_a_quorum_that_has_no_leader_yet_is_one() -> None:
    found, names = left(0, 2), members.NAMES
    with (
        pytest.raises(FleetError, match="2 of 3 etcd members answer, which is a quorum"),
        surviving_member(names, names[1:2], members.reach(found).member),
    ):
        pass


def test_g26_with_a_quorum_nothing_is_taken() -> None:
    found = members.healthy()
    ill(found, members.NAMES[2], leader="0", raft_index=9999)
    with pytest.raises(FleetError, match="etcd has a quorum: "):
        survivor(found)


def test_g26_lost_are_those_whose_log_says_so_and_those_without_a_claim() -> None:
    store, spec = store_named("etcd_deployed"), members.spec()
    counted = {"statefulSet": {"highAvailability": {"replicas": 3}}}
    values = {"controlPlane": {"backingStore": {"etcd": {"deploy": counted}}}}
    claims = tuple(Claim(f"data-{members.NAMES[n]}", "5Gi", None, "Bound") for n in (0, 2))
    seen = Observation(claims=claims, lost_members={2: "its volume is empty"})
    with store.survivor(spec, seen, members.reach(left(0)), values) as source:
        assert members.NAMES[0] in source.title
    with pytest.raises(FleetError, match="nothing tells"):
        store.survivor(spec, Observation(claims=claims), members.reach(left(0)), values).__enter__()


def test_only_a_deployed_etcd_has_survivors() -> None:
    for name in ("sqlite", "etcd_external"):
        with pytest.raises(FleetError, match="no quorum that could be lost"):
            store_named(name).survivor(members.spec(), Observation(), members.reach({}), {})


def test_an_external_etcd_is_asked_where_the_inventory_says() -> None:
    store = store_named("etcd_external")
    spec = members.spec(StoreSpec("etcd_external", members.OPTIONS["etcd_external"]))
    member = members.healthy()[members.NAMES[0]]
    reach = members.reach({"etcd.example.net:2379": member})
    with store.source(spec, (), reach, {}) as source:
        assert source.title == "etcd etcd.example.net:2379"
        assert (source.revision, source.version, source.count(500)) == (500, "3.6.8", 338)
        assert b"".join(source.pieces()) == b"database"
    with (
        pytest.raises(FleetError, match="nothing names the Secret"),
        store.source(members.spec(), (), reach, {}),
    ):
        pass
