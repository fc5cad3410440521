# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which store the pod uses, and whose checks, Secrets and objects are taken."""

from __future__ import annotations

import pytest
from members import OPTIONS

from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import (
    STORES,
    scrapes,
    store_in,
    store_named,
    stores_on,
)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_store_is_recognised_in_the_values_it_gives(name: str) -> None:
    store = store_named(name)
    assert store.option_findings(OPTIONS[name]) == []
    assert store_in(store.values("tenant", OPTIONS[name])) is store


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_of_another_store_is_named(name: str) -> None:
    others = {key for options in OPTIONS.values() for key in options} - set(OPTIONS[name])
    strange = next(key for key in ("endpoint", "members") if key in others)
    (finding,) = store_named(name).option_findings({strange: 1})
    assert f"vcluster_store.{strange}" in finding.what
    assert finding.severity == "refuse"


def test_the_pod_takes_the_first_of_several_stores_and_all_are_seen() -> None:
    every = {
        "controlPlane": {
            "backingStore": {
                "etcd": {kind: {"enabled": True} for kind in ("embedded", "external", "deploy")},
                "database": {kind: {"enabled": True} for kind in ("embedded", "external")},
            }
        }
    }
    assert store_in(every).type == "etcd_embedded"
    sql = (
        "postgresql",
        "mysql",
    )  # behind kine it is no external etcd, and by the vendor no connector
    assert [store.type for store in stores_on(every)] == [
        store.type for store in STORES if store.type not in sql
    ]
    assert store_in({}).type == "sqlite"
    assert stores_on({}) == ()


API = {"apiserver", "controller-manager"}
OF_STORES = {
    "sqlite": {"kine"},
    "etcd_deployed": {"etcd"},
    "etcd_embedded": {"etcd"},
    "etcd_external": set(),  # a name of somebody else's; see below
    "postgresql": {"kine"},
    "mysql": {"kine"},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_what_gives_metrics_goes_by_the_store(name: str) -> None:
    spec = spec_from({"name": "t"})
    values = store_named(name).values("t", OPTIONS[name])
    found = scrapes(spec, "0.36.1", values)
    assert {scrape.component for scrape in found} == API | OF_STORES[name]
    assert all(scrape.path for scrape in found)


def test_an_old_line_gives_none_of_the_stores_within_the_control_plane() -> None:
    for name in ("sqlite", "etcd_embedded"):
        values = store_named(name).values("t", OPTIONS[name])
        found = scrapes(spec_from({"name": "t"}), "0.34.7", values)
        assert {scrape.component for scrape in found} == API


def test_what_the_chart_monitors_is_not_doubled() -> None:
    values = {"controlPlane": {"serviceMonitor": {"enabled": True}}}
    (only,) = scrapes(spec_from({"name": "t"}), "0.36.1", values)
    assert only.path == "/metrics/kine"


@pytest.mark.parametrize(
    ("endpoint", "found"),
    [
        ("https://t-store.vcluster-t:2379", ("t-store", "vcluster-t")),
        ("store.shared.svc:2379", ("store", "shared")),
        ("store.shared.svc.cluster.local:2379", ("store", "shared")),
        ("10.0.0.5:2379", None),
        ("etcd.of.example.com:2379", None),
        ("etcd:2379", None),
    ],
)
def test_an_external_etcd_is_told_by_its_service(
    endpoint: str, found: tuple[str, str] | None
) -> None:
    values = store_named("etcd_external").values("t", {"endpoint": endpoint})
    scrape = scrapes(spec_from({"name": "t"}), "0.36.1", values)[len(API) :]
    told = [(one.labels["app.kubernetes.io/instance"], one.namespace) for one in scrape]
    assert told == ([found] if found else [])
