# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Advice on sizes, and the size of what runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.load import DAY, Load
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Autoscaling
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.load_advice import (
    Size,
    advice,
    size_of,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import merged

QUIET = Load(1, 60.0, {"LIST": 20.0}, 0.0, 0.05, 0.01, 2, 5e6, 0.0, 0.2, 3e8)
ASKED = Autoscaling(3, by="load", requests=100, latency_ms=1000, cool_down=600)
HPA = Autoscaling(3, requests=100, latency_ms=1000)
MINUTES_A_DAY = DAY / 60


def busy(rate: float, **more: Any) -> Load:
    return replace(QUIET, requests={"GET": rate / 2, "POST": rate / 2}, **more)


def grown(megabytes: float, **more: Any) -> Load:
    return busy(10, growth=megabytes * 1e6 * MINUTES_A_DAY, **more)


def size(**more: Any) -> Size:
    return replace(Size("etcd_deployed", 1, True, False, 1.0, None, None, 1e9, 2e9), **more)


SQLITE = size(store="sqlite", shared=False, one_writer=True)
THREE = size(replicas=3)
EMBEDDED = size(store="etcd_embedded", replicas_are_members=True)


@pytest.mark.parametrize(
    ("load", "found", "words"),
    [
        (QUIET, size(), None),
        (busy(70), size(), None),  # where the load decides, the rule says it
        (busy(130), size(), None),
        (busy(150), size(replicas=2), None),
        (busy(150, replicas=3), THREE, None),
        (busy(450, replicas=3), THREE, "more replicas than 3 (vcluster_autoscaling.max): 150 requests/s"),
        (busy(750, replicas=5), size(replicas=5), "more replicas than 3 (vcluster_autoscaling.max): 150 requests/s"),
        (busy(10, store_bytes=6e8), SQLITE, "sqlite to etcd, which takes replicas: its database has 600 MB"),
        (busy(10, store_p99=0.4), SQLITE, "its p99 is 400 ms"),
        (busy(90), SQLITE, "from sqlite to etcd"),
        (busy(90), size(store="etcd_embedded", shared=False), None),
        (busy(10, store_bytes=6e8), size(store="etcd_embedded", shared=False), None),
        (busy(10, store_p99=0.4), THREE, "a faster volume for the store: its p99 is 400 ms"),
        (busy(10, cpu=0.9), THREE, "a larger CPU request: 0.90 of 1 cores are used"),
        (busy(10, cpu=0.9), size(cpu_request=None), None),
        (busy(10, cpu=0.9), size(cpu_request=None, cpu_limit=1.0), "a larger CPU limit: 0.90 of 1"),
        (busy(10, cpu=0.9), size(cpu_limit=1.0), "a larger CPU limit: 0.90 of 1"),  # one number, one thing
        (busy(10, cpu=0.9), size(cpu_limit=4.0), "a larger CPU request: 0.90 of 1"),
        (busy(10, cpu=0.35), size(cpu_request=0.2), None),  # the chart's own, which an idle one exceeds
        (busy(10, cpu=0.45), size(cpu_request=0.2), "a larger CPU request: 0.45 of 0.2 cores are used"),
        (busy(10, memory=9e8), THREE, "a larger memory limit: 900 of 1000 MB are used"),
        (busy(10, memory=9e8), size(memory_request=9e8), "a larger memory limit: 900 of 1000 MB are used"),
        (busy(10, memory=3e8), size(memory_request=2.7e8), "a larger memory request: 300 of 270 MB"),
        (busy(10, store_bytes=1.7e9), THREE, "its volume or its quota: 1700 of 2000 MB are used"),
        (grown(9, store_bytes=1.7e9), THREE, "1700 of 2000 MB are used; it grew by 9 MB in 60 s"),
        (grown(9, store_bytes=1.7e9), size(store_room=None), None),
        (grown(17), THREE, None),  # one step of a file of etcd says nothing
        (grown(-900), THREE, None),  # it was defragmented
        (grown(40, store_bytes=4e8), THREE, "it grew by 40 MB in 60 s; at that pace its 2000 MB are full in 40 min"),
        (grown(40, store_bytes=4e8), size(store_room=2e10), "20000 MB are full in 8 h"),
        (grown(40, store_bytes=4e8), size(members=1), "at that pace its 2000 MB are full in 40 min"),
        (grown(40, store_bytes=4e8), size(members=3), None),  # perhaps the sizes of two members
    ],
)  # fmt: skip
def test_advice_comes_with_its_numbers(load: Load, found: Size, words: str | None) -> None:
    said = list(advice(load, ASKED, found))
    assert len(said) == (words is not None), said
    assert words is None or words in said[0]


@pytest.mark.parametrize(
    ("load", "asked", "found", "words"),
    [
        (busy(450, replicas=3), None, THREE, "more replicas than 3 (vcluster_replicas): 150 requests/s"),
        (busy(55), None, size(), None),
        (busy(70), None, size(), "from one replica to three (vcluster_replicas: 3): 70 requests/s"),
        (busy(150), HPA, size(), "from one replica to three (vcluster_replicas: 3): 150 requests/s"),
        (busy(150), None, EMBEDDED, "from one replica to three (vcluster_replicas: 3): 150 requests/s"),
        (busy(450, replicas=3), None, replace(EMBEDDED, replicas=3), None),  # 4 is none of its counts (G07)
        (busy(750, replicas=5), None, replace(EMBEDDED, replicas=5), None),  # nor is 6 (G59)
    ],
)  # fmt: skip
def test_where_the_load_does_not_decide_the_count_is_advice(
    load: Load, asked: Autoscaling | None, found: Size, words: str | None
) -> None:
    said = list(advice(load, asked, found))
    assert [text[: len(words)] for text in said] == [words] if words else said == []


def test_a_store_that_is_almost_full_is_told_without_the_growth_of_several_members() -> None:
    (said,) = advice(grown(9, store_bytes=1.7e9), ASKED, size(members=3))
    assert said.endswith("1700 of 2000 MB are used")


# The resources and stores of values.yaml, 0.36.1.
STATEFUL_SET: dict[str, Any] = {
    "highAvailability": {"replicas": 1},
    "resources": {
        "requests": {"cpu": "200m", "memory": "256Mi"},
        "limits": {"memory": "4Gi", "ephemeral-storage": "8Gi"},
    },
    "persistence": {"volumeClaim": {"enabled": "auto", "size": "5Gi"}},
}
ETCD: dict[str, Any] = {
    "highAvailability": {"replicas": 1},
    "persistence": {"volumeClaim": {"enabled": True, "size": "5Gi"}},
    "extraArgs": [],
}
DEFAULTS = {
    "controlPlane": {
        "statefulSet": STATEFUL_SET,
        "backingStore": {"etcd": {"deploy": {"statefulSet": ETCD}}},
    }
}


def with_values(plane: Any = None, etcd: Any = None) -> dict[str, Any]:
    deploy = {"enabled": True, "statefulSet": etcd} if etcd is not None else {}
    values = {"statefulSet": plane or {}, "backingStore": {"etcd": {"deploy": deploy}}}
    return merged(DEFAULTS, {"controlPlane": values})


def test_what_nobody_said_is_as_the_chart_has_it() -> None:
    found = size_of(DEFAULTS)
    assert found == Size("sqlite", 1, False, True, 0.2, None, 256 * 2**20, 4 * 2**30, 5 * 2**30)
    assert size_of(DEFAULTS, 3).replicas == 3


def test_what_was_said_stands_above_the_charts_defaults() -> None:
    plane = {
        "highAvailability": {"replicas": 3},
        "resources": {"requests": {"cpu": 2}, "limits": {"cpu": "4", "memory": None}},
    }
    found = size_of(with_values(plane, {}))
    assert (found.store, found.replicas, found.one_writer) == ("etcd_deployed", 3, False)
    assert (found.cpu_request, found.cpu_limit) == (2.0, 4.0)
    assert (found.memory_request, found.memory_limit) == (256 * 2**20, None)


@pytest.mark.parametrize(("store", "are"), [("deploy", False), ("embedded", True)])
def test_the_members_of_a_store_are_counted(store: str, are: bool) -> None:
    count = {"highAvailability": {"replicas": 3}}
    etcd = {store: {"enabled": True, "statefulSet": {} if are else count}}
    values = {"statefulSet": count if are else {}, "backingStore": {"etcd": etcd}}
    found = size_of(merged(DEFAULTS, {"controlPlane": values}))
    assert (found.members, found.replicas_are_members) == (3, are)


@pytest.mark.parametrize(
    ("etcd", "room"),
    [
        ({}, 2 * 2**30),
        ({"extraArgs": ["--quota-backend-bytes=0"]}, 2 * 2**30),
        ({"extraArgs": ["--x", "--quota-backend-bytes=1000", "--quota-backend-bytes=4000000000"]}, 4e9),
        ({"extraArgs": ["--quota-backend-bytes=8589934592"]}, 5 * 2**30),
        ({"extraArgs": ["--quota-backend-bytes", "4000000000", "--x"]}, 4e9),
        ({"extraArgs": ["--quota-backend-bytes=1000", "-quota-backend-bytes", "4000000000"]}, 4e9),
        ({"extraArgs": ["--quota-backend-bytes", "8589934592"]}, 5 * 2**30),
        ({"extraArgs": ["--quota-backend-bytes", "0"]}, 2 * 2**30),
        ({"extraArgs": ["--quota-backend-bytes=-1"]}, 5 * 2**30),  # none at all
        ({"extraArgs": ["--quota-backend-bytes=1000", "--quota-backend-bytes=0x100000000"]}, 5 * 2**30),
        ({"extraArgs": ["--quota-backend-bytes"]}, 5 * 2**30),
        ({"persistence": {"volumeClaim": {"size": "1Gi"}}}, 2**30),
        ({"persistence": {"volumeClaim": {"enabled": False, "size": "1Gi"}}}, 2 * 2**30),
    ],
)  # fmt: skip
def test_a_store_has_room_up_to_its_quota_or_its_volume(etcd: Any, room: float) -> None:
    assert size_of(with_values(etcd=etcd)).store_room == room


def test_a_store_elsewhere_has_a_room_that_nobody_knows() -> None:
    gone = {"persistence": {"volumeClaim": {"enabled": False}}}
    assert size_of(with_values(gone)).store_room is None
    external = {"external": {"enabled": True, "endpoint": "x:2379"}}
    values = merged(DEFAULTS, {"controlPlane": {"backingStore": {"etcd": external}}})
    assert size_of(values).store_room is None
