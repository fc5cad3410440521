# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking over a vCluster as it runs: what is written asks for nothing (G52)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from paper import DEPLOYED, Running, by_hand, chart, nested, plane, said, spec, trees

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.adoption import adoption
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import merged

STORE = ("backingStore", "etcd", "deploy")
ETCD = merged(
    plane(*STORE, "enabled", value=True),
    plane(*STORE, "statefulSet", "highAvailability", "replicas", value=3),
)
REPLICAS = ("statefulSet", "highAvailability", "replicas")
TAG = ("distro", "k8s", "image", "tag")
PINNED = merged(plane(*REPLICAS, value=3), plane(*TAG, value="v1.36.0"))
FOREIGN: dict[str, Any] = {"telemetry": {"enabled": False}, "networking": {"x": 1}}


def identity() -> Spec:
    return spec(version=None)


@pytest.mark.parametrize(
    ("values", "more", "arguments"),
    [
        ({}, {}, {"store": {"type": "sqlite"}}),
        (
            merged(ETCD, PINNED),
            {"members": 3, "replicas": 3},
            {"store": DEPLOYED, "replicas": 3, "kubernetes_version": "1.36.0"},
        ),
        (
            merged(plane(*STORE, "enabled", value=True), {}),
            {"members": 1},
            {"store": {"type": "etcd_deployed"}},
        ),
        (
            merged(
                plane("backingStore", "etcd", "external", "enabled", value=True),
                plane("backingStore", "etcd", "external", "endpoint", value="e:2379"),
            ),
            {"kind": "Deployment"},
            {"store": {"type": "etcd_external", "endpoint": "e:2379"}},
        ),
    ],
)
def test_g52_what_the_values_say_is_written_and_the_first_plan_only_proves(
    values: dict[str, Any], more: dict[str, Any], arguments: dict[str, Any]
) -> None:
    seen = Running(merged(values, FOREIGN), proved=False, **more).seen()
    taken = adoption(identity(), seen, chart())
    assert taken.arguments == {"version": "0.36.1", **arguments}
    assert taken.harmless
    first = plan(spec(**taken.arguments), seen, chart())
    assert first.kinds == ("prove",)
    assert set(first.foreign) >= {"/telemetry/enabled", "/networking/x"}


def test_a_default_that_the_values_do_not_say_is_a_note_since_asking_for_it_would_be_a_change() -> (
    None
):
    seen = Running(proved=False).seen()
    taken = adoption(identity(), seen, chart())
    assert "replicas" not in taken.arguments
    assert any(note.startswith("vcluster_replicas: 1 is what runs") for note in taken.notes)
    assert plan(spec(replicas=1), seen, chart()).kinds == ("values",)


def test_a_store_that_cannot_be_asked_for_is_named_and_kept() -> None:
    database = {"enabled": True, "connector": "mine"}
    values = plane("backingStore", "database", "external", value=database)
    taken = adoption(identity(), Running(values, kind="Deployment", proved=False).seen(), chart())
    assert "store" not in taken.arguments
    assert any("store database_external" in note for note in taken.notes)
    assert any(note.startswith("G33") for note in taken.notes)
    assert taken.harmless


def test_g38_an_endpoint_with_a_password_is_not_written() -> None:
    external = ("backingStore", "etcd", "external")
    values = merged(
        plane(*external, "enabled", value=True),
        plane(*external, "endpoint", value="https://root:s3cret@e:2379"),
    )
    taken = adoption(identity(), Running(values, kind="Deployment", proved=False).seen(), chart())
    assert "s3cret" not in str((taken.arguments, taken.notes))
    assert taken.harmless


def test_a_change_by_hand_is_not_harmless() -> None:
    seen = by_hand(Running(proved=False).seen(), replicas=2)
    taken = adoption(identity(), seen, chart())
    assert not taken.harmless
    assert taken.plan.kinds == ("values",)


def test_a_refusal_is_not_harmless() -> None:
    seen = Running(proved=False).seen(paused="loft.sh/paused")
    assert not adoption(identity(), seen, chart()).harmless


def test_values_that_this_collection_asked_for_would_be_removed_which_is_not_harmless() -> None:
    assert not adoption(identity(), Running(FOREIGN, proved=True).seen(), chart()).harmless


def test_adopting_again_what_was_adopted_gives_the_same() -> None:
    running = Running(merged(merged(ETCD, PINNED), FOREIGN), members=3, replicas=3, proved=False)
    before = adoption(identity(), running.seen(), chart())
    seen = running.seen()
    assert seen.release is not None
    proved = replace(seen.release, foreign=before.plan.foreign)
    again = adoption(identity(), running.seen(release=proved, base=proved), chart())
    assert again.harmless
    assert (again.arguments, again.notes) == (before.arguments, before.notes)


def test_names_of_many_kept_values_are_cut_short_and_their_content_is_not_told() -> None:
    values = nested("networking", value={f"key{number}": "s3cret" for number in range(9)})
    taken = adoption(identity(), Running(values, proved=False).seen(), chart())
    (kept,) = (note for note in taken.notes if note.startswith("Values kept"))
    assert kept.endswith("networking.key5 and 3 more.")
    assert "s3cret" not in kept


@given(trees)
def test_g52_whatever_else_stands_in_the_values_is_left_alone(tree: dict[str, Any]) -> None:
    seen = Running(said({"networking": tree}), proved=False).seen()
    assert adoption(identity(), seen, chart()).harmless
