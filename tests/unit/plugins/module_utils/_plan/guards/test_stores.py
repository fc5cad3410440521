# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backing stores: one, the same, with all it needs; and what each store says itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from paper import (
    DEPLOYED,
    EXTERNAL,
    NOTHING,
    TLS,
    VANISHED,
    Running,
    chart,
    installed,
    plane,
    refusing,
    spec,
    warning,
)

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Claim
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan


def test_g01_sqlite_takes_one_replica() -> None:
    assert refusing(plan(spec(replicas=2), NOTHING, chart())) == {"G01"}
    assert not refusing(plan(spec(replicas=1), NOTHING, chart()))
    assert not refusing(plan(spec(replicas=3, store=DEPLOYED), NOTHING, chart()))


def test_g01_replicas_in_raw_values_count_too() -> None:
    asked = spec(values=plane("statefulSet", "highAvailability", "replicas", value=3))
    assert refusing(plan(asked, NOTHING, chart())) == {"G01"}


def test_g02_a_store_without_a_volume_needs_consent() -> None:
    without = {"type": "sqlite", "persistence": False}
    assert refusing(plan(spec(store=without), NOTHING, chart())) == {"G02"}
    lifted = plan(spec(store=without, allow=["G02"]), NOTHING, chart())
    assert "G02" in warning(lifted)
    assert lifted.steps


def test_g03_a_store_is_not_switched_by_values() -> None:
    running = installed(spec()).seen()
    assert "G03" in refusing(plan(spec(store=DEPLOYED), running, chart()))


@pytest.mark.parametrize(
    ("before", "after"), [(True, False), (False, True), ("auto", False), (False, "true")]
)
def test_g03_the_data_of_sqlite_does_not_move_between_volumes(before: Any, after: Any) -> None:
    live, wanted = (
        plane("statefulSet", "persistence", "volumeClaim", "enabled", value=enabled)
        for enabled in (before, after)
    )
    kind = "Deployment" if before is False else "StatefulSet"
    seen = installed(spec(values=live, allow=["G02"]), kind=kind).seen()
    for consent in ([], ["G02"]):
        found = plan(spec(values=wanted, allow=consent), seen, chart())
        assert "G03" in refusing(found)
    assert not refusing(plan(spec(values=live, allow=["G02"]), seen, chart()))


def test_g03_a_volume_that_is_only_named_otherwise_is_the_same() -> None:
    named = spec(values=plane("statefulSet", "persistence", "volumeClaim", "enabled", value=True))
    assert plan(named, installed(spec()).seen(), chart()).kinds == ("values",)


def test_g03_another_volume_of_ones_own_is_another_store() -> None:
    def on(claim: str) -> Any:
        volume = {"name": "data", "persistentVolumeClaim": {"claimName": claim}}
        section = {"volumeClaim": {"enabled": False}, "dataVolume": [volume]}
        values = plane("statefulSet", "persistence", value=section)
        return spec(values=values, allow=["G02"])

    seen = installed(on("one"), kind="Deployment").seen()
    assert refusing(plan(on("two"), seen, chart())) == {"G03"}
    assert not refusing(plan(on("one"), seen, chart()))


@pytest.mark.parametrize(("before", "after"), [(True, False), (False, True)])
def test_g12_the_members_do_not_gain_or_lose_volumes_in_place(before: bool, after: bool) -> None:
    def asked(persistence: bool) -> Any:
        return spec(store={**DEPLOYED, "persistence": persistence}, allow=["G02"])

    seen = installed(asked(before), members=3, kind="Deployment").seen()
    assert refusing(plan(asked(after), seen, chart())) == {"G12"}


def test_g03_another_external_etcd_is_another_store() -> None:
    running = installed_external()
    moved = {**EXTERNAL, "endpoint": "other.example.net:2379"}
    assert refusing(plan(spec(store=moved, replicas=2), running.seen(**TLS), chart())) == {"G03"}
    assert not refusing(plan(spec(store=EXTERNAL, replicas=2), running.seen(**TLS), chart()))


def test_the_store_of_another_vcluster_is_refused() -> None:
    asked = spec(store=EXTERNAL, replicas=2)
    for owner, found in (
        ("", set()),
        (f"{asked.namespace}/{asked.name}", set()),
        ("a/b", {"spec"}),
    ):
        new = Running().seen(**TLS, **VANISHED, store_owner=owner)
        assert refusing(plan(asked, new, chart())) == found
        assert (
            refusing(plan(asked, installed_external().seen(**TLS, store_owner=owner), chart()))
            == found
        )


def installed_external() -> Running:
    first = plan(spec(store=EXTERNAL, replicas=2), Running().seen(**TLS, **VANISHED), chart())
    return Running(first.steps[0].values or {}, replicas=2, kind="Deployment")


@pytest.mark.parametrize("enabled", ["auto", True, False])
def test_g04_two_stores_at_once(enabled: Any) -> None:
    both = {"etcd": {"deploy": {"enabled": True}, "external": {"enabled": True, "endpoint": "e:1"}}}
    raw = plane("backingStore", value=both)
    raw["controlPlane"]["statefulSet"] = {"persistence": {"volumeClaim": {"enabled": enabled}}}
    assert "G04" in refusing(plan(spec(values=raw), NOTHING, chart()))


def test_g14_a_new_member_does_not_start_with_the_data_of_a_removed_one() -> None:
    seen = installed(spec(store={"type": "etcd_deployed", "members": 1}), members=1).seen()
    claims = tuple(Claim(f"data-tenant-a-etcd-{n}", "5Gi", None, "Bound") for n in (0, 2))
    left = plan(spec(store=DEPLOYED), replace(seen, claims=claims), chart())
    assert refusing(left) == {"G14"}
    assert "data-tenant-a-etcd-2" in left.refusals[0].what
    assert not refusing(plan(spec(store=DEPLOYED), replace(seen, claims=claims[:1]), chart()))


def test_g05_a_new_store_has_nobody_to_join() -> None:
    args = ["--initial-cluster-state=existing"]
    path = ("backingStore", "etcd", "deploy", "statefulSet", "extraArgs")
    asked = spec(store=DEPLOYED, values=plane(*path, value=args))
    assert refusing(plan(asked, NOTHING, chart())) == {"G05"}
    assert not refusing(plan(asked, installed(spec(store=DEPLOYED), members=3).seen(), chart()))


@pytest.mark.parametrize(("members", "refused"), [(1, False), (2, True), (3, False), (4, True)])
def test_g07_even_member_counts(members: int, refused: bool) -> None:
    asked = {"type": "etcd_deployed", "members": members}
    assert ("G07" in refusing(plan(spec(store=asked), NOTHING, chart()))) is refused
    assert not refusing(plan(spec(store=asked, allow=["G07"]), NOTHING, chart()))


def test_g62_replicas_on_a_single_member_are_a_warning() -> None:
    single = {"type": "etcd_deployed", "members": 1}
    assert "G62" in warning(plan(spec(replicas=3, store=single), NOTHING, chart()))
    assert "G62" not in warning(plan(spec(replicas=3, store=DEPLOYED), NOTHING, chart()))


def test_g03_a_data_source_is_compared_and_its_password_never_shown() -> None:
    def database(login: str, name: str) -> dict[str, Any]:
        external = {"enabled": True, "dataSource": f"mysql://{login}@db/{name}"}
        return plane("backingStore", "database", "external", value=external)

    live = Running(database("a:0ld-pass", "x")).seen()
    found = plan(spec(values=database("b:n3w-pass", "y")), live, chart())
    assert refusing(found) == {"G03"}
    assert "pass" not in "".join(map(str, found.refusals))
    # Another login to the same database is what a rotated password comes as.
    assert not refusing(plan(spec(values=database("b:n3w-pass", "x")), live, chart()))


@pytest.mark.parametrize(
    ("secrets", "words"),
    [
        ({}, "etcd of vcluster_store does not exist"),
        ({"etcd": ("ca.crt",)}, "lacks tls.crt, tls.key"),
        ({"etcd": ()}, "lacks ca.crt, tls.crt, tls.key"),
        ({"other": ("ca.crt", "tls.crt", "tls.key")}, "does not exist"),
        (TLS["secrets"], ""),
    ],
)
def test_a_secret_that_pods_would_wait_for_is_there_first(
    secrets: dict[str, tuple[str, ...]], words: str
) -> None:
    found = plan(spec(store=EXTERNAL), Running().seen(**VANISHED, secrets=secrets), chart())
    assert bool(found.refusals) is bool(words)
    assert words in "".join(map(str, found.refusals))


def test_an_option_that_means_nothing_to_the_store_is_refused() -> None:
    found = plan(spec(store={"type": "sqlite", "members": 3}), NOTHING, chart())
    assert [finding.what for finding in found.refusals] == [
        "vcluster_store.members means nothing to sqlite."
    ]
