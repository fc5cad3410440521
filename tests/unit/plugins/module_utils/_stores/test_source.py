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
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import StoreSpec
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import store_named
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.source import healthy_member


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
        pytest.raises(FleetError, match="names no endpoint"),
        store.source(members.spec(), (), reach, {}),
    ):
        pass
