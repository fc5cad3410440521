# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The revision of an empty etcd goes above that of the store that clients come from (G61)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.etcd import KeyChange, Member
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores import raising
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.raising import (
    FEW,
    MOST,
    Raising,
    raise_by_file,
    raise_by_writes,
)


@dataclass
class Counting:
    """An etcd that counts."""

    revision: int = 1
    written: list[bytes] = field(default_factory=list)

    def count(self, revision: int = 0, prefix: bytes = b"") -> tuple[int, int]:
        return self.revision, 0

    def write(self, changes: Sequence[KeyChange]) -> None:
        self.revision += 1
        self.written += [key for key, _value in changes]

    def snapshot(self) -> Iterator[bytes]:
        yield b"data"
        yield b"base"

    def members(self) -> tuple[Member, ...]:
        return tuple(
            Member(str(n), f"a-etcd-{n}", False, (f"https://a-etcd-{n}:2380",)) for n in range(3)
        )


class Api:
    def get(self, path: str) -> Any:
        assert path == "/apis/apps/v1/namespaces/vcluster-a/statefulsets/a-etcd"
        return {"spec": {"replicas": 3}}


@pytest.fixture
def work() -> Raising:
    nothing: Any = None
    api: Any = Api()
    return Raising(api, nothing, lambda: [], nothing, lambda _text: None, "image")


@pytest.fixture
def refilled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the members were filled with."""
    found: list[Any] = []

    def refill(namespace: str, name: str, count: int, delivery: Any, by: int, cluster: str) -> None:
        # Members are filled beside each other.
        with delivery.content() as content, delivery.content() as other:
            assert other.read(3) == b"dat"
            found.append((namespace, name, count, content.read(), delivery.size, by, cluster))

    monkeypatch.setattr(raising, "refill_members", refill)
    return found


def test_g61_by_its_own_tool_it_keeps_what_it_holds_and_who_it_is(
    work: Raising, refilled: list[Any]
) -> None:
    etcd: Any = Counting(7)
    raise_by_file("vcluster-a", "a-etcd", etcd, 2_000_000_000, work)
    cluster = ",".join(f"a-etcd-{n}=https://a-etcd-{n}:2380" for n in range(3))
    assert refilled == [("vcluster-a", "a-etcd", 3, b"database", 8, 1_999_999_993, cluster)]
    assert etcd.written == []


@pytest.mark.parametrize("raised", [raise_by_writes, None])
def test_g61_the_last_few_are_written_below_a_prefix_that_goes(
    raised: Any, work: Raising, refilled: list[Any]
) -> None:
    etcd: Any = Counting(100)
    if raised:
        raise_by_writes("etcd x", etcd, 100 + FEW, work)
    else:
        raise_by_file("vcluster-a", "a-etcd", etcd, 100 + FEW, work)
    assert etcd.revision == 100 + FEW
    assert all(key.startswith(b"/vcluster/") for key in etcd.written)
    assert refilled == []


def test_g61_one_that_is_above_already_stays(work: Raising) -> None:
    etcd: Any = Counting(100)
    raise_by_writes("etcd x", etcd, 7, work)
    assert etcd.written == []


def test_g61_what_would_take_hours_is_refused_with_the_command(work: Raising) -> None:
    etcd: Any = Counting(1)
    with pytest.raises(FleetError, match="etcdutl snapshot restore with --bump-revision"):
        raise_by_writes("etcd x", etcd, MOST + 2, work)
    assert etcd.written == []
