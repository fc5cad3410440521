# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes a proved vCluster another one, and what does not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from paper import Running, by_hand, installed, said, spec, trees

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    UNFINISHED,
    Applied,
    Observation,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.digest import (
    LENGTH,
    applied_digest,
    digest,
    unchanged,
)


@given(trees)
def test_the_digest_knows_what_is_asked_for(raw: dict[str, Any]) -> None:
    seen = Running().seen()
    asked = spec(values=raw)
    assert applied_digest(asked, seen) == applied_digest(
        spec(values=json.loads(json.dumps(raw))), seen
    )
    assume(said(raw) != said({**raw, "telemetry": {"enabled": True}}))
    other = spec(values={**raw, "telemetry": {"enabled": True}})
    assert applied_digest(asked, seen) != applied_digest(other, seen)


def test_a_proved_vcluster_is_unchanged_until_somebody_touches_it() -> None:
    asked = spec()
    seen = installed(asked).seen()
    assert seen.release is not None
    applied = Applied(applied_digest(asked, seen), seen.release.revision)
    proved = replace(seen, release=replace(seen.release, applied=applied))
    assert unchanged(asked, proved)
    assert not unchanged(spec(values={"telemetry": {"enabled": False}}), proved)
    scaled = tuple(replace(w, replicas=3, ready=3, updated=3, total=3) for w in seen.workloads)
    assert not unchanged(asked, replace(proved, workloads=scaled))
    newer = replace(seen.release, revision=4, applied=applied)
    assert not unchanged(asked, replace(proved, release=newer)), (
        "G49: the label is another revision's"
    )


def proved(asked: Spec) -> Observation:
    """A vCluster that was proved as it was asked for."""
    seen = installed(asked).seen()
    assert seen.release is not None
    applied = Applied(applied_digest(asked, seen), seen.release.revision)
    return replace(seen, release=replace(seen.release, applied=applied))


@pytest.mark.parametrize(
    "asked",
    [
        {"version": "0.36.0"},
        {"kubernetes_version": "1.36.0"},
        {"replicas": 1},
        {"store": {"type": "sqlite"}},
        {"resources": {"limits": {"cpu": "1"}}},
        {"expose": {"type": "node_port"}},
        {"image_registry": "registry.example.net"},
        {"pull_secrets": []},
        {"values": {"telemetry": {"enabled": True}}},
        {"defaults": {"resources": True}},
        {"chart": "oci://registry.example.net/vcluster"},
    ],
)
def test_whatever_is_asked_otherwise_is_another_vcluster(asked: dict[str, Any]) -> None:
    assert not unchanged(spec(**asked), proved(spec()))


@pytest.mark.parametrize(
    "asked",
    [
        {"host": "renamed"},
        {"cluster": "renamed"},
        {"kubeconfig": "/elsewhere"},
        {"timeouts": {"proof": 9}},
        {"allow": ["G20"]},
        {"proof": "read"},
        {"renew_before": 0},
        {"hops": 1},
        {"state": "present"},
        {"snapshots": {"directory": "/backups"}},
        {"move_from": {"kubeconfig": "/elsewhere"}},
    ],
)
def test_how_to_get_there_and_how_to_prove_it_is_no_difference(asked: dict[str, Any]) -> None:
    assert unchanged(spec(**asked), proved(spec()))


def test_a_rotated_secret_is_a_difference() -> None:
    seen = replace(proved(spec()), references={"db": "uid/1"})
    assert not unchanged(spec(), seen)
    assert applied_digest(spec(), seen) != applied_digest(
        spec(), replace(seen, references={"db": "uid/2"})
    )


def test_no_vcluster_that_is_not_well_counts_as_unchanged() -> None:
    seen = proved(spec())
    assert seen.release is not None
    assert unchanged(spec(), seen)
    for sick in (
        replace(seen, paused="loft.sh/paused"),
        replace(seen, workloads=()),
        replace(seen, release=None),
        replace(seen, release=replace(seen.release, status="failed")),
        replace(seen, release=replace(seen.release, applied=None)),
        replace(seen, release=replace(seen.release, applied=Applied(UNFINISHED, 3))),
        by_hand(seen, ready=0),
    ):
        assert not unchanged(spec(), sick)


def test_a_digest_knows_content_and_no_order_of_keys() -> None:
    assert digest({"a": 1, "b": {"x", "y"}}) == digest({"b": frozenset(("y", "x")), "a": 1})
    assert digest([1, 2]) != digest([2, 1])
    assert digest({"a": None}) != digest({})
    assert digest({"a": "1"}) != digest({"a": 1})
    assert len(digest("")) == LENGTH
