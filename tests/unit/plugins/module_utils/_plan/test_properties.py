# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Laws of the three-way comparison, the digest and the mask, on trees that nobody thought of."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from paper import Running, chart, installed, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Applied
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.digest import (
    applied_digest,
    unchanged,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.mask import mask
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.merge import (
    three_way,
    without,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import (
    build,
    leaves,
    merged,
    pointer,
)

scalars = st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "b", ""])
keys = st.sampled_from(["a", "b", "c", "d"])
trees = st.recursive(
    st.dictionaries(keys, scalars | st.lists(scalars, max_size=2), max_size=3),
    lambda below: st.dictionaries(keys, below | scalars, max_size=3),
    max_leaves=8,
)


def said(tree: dict[str, Any]) -> dict[str, Any]:
    """The tree without empty mappings, which say nothing."""
    return build(leaves(tree))


@given(trees)
def test_nothing_asked_for_means_nothing_changed(live: dict[str, Any]) -> None:
    found = three_way(None, live, {})
    assert found.changes == ()
    assert found.values == said(live)
    assert set(found.foreign) == {pointer(path) for path, _value in leaves(live)}


@given(trees, trees, trees)
def test_comparing_again_after_the_change_finds_nothing(
    base: dict[str, Any], live: dict[str, Any], desired: dict[str, Any]
) -> None:
    first = three_way(base, live, desired)
    second = three_way(without(first.values, first.foreign), first.values, desired)
    assert second.changes == ()
    assert second.values == first.values
    assert second.foreign == first.foreign


@given(trees, trees)
def test_what_is_asked_for_is_there(live: dict[str, Any], desired: dict[str, Any]) -> None:
    wanted = dict(leaves(desired))
    found = dict(leaves(three_way(None, live, desired).values))
    assert {path: found.get(path) for path in wanted} == wanted


@given(trees, trees)
def test_what_is_no_longer_asked_for_goes(base: dict[str, Any], live: dict[str, Any]) -> None:
    kept = dict(leaves(three_way(base, merged(live, base), {}).values))
    assert not kept.keys() & dict(leaves(base)).keys()


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


@given(st.text("xyz", min_size=8, max_size=8), st.lists(keys, min_size=1, max_size=3))
def test_g38_the_mask_hides_what_is_secret(secret: str, path: list[str]) -> None:
    tree = build([(tuple(path), secret), (("database", "password"), secret)])
    hidden = mask(tree, [pointer(tuple(path))])
    assert secret not in json.dumps(hidden)
    assert tuple(path) in dict(leaves(hidden))


@given(trees)
def test_planning_after_the_install_finds_nothing_to_change(raw: dict[str, Any]) -> None:
    asked = spec(values={"sync": raw})
    assert plan(asked, installed(asked).seen(), chart()).kinds == ("prove",)
