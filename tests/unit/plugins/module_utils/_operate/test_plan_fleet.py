# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning a fleet: unchanged ones cost no look, one bad host is data, host clusters go on without each other."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from fakes import FakeHost, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
    Refused,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.finding import refuse
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import (
    plan_fleet as plan_fleet_module,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import spec_of
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.plan_fleet import (
    Entry,
    FleetPlan,
    fleet_as_data,
    plan_fleet,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.show import (
    plan_text,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.status import status_of
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.verbs import LOOK, Verb


def entry(name: str, context: Context, **more: Any) -> Entry:
    arguments = {
        "name": name,
        "version": "0.36.1",
        "kubeconfig": "/k/hc1",
        "store": {"type": "sqlite"},
        **more,
    }
    return Entry(name, spec=spec_of({"host": name, **arguments}, context))


class Observed(FakeHost):
    """Counts the full looks."""

    looks = 0

    def observe(self, spec: Any) -> Any:
        Observed.looks += 1
        return super().observe(spec)


@pytest.fixture
def context(world: World) -> Context:
    def connect(access: Access, warn: Any) -> FakeHost:
        if access.kubeconfig == "/k/away":
            raise Unreachable("Host cluster away does not answer.")
        return Observed(world)

    Observed.looks = 0
    return Context(connect=connect)


def statuses(fleet: FleetPlan) -> dict[str, str]:
    return {found.host: found.status for found in fleet.entries}


def test_an_unchanged_vcluster_is_not_looked_at_in_full(run: Any, context: Context) -> None:
    run()
    fleet = plan_fleet([entry("tenant-a", context)], context)
    assert statuses(fleet) == {"tenant-a": "unchanged"}
    assert Observed.looks == 0


def test_a_changed_inventory_is_planned(run: Any, context: Context) -> None:
    run()
    fleet = plan_fleet(
        [entry("tenant-a", context, values={"telemetry": {"enabled": False}})], context
    )
    assert fleet.entries[0].kinds == ("values",)
    assert Observed.looks == 1


def test_g46_an_unreachable_host_cluster_costs_its_own_vclusters_only(context: Context) -> None:
    fleet = plan_fleet(
        [entry("tenant-a", context), entry("tenant-b", context, kubeconfig="/k/away")], context
    )
    assert statuses(fleet) == {"tenant-a": "planned", "tenant-b": "unreachable"}


ETCD = {"type": "etcd_external", "tls": {"secret": "client"}}


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("etcd.example.net:2379", "https://etcd.example.net:2379/", True),
        ("etcd.example.net:2379", "etcd.example.net:2380", False),
        ("store.ns:2379", "store.ns.svc.cluster.local:2379", True),
        ("store:2379", "store:2379", False),  # each in its own namespace
        ("store:2379", "store.vcluster-tenant-a:2379", True),
    ],
)
def test_two_inventory_hosts_with_their_data_on_one_store_are_both_refused(
    context: Context, one: str, other: str, shared: bool
) -> None:
    fleet = plan_fleet(
        [
            entry("tenant-a", context, store={**ETCD, "endpoint": one}),
            entry("tenant-b", context, store={**ETCD, "endpoint": other}),
        ],
        context,
    )
    told = ["shares the store at" in str(found.error) for found in fleet.entries]
    assert told == [shared, shared]


def test_a_store_that_only_pods_resolve_is_another_one_on_another_host_cluster(
    context: Context,
) -> None:
    for endpoint, shared in (("store.ns:2379", False), ("etcd.example.net:2379", True)):
        asked = {**ETCD, "endpoint": endpoint}
        fleet = plan_fleet(
            [
                entry("tenant-a", context, store=asked),
                entry("tenant-b", context, store=asked, kubeconfig="/k/hc2"),
            ],
            context,
        )
        assert ["shares the store" in str(e.error) for e in fleet.entries] == [shared] * 2


def test_g39_two_inventory_hosts_in_one_namespace_are_both_refused(context: Context) -> None:
    fleet = plan_fleet(
        [entry("tenant-a", context), entry("tenant-b", context, namespace="vcluster-tenant-a")],
        context,
    )
    assert statuses(fleet) == {"tenant-a": "refused", "tenant-b": "refused"}


def test_a_host_whose_variables_are_wrong_stays_refused_and_the_others_go_on(
    context: Context,
) -> None:
    wrong = Entry("tenant-x", error=Refused((refuse("spec", "vcluster_replicas cannot be read."),)))
    fleet = plan_fleet([wrong, entry("tenant-a", context)], context)
    assert statuses(fleet) == {"tenant-x": "refused", "tenant-a": "planned"}


def test_a_defect_while_planning_is_told_and_no_traceback(world: World) -> None:
    def connect(access: Access, warn: Any) -> FakeHost:
        raise ZeroDivisionError("never")

    context = Context(connect=connect)
    fleet = plan_fleet([entry("tenant-a", context)], context)
    assert isinstance(fleet.entries[0].error, FleetError)
    assert "ZeroDivisionError" in str(fleet.entries[0].error)


def test_a_verb_hears_that_nobody_waits_for_it_any_longer(
    monkeypatch: pytest.MonkeyPatch, context: Context
) -> None:
    class Slow(Verb):
        def __init__(self) -> None:
            self.over = threading.Event()

        def prepare(self, *_args: Any) -> None:
            self.over.wait(30)

        def stop(self) -> None:
            self.over.set()

    monkeypatch.setattr(plan_fleet_module, "PLANNING_LIMIT", 0.1)
    slow = Slow()
    fleet = plan_fleet([entry("tenant-a", context)], context, slow)
    assert statuses(fleet) == {"tenant-a": "unreachable"}
    assert slow.over.is_set()


def test_a_status_only_looks(context: Context) -> None:
    fleet = plan_fleet([entry("tenant-a", context)], context, LOOK)
    assert Observed.looks == 0
    assert [status_of(seen).state for seen in fleet.entries] == ["absent"]


def test_the_printed_plan_keeps_to_80_columns_and_names_kind_reason_and_way_out(
    context: Context,
) -> None:
    fleet = plan_fleet(
        [entry("tenant-a", context), entry("tenant-b", context, replicas=3)], context
    )
    text = plan_text(fleet)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "tenant-a: install" in text
    assert "[G01]" in text
    assert "2 vClusters: 1 to change, 0 unchanged, 1 refused" in text


def test_no_secret_reaches_the_plan_file_or_the_printed_plan(context: Context) -> None:
    secret = "s3cret-of-the-vault"
    values = {"controlPlane": {"statefulSet": {"env": [{"name": "X", "value": secret}]}}}
    found = entry(
        "tenant-a", context, values=values, secret_paths=["/controlPlane/statefulSet/env/0/value"]
    )
    fleet = plan_fleet([found], context)
    shown = context.secrets.mask(str(fleet_as_data(fleet)) + plan_text(fleet))
    assert secret not in shown
