# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Telling the store of a vCluster that somebody else installed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Workload
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.seen import (
    needs_licence,
    store_seen,
)


def config(*path: str) -> dict[str, Any]:
    section: Any = {"enabled": True}
    for key in reversed(path):
        section = {key: section}
    return {"controlPlane": {"backingStore": section}}


@pytest.mark.parametrize(
    ("path", "store", "licence"),
    [
        (("database", "embedded"), "sqlite", False),
        (("database", "external"), "database_external", True),
        (("etcd", "deploy"), "etcd_deployed", False),
        (("etcd", "embedded"), "etcd_embedded", True),
        (("etcd", "external"), "etcd_external", False),
    ],
)
def test_g33_the_configuration_tells_the_store_and_whether_it_needs_a_licence(
    path: tuple[str, ...], store: str, licence: bool
) -> None:
    assert store_seen(config(*path), ()) == store
    assert needs_licence(config(*path)) is licence


def test_nothing_switched_on_is_sqlite() -> None:
    assert store_seen({}, ()) == "sqlite"


PLANE = Workload("control_plane", "Deployment", "a", 1)
WITH_VOLUME = Workload("control_plane", "StatefulSet", "a", 1)
ETCD = Workload("etcd", "StatefulSet", "a-etcd", 3)


@pytest.mark.parametrize(
    ("workloads", "store"),
    [((PLANE, ETCD), "etcd_deployed"), ((WITH_VOLUME, ETCD), ""), ((WITH_VOLUME,), ""), ((), "")],
)
def test_workloads_alone_tell_only_a_deployed_etcd(
    workloads: tuple[Workload, ...], store: str
) -> None:
    assert store_seen(None, workloads) == store
    assert needs_licence(None) is False
