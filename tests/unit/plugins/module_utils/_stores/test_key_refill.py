# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An etcd is filled key by key, whole, and never one that is not the vCluster's alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from members import NAMES, FakeMember, FakeReach, etcd_of, healthy, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.etcd import KeyChange
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
    Pod,
    Release,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import StoreSpec
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.key_refill import (
    replace_keys,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.refill import Refill
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import (
    refill,
    store_named,
    taken_as,
)

OPTIONS = {"endpoint": "etcd.example.net:2379", "tls": {"secret": "client"}}
OLD = {b"/registry/a": b"old", b"/registry/gone": b"1", b"/vcluster/mappings/x": b"2"}
NEW = {b"/registry/%d" % number: b"new" for number in range(250)} | {b"/registry/a": b"new"}


@dataclass(frozen=True)
class Holding(FakeMember):
    """A member that holds keys."""

    keys: dict[bytes, bytes] = field(default_factory=dict)
    lots: list[int] = field(default_factory=list)

    def count(self, revision: int = 0, prefix: bytes = b"") -> tuple[int, int]:
        return 500, sum(key.startswith(prefix) for key in self.keys)

    def compact(self, revision: int) -> None:
        assert self.lots, "it is filled by then"
        self.lots.append(-revision)

    def delete(self, prefix: bytes) -> None:
        assert prefix, "not all of it"
        for key in [key for key in self.keys if key.startswith(prefix)]:
            del self.keys[key]

    def write(self, changes: Sequence[KeyChange]) -> None:
        self.lots.append(len(changes))
        for key, value in changes:
            if value is None:
                self.keys.pop(key, None)
            else:
                self.keys[key] = value


def holding(keys: dict[bytes, bytes]) -> Holding:
    well = healthy()[NAMES[0]]
    return Holding(well.known, well.said, well.hashed, keys=dict(keys))


def work(**more: Any) -> Refill:
    """Of NEW, in which one key has to be another and one has to go."""
    nothing: Any = None
    given: dict[str, Any] = {
        "api": nothing,
        "reach": nothing,
        "pods": lambda: [Pod("etcd", NAMES[0])],
        "way": "keys",
        "items": lambda: iter(NEW.items()),
        "content": nothing,
        "size": 0,
        "sha256": "",
        "revision": 500,
        "raise_by": 0,
        "compare": lambda: None,
        "changes": lambda: iter([(b"/registry/a", b"changed"), (b"/registry/7", None)]),
        "shell_image": "",
        "until": nothing,
        "say": lambda _text: None,
    }
    return Refill(**{**given, **more})


def test_it_holds_the_data_and_nothing_else_afterwards() -> None:
    etcd = holding({**OLD, b"compact_rev_key": b"7"})
    replace_keys("etcd x", etcd, work())
    assert etcd.keys == NEW
    assert max(etcd.lots) <= 128, "etcd takes no more at once"


def test_an_etcd_that_others_use_too_is_not_touched() -> None:
    etcd = holding({**OLD, b"/calico/v1": b"theirs"})
    with pytest.raises(FleetError, match="etcd x holds 1 keys that are no vCluster's"):
        replace_keys("etcd x", etcd, work())
    assert etcd.keys == {**OLD, b"/calico/v1": b"theirs"}


def test_g61_an_etcd_below_the_revision_of_the_snapshot_is_not_touched() -> None:
    etcd = holding(OLD)
    with pytest.raises(FleetError, match="is at revision 500, below 501 of the snapshot"):
        replace_keys("etcd x", etcd, work(revision=501))
    assert etcd.keys == OLD


@pytest.mark.parametrize("way", ["etcd", "keys"])
def test_an_external_etcd_takes_any_data_by_its_keys(way: Any) -> None:
    etcd = holding(OLD)
    seen: list[dict[bytes, bytes]] = []
    asked = spec(StoreSpec("etcd_external", OPTIONS))
    values = store_named("etcd_external").values("tenant", OPTIONS)
    live = Observation(release=Release(1, "deployed", values=values))
    reach: Any = FakeReach({OPTIONS["endpoint"]: etcd})  # type: ignore[dict-item]
    assert taken_as(live, way) == "keys"
    refill(asked, live, work(reach=reach, way=way, compare=lambda: seen.append(dict(etcd.keys))))
    assert seen == [NEW], "compared before it is changed"
    assert etcd.keys.pop(b"/registry/a") == b"changed"
    assert etcd.keys == {
        key: value for key, value in NEW.items() if key not in (b"/registry/a", b"/registry/7")
    }


def test_a_deployed_etcd_takes_the_vendors_archive_through_a_healthy_member() -> None:
    etcd = holding(OLD)
    sick = replace(holding(OLD), said=replace(etcd.said, leader="0"))
    live = Observation(release=Release(1, "deployed", values=etcd_of(3)))
    reach: Any = FakeReach({NAMES[0]: sick, NAMES[1]: etcd})
    pods = [Pod("etcd", name) for name in NAMES]
    assert taken_as(live, "keys") == "keys"
    assert taken_as(live, "etcd") == "etcd"
    refill(spec(), live, work(reach=reach, pods=lambda: pods))
    assert etcd.keys[b"/registry/a"] == b"changed"
    assert len(etcd.keys) == len(NEW) - 1
    assert sick.keys == OLD
